"""A tokenizer's name on the page: its title, and whose tier reads with it. And bars."""

from __future__ import annotations

from playground.core.token_types import TokenizerRef
from playground.core.words import TIER_TITLES
from playground.views.html import Html, el


def name(ref: TokenizerRef) -> Html:
    """Its tier's colour, and the tier's name beside it."""
    return el(
        "span",
        el("i", cls="pg-tokens-dot", aria_hidden="true"),
        el("span", el("b", ref.title), el("span", TIER_TITLES.get(ref.tier, "no model"), cls="pg-quiet")),
        cls="pg-tokens-name",
    )


def bar(*values: float) -> Html:
    """Stretches of one bar, each a share of its whole width. The number beside it says it again."""
    fills = [el("span", style=f"--value:{round(100 * min(1.0, max(0.0, value)), 3)}%") for value in values]
    return el("span", fills, cls="pg-tokens-bar", aria_hidden="true")


def percent(value: float | None) -> str:
    """
    >>> percent(0.123), percent(0.00004), percent(0), percent(12.5), percent(None)
    ('12\\xa0%', '<0.01\\xa0%', '0\\xa0%', '1,250\\xa0%', '–')
    """
    if value is None:
        return "–"
    hundred = 100 * value
    if hundred == 0:
        return "0\N{NO-BREAK SPACE}%"
    if hundred < 0.01:
        return "<0.01\N{NO-BREAK SPACE}%"
    digits = 2 if hundred < 1 else 1 if hundred < 10 else 0
    return f"{hundred:,.{digits}f}\N{NO-BREAK SPACE}%"


def ratio(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
