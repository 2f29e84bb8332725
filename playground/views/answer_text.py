"""An answer in its context, as HTML: the stretch itself marked, some text around it, and the rest a click away."""

from __future__ import annotations

from playground.views.html import Child, Html, el
from playground.views.span_text import direction

AROUND = 70  # characters that stand before the answer, in no more than two lines: it is seen without scrolling
BEHIND = 600  # and behind it
MOST = 6000  # characters on either side that can be opened; all of the context stands in its field above


def marked_context(context: str, start: int, end: int, title: str) -> Html:
    """`context` with [start, end) marked. What is not copied is the word “before” or “after”: the rest is the context."""
    first, last = _cut(context, start - AROUND, forward=True), _cut(context, end + BEHIND, forward=False)
    first = max(first, context.rfind("\n", first, context.rfind("\n", first, start)) + 1)
    first += len(context[first:start]) - len(context[first:start].lstrip())
    return el(
        "div",
        _more(context, max(0, first - MOST), first, "before"),
        context[first:start],
        el("mark", context[start:end], cls="pg-found", title=title),
        context[end:last],
        _more(context, last, min(len(context), last + MOST), "after"),
        cls="pg-marked pg-context",
        dir=direction(context[first:last]),
        tabindex=0,
        role="group",
        aria_label="The answer in its context",
    )


def _cut(context: str, at: int, *, forward: bool) -> int:
    """The nearest blank from here on, so that no word is cut; where the text is near its end, that."""
    if at <= 0:
        return 0
    if at >= len(context):
        return len(context)
    for step in range(60):
        place = at + step if forward else at - step
        if context[place].isspace():
            return place
    return at


def _more(context: str, start: int, end: int, where: str) -> Child:
    """The context's [start, end), closed."""
    if start >= end:
        return None
    hidden = start if where == "before" else len(context) - end
    count = f"… {end - start:,} characters {where}"
    rest = f", {hidden:,} more in the field above" if hidden else ""
    return el("details", el("summary", count, rest), el("div", context[start:end]), cls="pg-more")
