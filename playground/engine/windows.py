"""A line's words cut into windows that a model can read, so that no word is left out. Pure; knows no tokenizer.

A line that fits is one window. A longer one is read in windows that overlap by a quarter; a word takes its label from the
window in which it stands farthest from an edge, counted in pieces. Where a line begins or ends is no edge: nothing is missing
there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf


@dataclass(frozen=True)
class Window:
    """Words [start, end) of a line, read together; of them [first, last) take their labels from here."""

    start: int
    end: int
    first: int
    last: int


def windows(pieces: Sequence[int], room: int) -> list[Window]:
    """pieces: of each word, 1 to `room`. Every window has at most `room` of them, and owns at least one word.

    >>> windows([1, 1, 1], 8)
    [Window(start=0, end=3, first=0, last=3)]
    >>> for window in windows([1] * 12, 8): print(window)
    Window(start=0, end=8, first=0, last=7)
    Window(start=6, end=12, first=7, last=12)
    """
    if any(not 1 <= count <= room for count in pieces):
        raise ValueError(f"each word must have 1 to {room} pieces")
    if not pieces:
        return []
    places = _places([0, *accumulate(pieces)], room)
    return _owning(places, [0, *accumulate(pieces)])


def _places(before: Sequence[int], room: int) -> list[tuple[int, int]]:
    """[start, end) of each window. before[w]: pieces in front of word w."""
    words = len(before) - 1
    found: list[tuple[int, int]] = []
    start = 0
    while True:
        end = bisect_right(before, before[start] + room) - 1
        found.append((start, end))
        if end == words:
            return found
        # Back by a quarter of a window, or by less where the next word would not fit beside it.
        start = bisect_left(before, max(before[end] - room // 4, before[end + 1] - room))


def _owning(places: Sequence[tuple[int, int]], before: Sequence[int]) -> list[Window]:
    words = len(before) - 1
    owner, best = [0] * words, [-1.0] * words
    for number, (start, end) in enumerate(places):
        for word in range(start, end):
            left = before[word] - before[start] if start else inf
            right = before[end] - before[word + 1] if end < words else inf
            if min(left, right) > best[word]:
                owner[word], best[word] = number, min(left, right)
    # Owners never go back: along a line, the distance to a later window's edges grows against that to an earlier one's.
    found = []
    for number, (start, end) in enumerate(places):
        first, last = bisect_left(owner, number), bisect_right(owner, number)
        if first < last:
            found.append(Window(start, end, first, last))
    return found
