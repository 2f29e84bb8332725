"""Metrics over pairs of a true answer and a given one. Every function takes golds and answers of equal length, gives 0..1.

Four kinds: over labels (`accuracy`, `macro_f1`), over words for gaps (`accuracy_at`), over sets (`precision`, `recall`, `f1`,
`set_macro_f1`), where each true answer is the set of all that is true of one text: spans, each (start, end, canonical label), or
canonical labels; and over answers to questions (`answer_f1`, `exact_match`), where it is all texts that count as right. An answer
of None (the tier failed) is no answer. Metrics of texts: `text_metrics`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from playground.core import squad
from playground.core.task import canonical_label

SpanSet = Set[tuple[int, int, str]]
LabelSet = Set[str]


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


def positive_hits(golds: Sequence[str], said: Sequence[str | None], positive: str) -> Hits:
    """Of one label, the one that is looked for: F1, precision and recall as of a search (van Rijsbergen 1979, ch. 7)."""
    return label_hits(golds, said).get(canonical_label(positive), Hits())


def right(gold: str, said: str | None) -> bool:
    return said is not None and canonical_label(gold) == canonical_label(said)


# -- words for gaps: of each the words that are right, and those given, the likeliest first


def accuracy_at(golds: Sequence[Set[str]], said: Sequence[Sequence[str] | None], best: int) -> float:
    """Of how many gaps a right word is among the `best` likeliest; a missing answer counts as wrong."""
    return sum(among(gold, words, best) for gold, words in zip(golds, said, strict=True)) / len(golds)


def among(gold: Set[str], said: Sequence[str] | None, best: int) -> bool:
    return not gold.isdisjoint((said or ())[:best])


# -- sets of spans, sets of labels


def precision(golds: Sequence[Set[Any]], said: Sequence[Set[Any] | None]) -> float:
    """Of what was given, what is true."""
    return _all(golds, said).precision


def recall(golds: Sequence[Set[Any]], said: Sequence[Set[Any] | None]) -> float:
    """Of what is true, what was given."""
    return _all(golds, said).recall


def f1(golds: Sequence[Set[Any]], said: Sequence[Set[Any] | None]) -> float:
    """Over all texts together (micro). Of spans: exact span and type, as conlleval counts (Tjong Kim Sang and De Meulder 2003,
    section 3).
    """
    return _all(golds, said).f1


def set_macro_f1(golds: Sequence[LabelSet], said: Sequence[LabelSet | None]) -> float:
    """The mean of the F1 of each label that is true or given somewhere (Sebastiani 2002, "Machine Learning in Automated Text
    Categorization", section 7.1); 0 where none is.
    """
    each = [hits.f1 for hits in set_hits_by_label(golds, said).values()]
    return sum(each) / len(each) if each else 0.0


def set_hits(gold: Set[Any], said: Set[Any] | None) -> Hits:
    """Of one text."""
    said = said or set()
    return Hits(len(gold & said), len(gold), len(said))


def set_hits_by_label(golds: Sequence[LabelSet], said: Sequence[LabelSet | None]) -> dict[str, Hits]:
    """By canonical label, of all that are true or given."""
    both = zip(golds, said, strict=True)
    return _hits(
        (label for gold, labels in both for label in gold & (labels or set())),
        (label for gold in golds for label in gold),
        (label for labels in said for label in labels or ()),
    )


def span_hits_by_label(golds: Sequence[SpanSet], said: Sequence[SpanSet | None]) -> dict[str, Hits]:
    """By canonical label, of all that are true or given."""
    both = list(zip(golds, said, strict=True))
    return _hits(
        (label for gold, spans in both for _, _, label in gold & (spans or set())),
        (label for gold in golds for _, _, label in gold),
        (label for spans in said for _, _, label in spans or ()),
    )


# -- answers to questions


def answer_f1(golds: Sequence[Sequence[str]], said: Sequence[str | None]) -> float:
    """SQuAD's F1: the mean over questions of the words shared with the nearest true answer. See `core.squad`."""
    return sum(map(answer_score, golds, said)) / len(golds)


def exact_match(golds: Sequence[Sequence[str]], said: Sequence[str | None]) -> float:
    """SQuAD's: the share of questions whose answer is a true one, but for case, punctuation, articles and blanks."""
    return sum(map(exact_score, golds, said)) / len(golds)


def answer_score(gold: Sequence[str], said: str | None) -> float:
    """Of one question; 0 where the tier failed, also where there is no answer."""
    return 0.0 if said is None else squad.f1(said, gold)


def exact_score(gold: Sequence[str], said: str | None) -> float:
    return float(said is not None and squad.exact(said, gold))


def _all(golds: Sequence[Set[Any]], said: Sequence[Set[Any] | None]) -> Hits:
    each = [set_hits(gold, given) for gold, given in zip(golds, said, strict=True)]
    return Hits(sum(row.right for row in each), sum(row.true for row in each), sum(row.given for row in each))


def _hits(right: Iterable[Hashable], true: Iterable[Hashable], given: Iterable[Hashable]) -> dict[Any, Hits]:
    rights, trues, givens = Counter(right), Counter(true), Counter(given)
    return {label: Hits(rights[label], trues[label], givens[label]) for label in sorted({*trues, *givens}, key=str)}
