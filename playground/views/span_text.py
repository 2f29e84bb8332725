"""A text with its spans in it, as HTML: colour, and the label's name beside each; and the colours' legend.

The elements add nothing to the text but the names in `<small>`, which cannot be selected: what is copied is the text.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.core.task import canonical_label
from playground.core.types import Span, Spans
from playground.views import numbers
from playground.views.html import Child, Html, el, escape
from playground.views.pieces import Pieces, cut
from playground.views.span_gold import SpanVerdict
from playground.views.state import Asked

COLOURS = 9  # --pg-label-0 .. in the style sheet; further labels take them again, with a double line
MANY = 300  # of more marks the description stands in the legend alone, so that a long text stays a short page
LISTED = 200  # spans that the list for a screen reader names; their labels stand in the text too
_STRONG = frozenset({"L", "R", "AL"})
KEYS = 8  # labels that a legend names; of a model with more, those that its answer has


class Palette:
    """Each label's colour and description. The same label has the same colour on every card of a task."""

    def __init__(self, asked: Asked, more: Sequence[str] = ()) -> None:
        names = [canonical_label(label.name) for label in asked.labels]
        names += [name for label in more if (name := canonical_label(label)) not in names]
        self._places = {name: place for place, name in reversed(list(enumerate(names)))}
        self._means = {canonical_label(label.name): label.description for label in asked.labels}
        self._classes: dict[str, str] = {}

    def cls(self, label: str) -> str:
        """Made of numbers alone, whatever the label."""
        if label not in self._classes:
            place = self._places.get(canonical_label(label), 0)
            self._classes[label] = f"pg-l{place % COLOURS}" + (" pg-double" if place // COLOURS % 2 else "")
        return self._classes[label]

    def means(self, label: str) -> str:
        description = self._means.get(canonical_label(label), "")
        return f"{label}: {description}" if description else label


@dataclass(frozen=True)
class Mark:
    """One stretch to draw. `of`: "found"; "extra" where the true answer has no such span; "missed" where only that has it.

    true: the label that the true answer has at exactly this place, where it is another.
    """

    span: Span
    of: str = "found"
    true: str = ""


def marks_of(output: Spans, verdict: SpanVerdict | None) -> list[Mark]:
    """Those of the answer, then the missed ones that stand where the answer has nothing of the same extent."""
    if verdict is None:
        return [Mark(span) for span in output.spans]
    extra = {(span.start, span.end, span.label) for span in verdict.extra}
    missed = {(span.start, span.end): span.label for span in verdict.missed}
    marks = []
    for span in output.spans:
        wrong = (span.start, span.end, span.label) in extra
        marks.append(Mark(span, "extra" if wrong else "found", missed.pop((span.start, span.end), "") if wrong else ""))
    left = [Mark(span, "missed") for span in verdict.missed if (span.start, span.end) in missed]
    return marks + left


def marked_text(text: str, marks: Sequence[Mark], palette: Palette) -> tuple[Html, Pieces]:
    """The text, and how it was cut."""
    pieces = cut(len(text), [(mark.span.start, mark.span.end) for mark in marks])
    starts = [max(0, mark.span.start) for mark in marks]
    ends = [min(len(text), mark.span.end) for mark in marks]
    classes = [_classes(mark, level, palette) for mark, level in zip(marks, pieces.levels, strict=True)]
    told = palette if len(marks) <= MANY else None
    tags: dict[tuple[str, str, str], Html] = {}
    html: list[str] = []
    for piece in pieces.pieces:
        for index in piece.stack:
            cuts = (" pg-on" if piece.start > starts[index] else "") + (" pg-off" if piece.end < ends[index] else "")
            html += ('<mark class="', classes[index], cuts, '" title="', escape(_title(marks[index], told)), '">')
        html.append(escape(text[piece.start : piece.end]))
        for index in reversed(piece.stack):
            if piece.end == ends[index]:
                mark = marks[index]
                kind = (mark.of, mark.span.label, mark.true)
                html.append(tags.get(kind) or tags.setdefault(kind, _tag(mark)))
            html.append("</mark>")
    return Html("".join(html)), pieces


def _classes(mark: Mark, level: int | None, palette: Palette) -> str:
    drawn = "pg-missed" if mark.of == "missed" else f"pg-e {palette.cls(mark.span.label)}"
    return f"{drawn} pg-up{level}" if level else drawn


def _tag(mark: Mark) -> Html:
    label = f" {mark.span.label}"
    if mark.of == "missed":
        return el("small", label, el("span", " missed", cls="pg-sr"))
    if mark.of == "found":
        return el("small", label)
    true = el("small", f" {mark.true}", el("span", " is true", cls="pg-sr"), cls="pg-true") if mark.true else None
    return Html(el("small", label, " ✗", el("span", " wrong", cls="pg-sr")) + (true or ""))


def _title(mark: Mark, palette: Palette | None) -> str:
    """With the label's description where a palette has it."""
    said = palette.means(mark.span.label) if palette else mark.span.label
    if mark.span.score is not None:
        said += f" · {numbers.score(mark.span.score)}"
    if mark.of == "missed":
        return f"Missed · {said}"
    if mark.of == "extra":
        return f"{said} · " + (f"the true answer is {mark.true}" if mark.true else "not in the true answer")
    return said


def span_list(marks: Sequence[Mark], palette: Palette, heading: str) -> Html:
    """For a screen reader: what was found, one by one, in reading order."""
    order = sorted(marks, key=lambda mark: (mark.span.start, -mark.span.end))
    rows: list[Child] = [el("li", _words(mark, palette)) for mark in order[:LISTED]]
    if len(order) > LISTED:
        rows.append(el("li", f"and {len(order) - LISTED:,} more, named in the text"))
    return el("ul", rows, cls="pg-sr", aria_label=heading)


def _words(mark: Mark, palette: Palette) -> str:
    return f"{mark.span.text}: {_title(mark, palette)}"


def legend(output: Spans, verb: str, palette: Palette) -> Html:
    """The labels that this model knows, with how often each was found: why models of different labels differ."""
    counts = Counter(span.label for span in output.spans)
    known = [*output.labels, *(label for label in counts if label not in output.labels)]
    many = len(known) > KEYS
    shown = [label for label, _ in counts.most_common(KEYS - 2)] if many else known
    keys = [_key(label, counts, palette) for label in shown]
    rest = el("span", f"of {len(known)} labels", cls="pg-quiet", title=", ".join(known)) if many else None
    return el("p", [] if many else [verb, " "], [[key, " "] for key in keys], rest, cls="pg-knows")


def _key(label: str, counts: Mapping[str, int], palette: Palette) -> Html:
    count = counts.get(label, 0)
    return el(
        "span",
        label,
        [" ", el("b", f"{count:,}")] if count else None,
        cls=f"pg-label {palette.cls(label)}" if count else f"pg-label pg-none {palette.cls(label)}",
        title=palette.means(label),
        dir="auto",
    )


def direction(text: str) -> str:
    """As a browser finds it for `dir="auto"`, by the first strong character; found here, it costs a long text no seconds there."""
    for character in text:
        if (kind := unicodedata.bidirectional(character)) in _STRONG:
            return "ltr" if kind == "L" else "rtl"
    return "ltr"


def has_right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
