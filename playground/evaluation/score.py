"""All figures of one tier's answers to one file: metrics, their intervals, each label's share, and how honest the confidences are.

Every figure is computed from counts that are summed over examples, so that one bootstrap serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.core.extract_task import ExtractTask
from playground.core.fill_task import BEST, FillTask
from playground.core.multi_label_task import MultiLabelTask
from playground.core.span_task import SpanTask
from playground.core.task import Pair, Task, canonical_label
from playground.core.types import Answer, Gold
from playground.core.writing_task import WritingTask
from playground.evaluation import metrics, text_metrics
from playground.evaluation.calibration import confidences, expected_calibration_error
from playground.evaluation.intervals import bootstrap, wilson
from playground.evaluation.metrics import Hits

Examples = Sequence[Sequence[Pair]]  # what `task.pairs` gives for each example
Interval = tuple[float, float]


@dataclass(frozen=True)
class _Metric:
    value: Callable[[Sequence[Any], Sequence[Any]], float]
    interval: Callable[[Examples], Interval]


def score(task: Task, examples: Examples, names: Iterable[str] = ()) -> dict[str, Any]:
    """JSON-able. `names`: of labels beside the task's, where examples have labels of their own.

    metrics: by the task's names. intervals_95: of each; of accuracy Wilson's where each example is one answer, else a bootstrap
    over examples. per_label: f1, precision, recall, and how many are true (n).
    """
    golds = [gold for pairs in examples for gold, _ in pairs]
    said = [given for pairs in examples for _, given in pairs]
    known, hits = _metrics(task)
    shown = {canonical_label(name): name for name in (*names, *(label.name for label in task.labels))}
    return {
        "metrics": {name: round(known[name].value(golds, said), 6) for name in task.metrics} if golds else {},
        "intervals_95": {
            name: [round(bound, 4) for bound in known[name].interval(examples)] for name in task.metrics if golds
        },
        "per_label": {shown.get(label, label): _row(row) for label, row in hits(golds, said).items()},
    }


def calibration(rows: Iterable[tuple[Gold, Answer | None]]) -> dict[str, float] | None:
    """JSON-able: the expected calibration error, and of how many confidences (n). None where no model computed any."""
    sure, right = confidences(rows)
    return {"ece": round(expected_calibration_error(sure, right), 6), "n": len(sure)} if sure else None


def _metrics(task: Task) -> tuple[dict[str, _Metric], Callable[[Any, Any], dict[str, Hits]]]:
    """What can be said of answers of this task's kind."""
    if isinstance(task, SpanTask) and not task.every_word:
        return _SETS, metrics.span_hits_by_label
    if isinstance(task, ExtractTask):
        return _ANSWERS, lambda golds, said: {}
    if isinstance(task, MultiLabelTask):
        return _LABEL_SETS, metrics.set_hits_by_label
    if isinstance(task, FillTask):
        return _GAPS, lambda golds, said: {}  # the words that may be right are all there are
    if isinstance(task, WritingTask):
        return _TEXTS, lambda golds, said: {}
    return _LABELS | _positive(getattr(task, "positive", "")), metrics.label_hits


def _row(hits: Hits) -> dict[str, float]:
    figures = {"f1": hits.f1, "precision": hits.precision, "recall": hits.recall}
    return {name: round(value, 6) for name, value in figures.items()} | {"n": hits.true}


# -- intervals


def _share(hit: Callable[[Any, Any], float]) -> Callable[[Examples], Interval]:
    """Of the mean of what each pair of true and given answer counts, 0..1: Wilson's where each example is one answer, right or
    wrong (a bool or an int), else a bootstrap over examples.
    """

    def interval(examples: Examples) -> Interval:
        counts = np.array([[sum(hit(gold, said) for gold, said in pairs), len(pairs)] for pairs in examples])
        if (counts[:, 1] == 1).all() and counts.dtype.kind in "bi":
            return wilson(int(counts[:, 0].sum()), len(counts))
        return bootstrap(counts, lambda sums: _ratio(sums[:, 0], sums[:, 1]))

    return interval


def _among(best: int) -> _Metric:
    """A right word among the `best` likeliest."""
    return _Metric(
        lambda golds, said: metrics.accuracy_at(golds, said, best),
        _share(lambda gold, said: metrics.among(gold, said, best)),
    )


def _of_sets(figure: Callable[[np.ndarray], np.ndarray]) -> Callable[[Examples], Interval]:
    def interval(examples: Examples) -> Interval:
        hits = [metrics.set_hits(gold, said) for pairs in examples for gold, said in pairs]
        return bootstrap(np.array([[row.right, row.true, row.given] for row in hits]), figure)

    return interval


