"""What kind of head is this? Numbers for each head of a layer, from its weights and the tokens they are between.

The formulas are in `core.head_measures`, as the page shows them. All measures but the entropy's are sums of weights times numbers
that depend on the text alone, and so one product of matrices for all heads.
"""

from __future__ import annotations

import unicodedata

import numpy as np

from playground.core.attention_types import Part, PartName, Side
from playground.core.head_measures import MEASURES

_LEAST = np.float32(1e-30)  # a weight of 0 adds nothing to an entropy, and has a logarithm so


def scores(weights: np.ndarray, part: Part, queries: Side, keys: Side) -> np.ndarray:
    """weights float32 [heads, Q, K] of one layer, each row summing to 1 -> float32 [heads, measures], in the order of `MEASURES`;
    NaN where a measure says nothing of this text or this part.
    """
    heads, many_queries, many_keys = weights.shape
    flat = np.ascontiguousarray(weights, dtype=np.float32).reshape(heads, -1)  # [heads, Q · K]
    found = np.full((heads, len(MEASURES)), np.nan, dtype=np.float32)
    chosen = factors(part, queries, keys)
    named = [place for place, measure in enumerate(MEASURES) if measure.name in chosen]
    if named:
        table = np.stack([chosen[MEASURES[place].name].reshape(-1) for place in named])  # [chosen, Q · K]
        found[:, named] = flat @ table.T
    logarithms = np.log(np.maximum(flat, _LEAST))
    entropy = np.array([-np.dot(row, log) for row, log in zip(flat, logarithms, strict=True)]) / many_queries
    most = most_entropy(part, many_queries, many_keys)
    for place, measure in enumerate(MEASURES):
        if measure.name == "entropy":
            found[:, place] = np.clip(entropy, 0, most)
        elif measure.name == "breadth" and most > 0:
            found[:, place] = np.clip(entropy / most, 0, 1)
        elif measure.share:
            found[:, place] = np.clip(found[:, place], 0, 1)  # what rounding adds to a sum of shares
    return found


def even(part: Part, queries: Side, keys: Side) -> np.ndarray:
    """What a head would score that looks at all it sees alike, float32 [measures]: what a score is worth in this text."""
    seen = np.ones((len(queries), len(keys)), dtype=np.float32)
    if part.causal:
        seen = np.tril(seen)
    found: np.ndarray = scores((seen / seen.sum(axis=1, keepdims=True))[None], part, queries, keys)[0]
    return found


def most_entropy(part: Part, queries: int, keys: int) -> float:
    """Nats, of a head that looks at all it sees alike: ln K; of a causal part the mean of ln(q + 1), since token q sees q + 1.

    >>> round(most_entropy(Part(PartName.ENCODER, 1, 1), 8, 8), 4)
    2.0794
    """
    if not part.causal:
        return float(np.log(keys))
    return float(np.log(np.minimum(np.arange(queries) + 1, keys)).mean())


def factors(part: Part, queries: Side, keys: Side) -> dict[str, np.ndarray]:
    """By measure, float32 [Q, K]: what each weight is multiplied with, so that the sum over all is the measure. Those that say
    nothing of this text are not there.
    """
    many_queries, many_keys = len(queries), len(keys)
    rows, columns = np.arange(many_queries)[:, None], np.arange(many_keys)[None, :]
    sees = columns <= rows if part.causal else np.ones((many_queries, many_keys), dtype=bool)
    found = {}

    def mean(name: str, mask: np.ndarray, counted: np.ndarray) -> None:
        """mask [Q, K]: weights that count, where they are seen. counted [Q]: queries that the mean is over."""
        if counted.any():
            found[name] = ((mask & sees & counted[:, None]) / np.float32(counted.sum())).astype(np.float32)

    special = np.array(keys.special, dtype=bool)
    separators = np.broadcast_to(special & (columns[0] > 0), sees.shape)
    mean("separator", separators, (separators & sees).any(axis=1))
    dots = np.array([_is_punctuation(token) for token in keys.tokens], dtype=bool) & ~special
    points = np.broadcast_to(dots, sees.shape)
    mean("punctuation", points, (points & sees).any(axis=1) & (~points & sees).any(axis=1))
    every = np.ones(many_queries, dtype=bool)
    if part.name is PartName.CROSS:
        if many_keys > 1:
            mean("first", columns == np.zeros_like(rows), every)
        return found
    found["distance"] = (np.abs(rows - columns) / np.float32(many_queries)).astype(np.float32)
    if many_keys < 2:
        return found
    mean("first", np.broadcast_to(columns == 0, sees.shape), rows[:, 0] > 0)
    mean("previous", columns == rows - 1, every)
    if not part.causal:  # of a causal part it is 0, whatever the head does
        mean("next", columns == rows + 1, every)
    mean("self", columns == rows, sees.sum(axis=1) > 1)
    ids = np.array(keys.ids)
    alike = (ids[:, None] == ids) & ~special & ~special[:, None]  # [Q, K], both sides being one text
    others = alike & (columns != rows)
    mean("same", others, (others & sees).any(axis=1))
    after = np.zeros_like(alike)
    after[:, 1:] = alike[:, :-1] & ~special[1:]
    after &= columns < rows  # so the earlier token is one, and what followed it is not the token that looks
    mean("induction", after, after.any(axis=1))
    return found


def _is_punctuation(token: str) -> bool:
    """Whether a token is nothing else, blanks around it apart."""
    written = token.strip()
    return bool(written) and all(unicodedata.category(sign).startswith("P") for sign in written)
