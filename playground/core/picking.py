"""Which sentences of a text say most of it, from their vectors. Pure.

Centrality is PacSum's (Zheng and Lapata 2019, arXiv 1906.03508, section 3.2): a sentence counts by its likeness to the others, and
to those after it a little more than to those before it, since texts tend to say what matters early. Likeness is a cosine, less a
part of the way from the smallest to the largest of the text, so that what all sentences share counts for nothing.

Several sentences are taken by maximal marginal relevance (Carbonell and Goldstein 1998): each is to be central and unlike those
taken before it. What says nearly the same as one of those comes last, however central.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Chosen by ROUGE-L of one sentence on SciTLDR's training part.
CUT = 0.4  # of the way from the smallest likeness to the largest: less counts for nothing
BEFORE = 0.8  # what likeness to earlier sentences counts, where to later ones it counts 1
RELEVANCE = 0.5  # against unlikeness to what was taken
ALIKE = 0.9  # from this likeness on a sentence says the same
WORDS = 4  # a heading, a number or a greeting has fewer, and says little by itself


def centrality(likeness: np.ndarray) -> np.ndarray:
    """float64 [S], 0 or more: likeness [S, S], cosines of sentences in the text's order.

    >>> centrality(np.array([[1, 0.9, 0.1], [0.9, 1, 0.5], [0.1, 0.5, 1]])).round(2).tolist()
    [0.48, 0.46, 0.06]
    """
    size = len(likeness)
    if size < 2:
        return np.zeros(size)
    others = likeness[~np.eye(size, dtype=bool)]
    low, high = float(others.min()), float(others.max())
    over = np.maximum(likeness - (low + CUT * (high - low)), 0.0)
    after = np.triu(over, 1).sum(axis=1, dtype=np.float64)
    before = np.tril(over, -1).sum(axis=1, dtype=np.float64)
    found: np.ndarray = np.round(after + BEFORE * before, 5)  # in company a sum differs in the seventh digit
    return found


def central(vectors: np.ndarray, texts: Sequence[str], most: int) -> list[int]:
    """At most `most` sentences in the text's order: vectors [S, D] of unit length, and the sentences as they are written."""
    likeness = vectors @ vectors.T  # [S, S]
    found = centrality(likeness)
    return _taken(found / max(float(found.max(initial=0.0)), 1e-12), likeness, texts, most)


def ranked(scores: np.ndarray, texts: Sequence[str], most: int) -> list[int]:
    """The same of scores [S] that a model gave: the best ones, but none that shares three words in a row with one before it
    ("trigram blocking": Paulus et al. 2018, arXiv 1705.04304, section 2.5), unless there are no others.
    """
    order = sorted(range(len(texts)), key=lambda i: (not _says_something(texts[i]), -float(scores[i]), i))
    taken: list[int] = []
    seen: set[tuple[str, ...]] = set()
    repeating: list[int] = []
    for place in order:
        rows = _trigrams(texts[place])
        if len(taken) < most and seen.isdisjoint(rows):
            taken.append(place)
            seen |= rows
        else:
            repeating.append(place)
    return sorted([*taken, *repeating[: most - len(taken)]])


def _taken(relevance: np.ndarray, likeness: np.ndarray, texts: Sequence[str], most: int) -> list[int]:
    """relevance [S], 0..1."""
    silent = np.array([not _says_something(text) for text in texts], dtype=bool)
    nearest = np.zeros(len(texts))  # to what was taken
    taken: list[int] = []
    for _ in range(min(most, len(texts))):
        worth = RELEVANCE * relevance - (1 - RELEVANCE) * nearest - 10.0 * silent - 5.0 * (nearest >= ALIKE)
        worth[taken] = -np.inf
        best = int(worth.argmax())
        taken.append(best)
        nearest = np.maximum(nearest, likeness[best])
    return sorted(taken)


def _says_something(text: str) -> bool:
    return len(text.split()) >= WORDS or not text.isascii()  # not every script puts blanks between words


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return set(zip(words, words[1:], words[2:], strict=False))