def _macro_of_labels(examples: Examples) -> Interval:
    """The mean over the labels that are true in the file, as `metrics.macro_f1`."""
    sets = [
        [({canonical_label(gold)}, None if said is None else {canonical_label(said)}) for gold, said in pairs]
        for pairs in examples
    ]
    return _macro(sets, sorted({label for pairs in sets for gold, _ in pairs for label in gold}))


def _macro_of_sets(examples: Examples) -> Interval:
    return _macro(
        examples, sorted({label for pairs in examples for both in pairs for part in both for label in part or ()})
    )


def _macro(examples: Examples, labels: Sequence[str]) -> Interval:
    """counts [examples, 2 labels]: right, and true + given, of each label. A label that a sample does not hold is not in its
    mean.
    """
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(examples), 2 * len(labels)), dtype=np.int32)
    for row, pairs in zip(counts, examples, strict=True):
        for gold, said in pairs:
            given = said or set()
            for label in gold & given:
                row[place[label]] += 1
            for part in (gold, given):
                for label in part:
                    if label in place:
                        row[len(labels) + place[label]] += 1

    def mean(sums: np.ndarray) -> np.ndarray:
        rights, totals = sums[:, : len(labels)], sums[:, len(labels) :]
        each = _ratio(2 * rights, totals)
        there = totals > 0
        return _ratio(np.where(there, each, 0).sum(axis=1), there.sum(axis=1).astype(float))

    return bootstrap(counts, mean)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _counted(count: Callable[[Any, Any], Sequence[float]], figure: Callable[[np.ndarray], np.ndarray]) -> _Metric:
    """Of what each pair of true and given answer counts, summed over all. figure: sums [N, K] to values [N]."""

    def value(golds: Sequence[Any], said: Sequence[Any]) -> float:
        return float(figure(np.array([count(*both) for both in zip(golds, said, strict=True)]).sum(axis=0)[None])[0])

    def interval(examples: Examples) -> Interval:
        return bootstrap(np.array([np.sum([count(*both) for both in pairs], axis=0) for pairs in examples]), figure)

    return _Metric(value, interval)


def _mean_rouge(name: str) -> _Metric:
    return _counted(
        lambda texts, said: (text_metrics.rouge(texts, said)[name], 1), lambda sums: sums[:, 0] / sums[:, 1]
    )


# Columns: right, true, given.
def _f1(sums: np.ndarray) -> np.ndarray:
    return _ratio(2 * sums[:, 0], sums[:, 1] + sums[:, 2])


def _precision(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[:, 0], sums[:, 2])


def _recall(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[:, 0], sums[:, 1])


# -- which metrics there are, by kind of answer


def _positive(label: str) -> dict[str, _Metric]:
    """Of the one label that is looked for."""
    if not label:
        return {}
    wanted = canonical_label(label)

    def metric(value: Callable[[Hits], float], figure: Callable[[np.ndarray], np.ndarray]) -> _Metric:
        return _Metric(
            lambda golds, said: value(metrics.positive_hits(golds, said, label)),
            lambda examples: bootstrap(np.array([_counts(pairs, wanted) for pairs in examples]), figure),
        )

    return {
        "f1": metric(lambda hits: hits.f1, _f1),
        "precision": metric(lambda hits: hits.precision, _precision),
        "recall": metric(lambda hits: hits.recall, _recall),
    }


def _counts(pairs: Sequence[Pair], wanted: str) -> list[int]:
    true = [canonical_label(gold) == wanted for gold, _ in pairs]
    given = [said is not None and canonical_label(said) == wanted for _, said in pairs]
    return [sum(a and b for a, b in zip(true, given, strict=True)), sum(true), sum(given)]


_LABELS = {
    "accuracy": _Metric(metrics.accuracy, _share(metrics.right)),
    "macro_f1": _Metric(metrics.macro_f1, _macro_of_labels),
}
_GAPS = {"accuracy": _among(1), f"accuracy_at_{BEST}": _among(BEST)}
_SETS = {
    "f1": _Metric(metrics.f1, _of_sets(_f1)),
    "precision": _Metric(metrics.precision, _of_sets(_precision)),
    "recall": _Metric(metrics.recall, _of_sets(_recall)),
}
_ANSWERS = {
    "f1": _Metric(metrics.answer_f1, _share(metrics.answer_score)),
    "exact_match": _Metric(metrics.exact_match, _share(metrics.exact_score)),
}
_LABEL_SETS = _SETS | {
    "micro_f1": _SETS["f1"],
    "macro_f1": _Metric(metrics.set_macro_f1, _macro_of_sets),
}
_TEXTS = {
    "sacrebleu": _counted(text_metrics.bleu_counts, lambda sums: np.array([text_metrics.bleu(row) for row in sums])),
    **{name: _mean_rouge(name) for name in text_metrics.ROUGE},
    "bits_per_byte": _counted(text_metrics.foreseen_counts, lambda sums: sums[:, 0] / sums[:, 1]),
}
