"""What is shown of attention: which heads are put together, which tokens are left out, and how much of the weight is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from playground.core.attention_types import AttentionMap, PartMap, Side
from playground.core.errors import InputError
from playground.views.attention.token_names import names

ALL = 1.0  # of the mass: nothing is blank


class Combine(StrEnum):
    """Which heads are put together, cell by cell."""

    ONE = "one"
    LAYER_MEAN = "layer-mean"
    LAYER_MAX = "layer-max"
    ALL_MEAN = "all-mean"
    ALL_MAX = "all-max"


@dataclass(frozen=True)
class Choice:
    """mass: of each query's weight as it is shown, the share that is kept: the fewest keys that hold it."""

    combine: Combine = Combine.ONE
    hide_special: bool = False
    hide_first: bool = False
    words: bool = False
    mass: float = ALL


@dataclass(frozen=True)
class Shown:
    """weights: float32 [rows, columns], NaN where a cell is blank. rows, columns: the tokens that each is made of, by their
    places, and what it is called.

    hidden: the share of the rows' weight that goes to columns left out, 0..1; blank: to blank cells. None where weights are the
    greatest of several heads, which are no shares.
    """

    weights: np.ndarray
    rows: tuple[tuple[int, ...], ...]
    columns: tuple[tuple[int, ...], ...]
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    hidden: float | None
    blank: float | None


def shown(found: AttentionMap, part: PartMap, layer: int, head: int, choice: Choice) -> Shown:
    """Raises InputError: no such head, weights that are not kept, nothing left to show."""
    queries, keys = found.sides[part.part.queries], found.sides[part.part.keys]
    rows, columns = groups(queries, choice.words), groups(keys, choice.words)
    weights = _combined(part, layer, head, choice, rows, columns)
    row_kept = np.array([_kept(group, queries, choice) for group in rows], bool)
    column_kept = np.array([_kept(group, keys, choice) for group in columns], bool)
    if not row_kept.any() or not column_kept.any():
        raise InputError("Nothing is left to show: every token of this text is hidden. Show some of them again.")
    seen = weights[row_kept][:, column_kept]
    shares = choice.combine not in (Combine.LAYER_MAX, Combine.ALL_MAX)
    hidden = float(1 - seen.sum(axis=1, dtype=np.float64).mean()) if shares and not column_kept.all() else 0.0
    kept = strongest(seen, choice.mass)
    blank = float(np.where(kept, 0, seen).sum(axis=1, dtype=np.float64).mean()) if shares else None
    rows = [group for group, keep in zip(rows, row_kept, strict=True) if keep]
    columns = [group for group, keep in zip(columns, column_kept, strict=True) if keep]
    return Shown(
        np.where(kept, seen, np.float32(np.nan)).astype(np.float32),
        tuple(rows),
        tuple(columns),
        names(queries, rows),
        names(keys, columns),
        min(1.0, max(0.0, hidden)) if shares else None,
        blank,
    )


def groups(side: Side, words: bool) -> list[tuple[int, ...]]:
    """Places of the tokens that make one row or column: one each, or those of a word. Special tokens stand alone."""
    if not words:
        return [(place,) for place in range(len(side))]
    found: dict[object, list[int]] = {}
    for place, word in enumerate(side.words):
        found.setdefault(word if word >= 0 else ("alone", place), []).append(place)
    return [tuple(places) for places in found.values()]


def of_words(weights: np.ndarray, rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]) -> np.ndarray:
    """[..., Q, K] of pieces -> [..., rows, columns] of words: attention to a word is the sum over its pieces, attention from it
    their mean, so that rows go on summing to 1 (Clark et al. 2019, arXiv 1906.04341, section 4.1).
    """
    count, keys = weights.shape[-2:]
    sources = np.zeros((len(rows), count), np.float32)
    for number, places in enumerate(rows):
        sources[number, list(places)] = 1 / len(places)
    targets = np.zeros((keys, len(columns)), np.float32)
    for number, places in enumerate(columns):
        targets[list(places), number] = 1
    found: np.ndarray = sources @ weights @ targets
    return found


def strongest(weights: np.ndarray, mass: float) -> np.ndarray:
    """bool like weights [Q, K]: of each row the fewest cells, the greatest first, that hold this share of the row's sum; of equals
    the first. A row of zeros keeps its first.
    """
    if mass >= ALL:
        return np.ones_like(weights, bool)
    order = np.argsort(-weights, axis=1, kind="stable")
    sorted_ = np.take_along_axis(weights, order, axis=1).astype(np.float64)
    before = np.cumsum(sorted_, axis=1) - sorted_  # of the cells in front of each
    wanted = before < mass * sorted_.sum(axis=1, keepdims=True) * (1 - 1e-9)
    wanted[:, 0] = True
    kept = np.zeros_like(wanted)
    np.put_along_axis(kept, order, wanted, axis=1)
    return kept


def _kept(places: Sequence[int], side: Side, choice: Choice) -> bool:
    if choice.hide_first and 0 in places:
        return False
    return not (choice.hide_special and all(side.special[place] for place in places))


def _combined(
    part: PartMap,
    layer: int,
    head: int,
    choice: Choice,
    rows: Sequence[tuple[int, ...]],
    columns: Sequence[tuple[int, ...]],
) -> np.ndarray:
    """float32 [rows, columns]. The greatest is taken of words where words are shown: then no weight is above 1."""
    everything = choice.combine in (Combine.ALL_MEAN, Combine.ALL_MAX)
    if everything and not part.whole:
        raise InputError(
            "This text is too long for all layers to be put together: choose one head or one layer, or look at a shorter text."
        )
    if not everything and (layer not in part.weights or not 0 <= head < part.part.heads):
        raise InputError("This model has no such head: choose one of the overview.")
    layers = [part.weights[at] for at in range(part.part.layers)] if everything else [part.weights[layer]]
    if choice.combine is Combine.ONE:
        layers = [layers[0][head : head + 1]]
    if choice.words:
        layers = [of_words(one, rows, columns) for one in layers]
    if choice.combine in (Combine.LAYER_MAX, Combine.ALL_MAX):
        greatest: np.ndarray = np.maximum.reduce([one.max(axis=0) for one in layers])
        return greatest
    total: np.ndarray = np.sum([one.mean(axis=0, dtype=np.float64) for one in layers], axis=0) / len(layers)
    return total.astype(np.float32)
