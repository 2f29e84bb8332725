"""How byte-pair encoding learns: one merge at a time, each of which can be looked at. Standard library only.

Again and again the pair of neighbours that occurs most often becomes one token (Sennrich et al. 2016, arXiv 1508.07909, algorithm
1). Overlapping occurrences count, as they do there: “aaa” holds the pair (a, a) twice, though one merge takes only one of them.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Pair = tuple[int, int]


@dataclass(frozen=True)
class Merge:
    """One step.

    pair -> id, `count` times. fresh: the token is new; “ab”+“c” and “a”+“bc” are two merges and one token.
    rivals: the pairs that came next, each with its count, the best first. words: places in `Merging.words` that it re-cut.
    tokens: of the whole text, after it.
    """

    pair: Pair
    id: int
    count: int
    fresh: bool
    rivals: tuple[tuple[Pair, int], ...]
    words: tuple[int, ...]
    tokens: int


class Merging:
    """Words as they are cut, and what the next merge would be.

    words: lists of ids, re-cut in place by each step. weights: how often each word occurs. tokens: the bytes of each id; it grows.
    first_seen: of pairs that occur equally often the one that stands first in the words is taken, as in minbpe and in Sennrich's
    program. Else it is the one with the lower ids, as in `tokenizers`.
    """

    def __init__(
        self, words: list[list[int]], weights: Sequence[int], tokens: Sequence[bytes], first_seen: bool = False
    ) -> None:
        self.words, self.weights, self.tokens, self.first_seen = words, weights, list(tokens), first_seen
        self.pairs: Counter[Pair] = Counter()
        self.length = sum(len(word) * weight for word, weight in zip(words, weights, strict=True))
        self._where: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> words that may hold it
        self._known = {token: i for i, token in enumerate(self.tokens)}
        for w, word in enumerate(words):
            for pair in pairwise(word):
                self.pairs[pair] += weights[w]
                self._where[pair].add(w)
        self._heap = [(-count, pair) for pair, count in self.pairs.items()]
        heapq.heapify(self._heap)

    def steps(self, size: int, least: int = 2, rivals: int = 0) -> Iterator[Merge]:
        """Until the vocabulary has `size` tokens or no pair occurs `least` times. rivals: how many of the next pairs are told.

        Counts are kept up to date: a step touches only the words that hold its pair.
        """
        while len(self.tokens) < size:
            best = self._best(1 + rivals)
            if not best or best[0][1] < max(1, least):
                return
            if self.first_seen:
                best = self._first(best)[: 1 + rivals]
            yield self._merge(*best[0], tuple(best[1:]))

    def _best(self, n: int) -> list[tuple[Pair, int]]:
        """The `n` pairs that occur most often, the best first; with `first_seen` all that equal the last of them as well.

        Old entries of the heap are dropped on the way: a pair whose count fell waits further down, or is gone.
        """
        found: dict[Pair, int] = {}
        while self._heap:
            count, pair = self._heap[0]
            if len(found) >= n and not (self.first_seen and -count == min(found.values())):
                break
            heapq.heappop(self._heap)
            if -count == self.pairs[pair]:
                found[pair] = -count
            elif self.pairs[pair] > 0:
                heapq.heappush(self._heap, (-self.pairs[pair], pair))
        for pair, count in found.items():
            heapq.heappush(self._heap, (-count, pair))
        return list(found.items())

    def _first(self, best: list[tuple[Pair, int]]) -> list[tuple[Pair, int]]:
        """Equals in the order in which they stand in the words."""

        def place(pair: Pair) -> tuple[int, int]:
            return min(
                (w, i) for w in self._where[pair] for i, other in enumerate(pairwise(self.words[w])) if other == pair
            )

        return sorted(best, key=lambda one: (-one[1], place(one[0])))

    def _merge(self, pair: Pair, count: int, rivals: tuple[tuple[Pair, int], ...]) -> Merge:
        token = self.tokens[pair[0]] + self.tokens[pair[1]]
        fresh = token not in self._known
        if fresh:
            self._known[token] = len(self.tokens)
            self.tokens.append(token)
        merged, changed = self._known[token], Counter[Pair]()
        cut = []
        for w in self._where.pop(pair):
            old, new = self.words[w], replace(self.words[w], pair, merged)
            if len(old) == len(new):
                continue
            for gone in pairwise(old):
                changed[gone] -= self.weights[w]
            for come in pairwise(new):
                changed[come] += self.weights[w]
                self._where[come].add(w)
            self.length -= (len(old) - len(new)) * self.weights[w]
            self.words[w] = new
            cut.append(w)
        for other, change in changed.items():
            self.pairs[other] += change
            if change > 0:
                heapq.heappush(self._heap, (-self.pairs[other], other))
        self.pairs[pair] = 0
        return Merge(pair, merged, count, fresh, rivals, tuple(sorted(cut)), self.length)


def replace(word: list[int], pair: Pair, merged: int) -> list[int]:
    """[1, 2, 1, 2, 3] with (1, 2) -> 9 becomes [9, 9, 3]; from the left, so [1, 1, 1] with (1, 1) -> 9 becomes [9, 1]."""
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            out.append(merged)
            i += 2
        else:
            out.append(word[i])
            i += 1
    return out
