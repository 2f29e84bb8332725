"""Spans: the user's own text with what was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from playground.core.span_task import place
from playground.core.task import canonical_label
from playground.core.types import Span, Spans
from playground.views.comparison import Comparison, listed
from playground.views.html import Child, Html, el
from playground.views.span_agreement import compared
from playground.views.span_gold import judged
from playground.views.span_text import Palette, direction, has_right_to_left, legend, marked_text, marks_of, span_list
from playground.views.state import Asked, CardState, Phase

NAMED = 4  # spans that a cell or a spoken sentence names
COLUMNS = 1000  # words that stand over their classes; more have them behind
CHANGES = 12  # spans that the title of what changed names


class SpansView:
    shows_input = True
    streams = False

    def headline(self, output: Spans, asked: Asked) -> str:
        one, many = asked.noun
        count = len(output.spans)
        return f"no {one}" if not count else f"1 {one}" if count == 1 else f"{count:,} {many}"

    def said(self, output: Spans) -> str:
        named = ", ".join(_named(span) for span in output.spans[:NAMED])
        more = len(output.spans) - NAMED
        return f"{named}, +{more:,}" if more > 0 else named or "none"

    def announced(self, output: Spans, asked: Asked) -> str:
        headline = self.headline(output, asked)
        return headline if asked.every_word or not output.spans else f"{headline}: {self.said(output)}"

    def confidence(self, output: Spans) -> float | None:
        """Mean of the spans' own scores; None where one has none."""
        scores = [span.score for span in output.spans if span.score is not None]
        return sum(scores) / len(scores) if scores and len(scores) == len(output.spans) else None

    def remarks(self, output: Spans, asked: Asked) -> list[str]:
        remarks = []
        if output.unplaced:
            one, many = asked.noun
            said = (
                f"1 {one} that it named does" if output.unplaced == 1 else f"{output.unplaced} {many} that it named do"
            )
            remarks.append(f"{said} not stand in the text, and {'is' if output.unplaced == 1 else 'are'} left out.")
        if output.spans and all(span.score is None for span in output.spans):
            remarks.append("The model gave no scores.")
        return remarks

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, Spans) else None
        if output is None or state.phase is not Phase.DONE:
            return _frame(None, _before(state), "pg-marked pg-calm")
        asked, palette = state.asked, Palette(state.asked, output.labels)
        marks = marks_of(output, judged(output, state.gold))
        text, pieces = marked_text(state.input, marks, palette)
        # Words in columns stand in an order of their own: not where a text runs from right to left, or spans overlap.
        # Nor in a long one: thousands of columns take a browser seconds.
        columns = asked.every_word and len(output.spans) <= COLUMNS and pieces.depth < 2
        gloss = columns and not has_right_to_left(state.input)
        named = [mark for mark in marks if mark.of != "found"] if asked.every_word else marks
        heading = self.headline(output, asked)
        cls = "pg-marked pg-gloss" if gloss else f"pg-marked pg-deep{pieces.depth}" if pieces.depth > 1 else "pg-marked"
        towards, spoken = direction(state.input), f"The text, {heading} marked"
        box = el("div", text, cls=cls, dir=towards, tabindex=0, role="group", aria_label=spoken)
        keys = legend(output, "knows" if asked.every_word else "finds", palette)
        return _frame(keys, box, listed_=span_list(named, palette, heading) if named else None)

    def verdict(self, state: CardState) -> Html | None:
        output = state.output
        if state.phase is not Phase.DONE or not isinstance(output, Spans):
            return None
        verdict = judged(output, state.gold)
        if verdict is None:
            return None
        extra = len(verdict.extra)
        foreign = listed(verdict.foreign) if verdict.foreign else ""
        if state.right is None:
            said = "gold has none of its labels"
            title = f"The true answer has only {foreign}: labels that this model cannot give." if foreign else None
            return el("span", said, cls="pg-open-verdict", title=title)
        unknown = f" It has {foreign} too: labels that this model cannot give." if foreign else ""
        if state.right:
            return el("span", "✓ gold", cls="pg-right", title=f"The same as the example's true answer.{unknown}")
        if not verdict.wanted:
            said = f"✗ gold has none{' of its labels' if foreign else ''}, {extra:,} extra"
        elif state.asked.every_word:
            said = f"✗ {len(verdict.found):,} of {len(verdict.wanted):,} as gold"
        else:
            said = f"✗ {len(verdict.found):,} of {len(verdict.wanted):,} gold found" + (
                f", {extra:,} extra" if extra else ""
            )
        title = f"Not the example's true answer: {_counted(verdict.missed)} missed, {_counted(verdict.extra)} extra.{unknown}"
        return el("span", said, cls="pg-wrong", title=title)

    def change(self, output: Spans, before: Spans) -> tuple[str, str] | None:
        """By label and words, since places move when the text is edited."""
        now, then = Counter(map(_named, output.spans)), Counter(map(_named, before.spans))
        new, gone = list((now - then).elements()), list((then - now).elements())
        if not new and not gone:
            return None
        signs = " ".join([f"+{len(new):,}"] * bool(new) + [f"−{len(gone):,}"] * bool(gone))
        told = [f"{word}: {_shortened(names)}." for word, names in (("New", new), ("Gone", gone)) if names]
        return f"{signs} since last run", " ".join(told)

    def differ(self, outputs: Sequence[Spans]) -> bool | None:
        """Of any two models the spans whose labels both know."""
        comparable = False
        for one, other in combinations(outputs, 2):
            shared = {canonical_label(label) for label in one.labels} & {
                canonical_label(label) for label in other.labels
            }
            comparable = comparable or bool(shared)
            if shared and _places(one, shared) != _places(other, shared):
                return True
        return False if comparable else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        return compared(comparison)


def _frame(keys: Html | None, box: Html | str, cls: str = "", listed_: Html | None = None) -> Html:
    """Legend and box, of one height in every phase."""
    inner = box if isinstance(box, Html) else el("div", box, cls=cls, dir=direction(box))
    return el("div", keys or el("p", cls="pg-knows"), inner, listed_, cls="pg-body pg-spans")


def _before(state: CardState) -> str:
    """The text as it was given, so that only its marks are new when they come; before a run what will stand there."""
    if state.phase is Phase.UNSUPPORTED:
        return ""
    return state.input or f"Your text will stand here with its {state.asked.noun[1]} marked."


def _named(span: Span) -> str:
    return f"{span.label} {' '.join(span.text.split())}"


def _counted(spans: Sequence[Span]) -> str:
    return _shortened([_named(span) for span in spans]) if spans else "none"


def _shortened(names: Sequence[str]) -> str:
    more = len(names) - CHANGES
    return ", ".join(names[:CHANGES]) + (f" and {more:,} more" if more > 0 else "")


def _places(output: Spans, labels: set[str]) -> set[tuple[int, int, str]]:
    return {place(span) for span in output.spans if canonical_label(span.label) in labels}


KIND = Spans.kind
VIEW = SpansView()
