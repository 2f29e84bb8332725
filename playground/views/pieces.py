"""A text cut where its spans begin and end, so that spans that nest or overlap can be drawn as nested elements."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_DEEP = 4  # spans drawn over one place; what lies deeper is named, not drawn


class Piece(NamedTuple):
    """text[start:end), which lies in all spans of `stack` and in no other: their indices, the outermost first."""

    start: int
    end: int
    stack: tuple[int, ...] = ()


@dataclass(frozen=True)
class Pieces:
    """`pieces` in order, without gap or overlap, over the whole text. `levels`: by span, how many lie between it and the text,
    the same in all its pieces; None where it is not drawn.
    """

    pieces: tuple[Piece, ...]
    levels: tuple[int | None, ...]

    @property
    def depth(self) -> int:
        return max((level + 1 for level in self.levels if level is not None), default=0)


def cut(length: int, extents: Sequence[tuple[int, int]]) -> Pieces:
    """`extents`: [start, end) of each span in a text of `length` characters, in any order. What lies outside, or is empty, is
    not drawn.

    >>> [(piece.start, piece.end, piece.stack) for piece in cut(9, [(0, 5), (3, 7)]).pieces]
    [(0, 3, (0,)), (3, 5, (0, 1)), (5, 7, (1,)), (7, 9, ())]
    """
    clipped = [(max(0, start), min(length, end)) for start, end in extents]
    levels = _levels(clipped)
    bounds: dict[int, tuple[list[int], list[int]]] = {}  # position: the spans that begin there, and those that end
    for index, (start, end) in enumerate(clipped):
        if levels[index] is not None:
            bounds.setdefault(start, ([], []))[0].append(index)
            bounds.setdefault(end, ([], []))[1].append(index)
    pieces: list[Piece] = []
    open_: set[int] = set()
    at = 0
    for position in sorted({*bounds, length}):
        if position > at:
            stack = sorted(open_, key=lambda index: (-(levels[index] or 0), index)) if len(open_) > 1 else open_
            pieces.append(Piece(at, position, tuple(stack)))
            at = position
        begun, ended = bounds.get(position, ((), ()))
        open_.difference_update(ended)
        open_.update(begun)
    return Pieces(tuple(pieces), tuple(levels))


def _levels(extents: Sequence[tuple[int, int]]) -> list[int | None]:
    """Each span takes the first free lane, by start, the longer first; of spans that overlap the first lane lies outermost."""
    lanes: list[int | None] = [None] * len(extents)
    order = sorted(range(len(extents)), key=lambda index: (extents[index][0], -extents[index][1], index))
    free: list[int] = list(range(MOST_DEEP))
    taken: list[tuple[int, int]] = []  # (end, lane) of the spans that are open
    group: list[int] = []  # spans that hang together by overlapping
    for index in order:
        start, end = extents[index]
        if start >= end:
            continue
        while taken and taken[0][0] <= start:
            heapq.heappush(free, heapq.heappop(taken)[1])
        if not taken:
            _from_outside(lanes, group)
            group = []
        if free:
            lane = lanes[index] = heapq.heappop(free)
            heapq.heappush(taken, (end, lane))
            group.append(index)
    _from_outside(lanes, group)
    return lanes


def _from_outside(lanes: list[int | None], group: Sequence[int]) -> None:
    """Lanes, counted from the outermost, to levels, counted from the text."""
    deepest = max((lanes[index] or 0 for index in group), default=0)
    for index in group:
        lanes[index] = deepest - (lanes[index] or 0)
