"""An answer of spans against the true one: what was found, what was missed, what is too much."""

from __future__ import annotations

from dataclasses import dataclass

from playground.core.span_task import place
from playground.core.task import canonical_label
from playground.core.types import Gold, Span, Spans


@dataclass(frozen=True)
class SpanVerdict:
    """wanted: the true spans whose labels the model knows. found, missed: of them. extra: said, and not true.

    foreign: labels of true spans that the model cannot give, in reading order.
    """

    wanted: tuple[Span, ...]
    found: tuple[Span, ...]
    missed: tuple[Span, ...]
    extra: tuple[Span, ...]
    foreign: tuple[str, ...]


def judged(output: Spans, gold: Gold | None) -> SpanVerdict | None:
    """None where there is no true answer of this kind."""
    if not isinstance(gold, tuple):
        return None
    known = {canonical_label(label) for label in output.labels}
    said = {place(span) for span in output.spans}
    true = {place(span) for span in gold}
    wanted = tuple(span for span in gold if canonical_label(span.label) in known)
    foreign = dict.fromkeys(span.label for span in gold if canonical_label(span.label) not in known)
    return SpanVerdict(
        wanted,
        tuple(span for span in wanted if place(span) in said),
        tuple(span for span in wanted if place(span) not in said),
        tuple(span for span in output.spans if place(span) not in true),
        tuple(foreign),
    )
