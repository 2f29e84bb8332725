"""What a span reader says of tokens, read as answers: which spans are the likeliest, and how likely it is that there is none. Pure.

A reader gives each token a score for being an answer's first token and one for being its last; "no answer" is the span of the
special first token, [CLS] (Devlin et al. 2019, arXiv 1810.04805, section 4.3). One normalization goes over all spans of all windows
of a context and over "no answer" (shared normalization with a no-answer option: Clark and Gardner 2018, arXiv 1710.10723, sections
3.2 and 3.3). Windows have a [CLS] each; a token's scores are counted from that of its own window, so that they are log odds against
"no answer" and may stand beside those of other windows. With one window, all this is the softmax over its spans and [CLS].
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LONGEST_ANSWER = 30  # tokens, as in BERT's and transformers' readers


@dataclass(frozen=True)
class Candidate:
    """Tokens first .. last, both inclusive, and the probability that they are the answer."""

    first: int
    last: int
    score: float


@dataclass(frozen=True)
class Ranking:
    """candidates: best first, no two overlap. none: the probability that there is no answer."""

    candidates: tuple[Candidate, ...]
    none: float


def rank(
    start: np.ndarray,
    end: np.ndarray,
    begins: np.ndarray | None = None,
    ends: np.ndarray | None = None,
    lines: np.ndarray | None = None,
    *,
    count: int = 4,
    longest: int = LONGEST_ANSWER,
) -> Ranking:
    """The best spans of a context's tokens.

    start, end: [N], each token's score as an answer's first and last one, less [CLS]'s scores in the same window.
    begins, ends: bool [N], whether a word begins, or ends, with the token: no answer is a part of a word. None: all do.
    lines: int [N], of which line a token is: no answer goes over a line's end. None: of one.

    >>> found = rank(np.array([2.0, 0.0, -1.0]), np.array([-1.0, 3.0, 0.0]))
    >>> [(c.first, c.last, round(c.score, 3)) for c in found.candidates], round(found.none, 3)
    ([(0, 1, 0.82), (2, 2, 0.002)], 0.006)
    """
    size = len(start)
    if not size:
        return Ranking((), 1.0)
    width = min(longest, size)
    scores = np.full((size, width), -np.inf)  # [first token, how many more tokens]
    opens = np.where(True if begins is None else begins, start.astype(np.float64), -np.inf)
    closes = np.where(True if ends is None else ends, end.astype(np.float64), -np.inf)
    for more in range(width):
        sums = opens[: size - more] + closes[more:]
        scores[: size - more, more] = (
            sums if lines is None else np.where(lines[: size - more] == lines[more:], sums, -np.inf)
        )
    best = max(0.0, float(scores.max()))
    total = best + float(np.log(np.exp(scores - best).sum() + np.exp(-best)))
    found: list[Candidate] = []
    while len(found) < count:
        first, more = divmod(int(scores.argmax()), width)
        if scores[first, more] == -np.inf:
            break
        found.append(Candidate(first, first + more, float(np.exp(scores[first, more] - total))))
        for at in range(max(0, first - width + 1), first + more + 1):  # spans that overlap it begin here
            scores[at, max(0, first - at) :] = -np.inf
    return Ranking(tuple(found), float(np.exp(-total)))


def borders(words: Sequence[int | None], without: Collection[int | None] = ()) -> tuple[np.ndarray, np.ndarray]:
    """bool [N] each: whether a word begins, and whether one ends, with the token. words: the number of each token's word;
    `without`: those with which no answer begins or ends.

    >>> [found.tolist() for found in borders([0, 1, 1, 2], {2})]
    [[True, True, False, False], [True, False, True, False]]
    """
    change = [a is None or a != b for a, b in pairwise(words)]
    seen = np.array([word not in without for word in words], dtype=bool)
    begins = np.array([True, *change][: len(words)], dtype=bool)
    ends = np.array([*change, True][: len(words)], dtype=bool)
    return begins & seen, ends & seen


def lines_of(text: str, places: Sequence[tuple[int, int]]) -> np.ndarray:
    """Of which line each token is, int [N]. places: [start, end) in the text.

    >>> lines_of("1. Go.\\n2. Wait.", [(0, 1), (3, 5), (7, 8)]).tolist()
    [0, 0, 1]
    """
    breaks = [place for place, character in enumerate(text) if character in "\n\r\u2028\u2029"]
    return np.searchsorted(breaks, [start for start, _ in places])


def windows(size: int, room: int) -> list[tuple[int, int]]:
    """[first token, token after the last) of windows of at most `room` tokens. Each shares a third of them with the one before.

    >>> windows(10, 6)
    [(0, 6), (4, 10)]
    """
    overlap = room // 3
    step = room - overlap
    return [(at, min(at + room, size)) for at in range(0, max(1, size - overlap), step)]


def joined(
    size: int, parts: Sequence[tuple[int, int]], starts: Sequence[np.ndarray], ends: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The scores [size] of a context's tokens from those of its windows: where windows overlap, a token's are from the window in
    which it has most text around it (Devlin's reader calls it maximal context). starts, ends: [tokens of the window] each.
    """
    start, end, room = np.zeros(size), np.zeros(size), np.full(size, -1)
    for (first, after), of_start, of_end in zip(parts, starts, ends, strict=True):
        at = np.arange(first, after)
        around = np.minimum(at - first, after - 1 - at)
        better = around > room[first:after]
        room[first:after] = np.where(better, around, room[first:after])
        start[first:after] = np.where(better, of_start, start[first:after])
        end[first:after] = np.where(better, of_end, end[first:after])
    return start, end
