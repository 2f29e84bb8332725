"""Metrics over pairs of a true answer and a given one. Every function takes golds and answers of equal length, gives 0..1.

Two kinds: over labels (`accuracy`, `macro_f1`), and over sets of spans (`precision`, `recall`, `f1`), where each true answer is
the set of all spans of one text, a span being (start, end, canonical label). An answer of None (the tier failed) is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from playground.core.task import canonical_label

Metric = Callable[[Sequence[Any], Sequence[Any]], float]
SpanSet = Set[tuple[int, int, str]]


@dataclass(frozen=True)
class Hits:
    """How many are right (found as they are), true, and given."""

    right: int = 0
    true: int = 0
    given: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.given if self.given else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN) (van Rijsbergen 1979, ch. 7); 0 where nothing is true and nothing was given, as in conlleval."""
        total = self.true + self.given
        return 2 * self.right / total if total else 0.0


# -- labels


def accuracy(golds: Sequence[str], said: Sequence[str | None]) -> float:
    """A missing answer counts as wrong."""
    return sum(right(gold, label) for gold, label in zip(golds, said, strict=True)) / len(golds)


def macro_f1(golds: Sequence[str], said: Sequence[str | None]) -> float:
    """The mean over the gold labels of each label's F1; missing answers are misses."""
    hits = label_hits(golds, said)
    each = [hits[label].f1 for label in sorted({canonical_label(gold) for gold in golds})]
    return sum(each) / len(each)


def label_hits(golds: Sequence[str], said: Sequence[str | None]) -> dict[str, Hits]:
    """By canonical label, of all that are true or given."""
    names = {label: canonical_label(label) for label in {*golds, *said} if label is not None}
    true = [names[gold] for gold in golds]
    given = [None if label is None else names[label] for label in said]
    return _hits(
        (label for label, other in zip(true, given, strict=True) if label == other),
        true,
        (label for label in given if label is not None),
    )


def right(gold: str, said: str | None) -> bool:
    return said is not None and canonical_label(gold) == canonical_label(said)


# -- sets of spans


def precision(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> float:
    """Of the spans given, those that are true."""
    return _all(golds, said).precision


def recall(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> float:
    """Of the true spans, those that were given."""
    return _all(golds, said).recall


def f1(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> float:
    """Exact span and type, over all texts together (micro), as conlleval counts (Tjong Kim Sang and De Meulder 2003, section 3)."""
    return _all(golds, said).f1


def span_hits(gold: SpanSet, said: SpanSet | None) -> Hits:
    """Of one text."""
    said = said or set()
    return Hits(len(gold & said), len(gold), len(said))


def span_hits_by_label(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> dict[str, Hits]:
    """By canonical label, of all that are true or given."""
    both = list(zip(golds, said, strict=True))
    return _hits(
        (label for gold, spans in both for _, _, label in gold & (spans or set())),
        (label for gold in golds for _, _, label in gold),
        (label for spans in said for _, _, label in spans or ()),
    )


def _all(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> Hits:
    each = [span_hits(gold, spans) for gold, spans in zip(golds, said, strict=True)]
    return Hits(sum(row.right for row in each), sum(row.true for row in each), sum(row.given for row in each))


def _hits(right: Iterable[Hashable], true: Iterable[Hashable], given: Iterable[Hashable]) -> dict[Any, Hits]:
    rights, trues, givens = Counter(right), Counter(true), Counter(given)
    return {label: Hits(rights[label], trues[label], givens[label]) for label in sorted({*trues, *givens}, key=str)}


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "precision": precision,
    "recall": recall,
    "f1": f1,
}
