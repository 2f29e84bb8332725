"""Texts that ask for one of their own sentences (Zhang et al. 2020, PEGASUS, arXiv 1912.08777, section 3.1). No torch.

Of a paragraph the sentence that shares most words with the rest is taken for its summary, by F1 of single words ("Ind-Orig" there).
The rest, with a mask in its place, is the source; where the sentence is left in the source, it has to be found and copied, which
real summaries do half of the time, too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from playground.core.sentences import split
from playground.training.passages import share

LEAST = 3  # sentences of a paragraph
KEPT = 0.5  # of the sentences asked for are left in their source


@dataclass(frozen=True)
class GapSentence:
    """The text `before` a sentence and the text `after` it; `kept`: whether the sentence stands between, or a mask."""

    before: str
    sentence: str
    after: str
    kept: bool


def gap_sentences(paragraphs: Iterable[str]) -> Iterator[GapSentence]:
    """Of every paragraph of `LEAST` sentences its most central one. Whether it is kept follows from the paragraph alone."""
    for paragraph in paragraphs:
        sentences = split(paragraph)
        if len(sentences) >= LEAST:
            at = most_central(sentences)
            before, after = " ".join(sentences[:at]), " ".join(sentences[at + 1 :])
            yield GapSentence(before, sentences[at], after, share(paragraph) < KEPT)


def most_central(sentences: list[str]) -> int:
    """
    >>> most_central(["It rained.", "The old bridge over the river fell.", "The river took the bridge."])
    1
    """
    counts = [Counter(sentence.lower().split()) for sentence in sentences]
    everything: Counter[str] = sum(counts, Counter())
    return max(range(len(sentences)), key=lambda at: _f1(counts[at], everything - counts[at]))


def _f1(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())
