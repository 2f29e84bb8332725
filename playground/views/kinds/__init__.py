"""One file per output kind; each exports `KIND` and `VIEW`. A new file here is a view of a new output type."""

from __future__ import annotations

import sys
from functools import cache
from typing import Protocol

from playground.core.registry import modules_in
from playground.core.types import Output
from playground.views.html import Html, el
from playground.views.state import CardState


class KindView(Protocol):
    """How one type of output is shown. Each method is pure and escapes what it shows."""

    def headline(self, output: Output) -> str:
        """The answer in one or two words: the big line of a card."""

    def said(self, output: Output) -> str:
        """What two answers are compared by, in the words of "says ..."."""

    def confidence(self, output: Output) -> float | None:
        """How sure the model is of its own answer, 0..1."""

    def confidence_source(self, output: Output) -> str:
        """Empty for a computed one, else a sentence on where the number comes from."""

    def body(self, state: CardState) -> Html:
        """The details under the headline. Has the same height before, while and after the card fills."""


class _PlainView:
    """For an output without a view of its own: its type's name, and nothing invented."""

    def headline(self, output: Output) -> str:
        return type(output).__name__

    def said(self, output: Output) -> str:
        return type(output).__name__

    def confidence(self, output: Output) -> float | None:
        return None

    def confidence_source(self, output: Output) -> str:
        return ""

    def body(self, state: CardState) -> Html:
        return el("div", cls="pg-body")


@cache
def _views() -> dict[str, KindView]:
    return {module.KIND: module.VIEW for module in modules_in(sys.modules[__name__])}


def view_of(output: Output) -> KindView:
    return _views().get(getattr(output, "kind", ""), _PlainView())


def view_for(state: CardState) -> KindView:
    """The view of a card's output; before there is one, of the output that its labels let us expect."""
    if state.output is not None:
        return view_of(state.output)
    return _views()["labels"] if state.labels else _PlainView()
