"""The spans of several models set side by side: a row for each place in the text where one of them found something.

Models have labels of their own. Two are compared on a row only where both know its label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum
from functools import cache
from itertools import accumulate
from typing import NamedTuple

from playground.core.task import canonical_label
from playground.core.types import Span, Spans, in_order

Extent = tuple[int, int]
Canonical = Callable[[str], str]


class Found(Enum):
    SAME = "the row's label at the row's place"
    OTHER = "another label there"
    PART = "something that overlaps it"
    NOTHING = "nothing, though the label is known"
    UNKNOWN = "nothing, and the label is none of the model's"


class Cell(NamedTuple):
    """What one model has at a row's place. `knows`: whether the row's label is one of its own."""

    found: Found
    knows: bool
    span: Span | None = None


class Row(NamedTuple):
    """`cells` in the models' order. `true`: whether the true answer has this span; None without a true answer.

    counted: two or more models know its label, and one of those found something there. agreed: then, whether all of them say
    the same, true or not.
    """

    start: int
    end: int
    label: str
    cells: tuple[Cell, ...]
    true: bool | None
    counted: bool
    agreed: bool


def rows_of(outputs: Sequence[Spans], gold: Sequence[Span] | None = None) -> list[Row]:
    """In reading order, the longer first. The row's label is the true one, else the one that most models gave, else the first."""
    canonical = cache(canonical_label)
    known = [{canonical(label) for label in output.labels} for output in outputs]
    places = [_by_extent(output.spans) for output in outputs]
    true = _by_extent(gold or ())
    overlaps = [_Overlaps(output.spans) for output in outputs]
    extents = sorted(
        {extent for place in (*places, true) for extent in place}, key=lambda extent: (extent[0], -extent[1])
    )
    rows = []
    for extent in extents:
        label = _label(extent, places, true, canonical)
        name = canonical(label)
        cells = tuple(
            _cell(extent, name, name in knows, place.get(extent, ()), overlap, canonical)
            for knows, place, overlap in zip(known, places, overlaps, strict=True)
        )
        judges = [cell for cell in cells if cell.knows]
        counted = len(judges) > 1 and any(cell.span is not None for cell in judges)
        rows.append(
            Row(
                *extent,
                label,
                cells,
                None if gold is None else any(canonical(span.label) == name for span in true.get(extent, ())),
                counted,
                counted and len({_said(cell, canonical) for cell in judges}) == 1,
            )
        )
    return rows


def _by_extent(spans: Sequence[Span]) -> dict[Extent, list[Span]]:
    found: dict[Extent, list[Span]] = {}
    for span in spans:
        found.setdefault((span.start, span.end), []).append(span)
    return found


def _label(
    extent: Extent, places: Sequence[dict[Extent, list[Span]]], true: dict[Extent, list[Span]], canonical: Canonical
) -> str:
    if extent in true:
        return true[extent][0].label
    labels = [span.label for place in places for span in place.get(extent, ())]
    if len(set(labels)) == 1:
        return labels[0]
    votes = Counter(map(canonical, labels))
    return max(labels, key=lambda label: votes[canonical(label)])  # of equal ones the first


def _cell(
    extent: Extent, label: str, knows: bool, there: Sequence[Span], overlaps: _Overlaps, canonical: Canonical
) -> Cell:
    for span in there:
        if canonical(span.label) == label:
            return Cell(Found.SAME, True, span)
    if there:
        return Cell(Found.OTHER, knows, there[0])
    part = overlaps.first(extent)
    if part is not None:
        return Cell(Found.PART, knows, part)
    return Cell(Found.NOTHING if knows else Found.UNKNOWN, knows)


def _said(cell: Cell, canonical: Canonical) -> tuple[int, int, str] | None:
    return cell.span and (cell.span.start, cell.span.end, canonical(cell.span.label))


class _Overlaps:
    """The first span of a model that overlaps an extent, without looking at all of them."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = in_order(spans)
        self._furthest = list(accumulate((span.end for span in self._spans), max))  # never falls

    def first(self, extent: Extent) -> Span | None:
        start, end = extent
        for place in range(bisect_left(self._furthest, start + 1), len(self._spans)):
            span = self._spans[place]
            if span.start >= end:
                return None
            if span.end > start:
                return span
        return None
