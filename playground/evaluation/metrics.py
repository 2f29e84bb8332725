"""Metrics over labels. Every function takes golds and predictions of equal length and returns 0..1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from playground.core.task import canonical_label

Metric = Callable[[Sequence[str], Sequence[str | None]], float]


def accuracy(golds: Sequence[str], predictions: Sequence[str | None]) -> float:
    """A prediction of None (the tier failed) counts as wrong."""
    return sum(_same(gold, said) for gold, said in zip(golds, predictions, strict=True)) / len(golds)


def macro_f1(golds: Sequence[str], predictions: Sequence[str | None]) -> float:
    """The mean over the gold labels of each label's F1 (van Rijsbergen 1979, ch. 7); absent predictions are misses."""
    golds = [canonical_label(gold) for gold in golds]
    said = [None if label is None else canonical_label(label) for label in predictions]
    return sum(_f1(label, golds, said) for label in sorted(set(golds))) / len(set(golds))


def _f1(label: str, golds: Sequence[str], said: Sequence[str | None]) -> float:
    hits = sum(gold == label == guess for gold, guess in zip(golds, said, strict=True))
    total = golds.count(label) + said.count(label)  # 2TP + FN + FP
    return 2 * hits / total if total else 0.0


def _same(gold: str, said: str | None) -> bool:
    return said is not None and canonical_label(gold) == canonical_label(said)


METRICS: dict[str, Metric] = {"accuracy": accuracy, "macro_f1": macro_f1}
