"""A table that scrolls sideways by itself where there is no room."""

from __future__ import annotations

from collections.abc import Sequence

from playground.views.html import Html, el


def scrolling(
    label: str, caption: str, heads: Sequence[Html], lines: Sequence[Html], *, cls: str, style: str | None = None
) -> Html:
    """label: of the region that a keyboard scrolls. caption: of the table, for a screen reader. heads: `th` each. lines: `tr`."""
    return el(
        "div",
        el(
            "table",
            el("caption", caption, cls="pg-sr"),
            el("thead", el("tr", heads)),
            el("tbody", lines),
            cls=cls,
            style=style,
        ),
        cls="pg-tokens-scroll",
        tabindex="0",
        role="region",
        aria_label=label,
    )
