"""One file per output kind; each exports `KIND` and `VIEW`. A new file here is a view of a new output type."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from playground.core.registry import modules_in
from playground.core.types import Output
from playground.views.comparison import Comparison
from playground.views.html import Child, Html, el
from playground.views.state import Asked, CardState


class KindView(Protocol):
    """How one type of output is shown and compared. Each method is pure and escapes what it shows."""

    shows_input: bool  # whether a card that still waits shows the text that it was given
    streams: bool  # whether the answer is shown while it is being written, so that its speed counts

    def headline(self, output: Output, asked: Asked) -> str:
        """The answer in one or two words: the big line of a card."""

    def said(self, output: Output) -> str:
        """The answer in a table's cell: short, and telling it from most other answers."""

    def announced(self, output: Output, asked: Asked) -> str:
        """The answer as a screen reader is told it."""

    def confidence(self, output: Output) -> float | None:
        """How sure the model is of its own answer, 0..1."""

    def remarks(self, output: Output, asked: Asked) -> list[str]:
        """Sentences that must be said of the answer: where its scores come from, what was left out of it."""

    def body(self, state: CardState) -> Html:
        """The details under the headline. Has the same height before, while and after the card fills."""

    def verdict(self, state: CardState) -> Html | None:
        """An answered card against the true answer of its input; None without one."""

    def change(self, output: Output, before: Output) -> tuple[str, str] | None:
        """What is other than in the last run, and the same in a sentence; None where nothing is worth a mark."""

    def differ(self, outputs: Sequence[Output]) -> bool | None:
        """Whether these are not all the same answer; None where no two of them can be compared."""

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        """A heading, and where the answers (at least one) agree and differ."""


class _PlainView:
    """For an output without a view of its own: its type's name, and nothing invented."""

    shows_input = False
    streams = False

    def headline(self, output: Output, asked: Asked) -> str:
        return self.said(output)

    def said(self, output: Output) -> str:
        return "" if output is None else type(output).__name__

    def announced(self, output: Output, asked: Asked) -> str:
        return self.said(output)

    def confidence(self, output: Output) -> float | None:
        return None

    def remarks(self, output: Output, asked: Asked) -> list[str]:
        return []

    def body(self, state: CardState) -> Html:
        return el("div", cls="pg-body")

    def verdict(self, state: CardState) -> Html | None:
        return None

    def change(self, output: Output, before: Output) -> tuple[str, str] | None:
        return None

    def differ(self, outputs: Sequence[Output]) -> bool | None:
        return None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        return "Nothing that can be compared.", None


@cache
def _views() -> dict[str, KindView]:
    return {module.KIND: module.VIEW for module in modules_in(sys.modules[__name__])}


def view_of(output: Output) -> KindView:
    return _views().get(getattr(output, "kind", ""), _PlainView())


def view_for(state: CardState) -> KindView:
    """The view of a card's output; before there is one, of the output that its task lets us expect."""
    return view_of(state.output) if state.output is not None else view_expected(state.asked.kind)


def view_expected(kind: str) -> KindView:
    """Of outputs of this kind."""
    return _views().get(kind, _PlainView())
