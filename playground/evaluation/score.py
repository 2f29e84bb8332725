"""All figures of one tier's answers to one file: metrics, their intervals, and each label's share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.task import Pair, Task, canonical_label
from playground.evaluation.intervals import bootstrap, wilson
from playground.evaluation.metrics import METRICS, Hits, label_hits, right, span_hits, span_hits_by_label


def score(task: Task, examples: Sequence[Sequence[Pair]]) -> dict[str, Any]:
    """JSON-able. `examples`: what `task.pairs` gives for each.

    metrics: by the task's names. intervals_95: of accuracy, Wilson's where each example is one answer, else a bootstrap over
    examples; of f1, the bootstrap. per_label: f1, precision, recall, and how many are true (n).
    """
    golds = [gold for pairs in examples for gold, _ in pairs]
    said = [given for pairs in examples for _, given in pairs]
    hits = span_hits_by_label if "f1" in task.metrics else label_hits
    names = {canonical_label(label.name): label.name for label in task.labels}
    return {
        "metrics": {name: round(METRICS[name](golds, said), 6) for name in task.metrics} if golds else {},
        "intervals_95": {
            name: [round(bound, 4) for bound in _INTERVALS[name](examples)]
            for name in task.metrics
            if name in _INTERVALS and golds
        },
        "per_label": {names.get(label, label): _row(row) for label, row in hits(golds, said).items()},
    }


def _row(hits: Hits) -> dict[str, float]:
    figures = {"f1": hits.f1, "precision": hits.precision, "recall": hits.recall}
    return {name: round(value, 6) for name, value in figures.items()} | {"n": hits.true}


def _accuracy(examples: Sequence[Sequence[Pair]]) -> tuple[float, float]:
    counts = np.array([[sum(right(gold, said) for gold, said in pairs), len(pairs)] for pairs in examples])
    if (counts[:, 1] == 1).all():
        return wilson(int(counts[:, 0].sum()), len(counts))
    return bootstrap(counts, lambda sums: _ratio(sums[:, 0], sums[:, 1]))


def _f1(examples: Sequence[Sequence[Pair]]) -> tuple[float, float]:
    hits = [span_hits(gold, said) for pairs in examples for gold, said in pairs]
    counts = np.array([[row.right, row.true, row.given] for row in hits])
    return bootstrap(counts, lambda sums: _ratio(2 * sums[:, 0], sums[:, 1] + sums[:, 2]))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


_INTERVALS = {"accuracy": _accuracy, "f1": _f1}
