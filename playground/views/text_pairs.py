"""What texts have in common: which are the same word for word, and how many words each two of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from playground.core.segment import blank_separated


def words_of(text: str) -> list[str]:
    """Stretches between blanks that hold a letter or a digit, without case and without signs at their ends.

    >>> words_of("“No,” she said - Don't!")
    ['no', 'she', 'said', "don't"]
    """
    found = (_bare(text[start:end].casefold()) for start, end in blank_separated(text))
    return [word for word in found if word]


def _bare(word: str) -> str:
    start, end = 0, len(word)
    while start < end and not word[start].isalnum():
        start += 1
    while end > start and not word[end - 1].isalnum():
        end -= 1
    return word[start:end]


def line(text: str) -> str:
    """The text in one line: texts with the same one are the same word for word."""
    return " ".join(text.split())


def same(texts: Sequence[str]) -> list[list[int]]:
    """Indices of texts that are the same word for word, each group in order."""
    groups: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        groups.setdefault(line(text), []).append(place)
    return list(groups.values())


def shared(texts: Sequence[str]) -> list[tuple[int, int, int]]:
    """Of each two: their indices and how many words both have, a word as often as both have it."""
    counts = [Counter(words_of(text)) for text in texts]
    return [(one, other, (counts[one] & counts[other]).total()) for one, other in combinations(range(len(texts)), 2)]
