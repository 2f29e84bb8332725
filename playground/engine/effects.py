"""What switching a part of a model off did to its answer, in numbers. Pure.

How much an answer changed is the total variation distance of its probabilities before and after: half of sum |after - before|, the
most by which the probability of anything changed (Levin, Peres and Wilmer, "Markov Chains and Mixing Times", 2nd ed. 2017, section
4.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from playground.core.attention_types import AnswerKind, LensPlace, Option, Place
from playground.engine.insides import Question

BEST = 5  # options of a place that are shown, of those before and of those after
COSINE = "cosine with the vector as it was"


@dataclass(frozen=True)
class Effect:
    """See `AblationGrid`."""

    effect: float
    drop: float
    changed: bool


def shares(kind: AnswerKind, numbers: np.ndarray) -> np.ndarray:
    """Logits [places, options] -> probabilities, float64: of labels judged by themselves each one's sigmoid, elsewhere the softmax
    of each row.
    """
    logits = numbers.astype(np.float64)
    if kind is AnswerKind.MANY:
        small = np.exp(-np.abs(logits))  # of no positive number, so that none overflows
        return np.where(logits >= 0, 1, small) / (1 + small)
    rows = np.exp(logits - logits.max(axis=-1, keepdims=True))
    found: np.ndarray = rows / rows.sum(axis=-1, keepdims=True)
    return found


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Of two vectors, -1..1; 0 where one has no length."""
    one, other = (vector.astype(np.float64).ravel() for vector in (one, other))
    scale = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.clip(one @ other / scale, -1, 1)) if scale > 0 else 0.0


def effect(kind: AnswerKind, before: np.ndarray, after: np.ndarray) -> Effect:
    """Of the numbers of an answer, [places, options] each, at least one place.

    Of labels judged by themselves each is a question by itself, and the distance the mean over them. A vector has no likeliest
    answer: it loses what its cosine loses.
    """
    if kind is AnswerKind.VECTOR:
        lost = 1 - cosine(before, after)
        return Effect(min(1.0, lost), lost, False)
    distances, drops, changed = [], [], False
    for first, now in zip(_rows(kind, before), _rows(kind, after), strict=True):
        moved = np.abs(now - first)
        distances.append(moved.mean() if kind is AnswerKind.MANY else moved.sum() / 2)
        best = first.argmax()
        drops.append(first[best] - now[best])
        changed = changed or bool(now.argmax() != best)
    return Effect(float(np.clip(np.mean(distances), 0, 1)), float(np.mean(drops)), changed)


def places(question: Question, before: np.ndarray, after: np.ndarray) -> tuple[Place, ...]:
    """Of each place the likeliest options before and the likeliest after."""
    if question.kind is AnswerKind.VECTOR:
        return (Place("", (Option(COSINE, 1.0, cosine(before, after)),)),)
    return tuple(
        Place(name, tuple(Option(question.option(at), float(first[at]), float(now[at])) for at in _best(first, now)))
        for name, first, now in zip(
            question.places, _rows(question.kind, before), _rows(question.kind, after), strict=True
        )
    )


def _best(first: np.ndarray, now: np.ndarray) -> list[int]:
    """Columns of the likeliest in either row, by the first row; of equals the one that stands first."""
    wanted = {*top(first), *top(now)}
    return sorted(wanted, key=lambda at: (-first[at], -now[at], at))


def top(row: np.ndarray, most: int = BEST) -> list[int]:
    """Columns of the greatest numbers, the greatest first; of equals the one that stands first."""
    most = min(most, len(row))
    least = np.partition(row, len(row) - most)[len(row) - most]
    found = np.flatnonzero(row >= least)
    return [int(at) for at in found[np.argsort(-row[found], kind="stable")][:most]]


def lens_places(question: Question, numbers: np.ndarray, last: np.ndarray) -> tuple[LensPlace, ...]:
    """What a layer says, where the answer itself is `last`: [places, options] both."""
    if question.kind is AnswerKind.VECTOR:
        like = cosine(numbers, last)
        return (LensPlace((("cosine with the last layer's", like),), like),)
    best = last.argmax(axis=-1)
    return tuple(
        LensPlace(tuple((question.option(at), float(row[at])) for at in top(row)), float(row[end]))
        for row, end in zip(_rows(question.kind, numbers), best, strict=True)
    )


def _rows(kind: AnswerKind, numbers: np.ndarray) -> Iterator[np.ndarray]:
    """`shares` place by place: of all tokens at all places of a long text they would be gigabytes."""
    return (shares(kind, row[None])[0] for row in numbers)
