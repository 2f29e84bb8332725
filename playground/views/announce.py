"""What a screen reader is told while the cards fill: one short sentence per finished card."""

from __future__ import annotations

from collections.abc import Sequence

from playground.views import numbers
from playground.views.html import Html, el, join
from playground.views.kinds import view_of
from playground.views.state import CardState, Phase


def announcement(states: Sequence[CardState]) -> Html:
    """A place per card, filled once: a screen reader hears each answer when it comes, and none twice."""
    return join([el("p", _sentence(state)) for state in states])


def _sentence(state: CardState) -> str:
    match state.phase:
        case Phase.DONE:
            view = view_of(state.output)
            confidence = view.confidence(state.output)
            sure = "" if confidence is None else f", {numbers.score(confidence)}"
            stand_in = " (stand-in)" if state.stand_in else ""
            return f"{state.title}{stand_in}: {view.announced(state.output, state.asked)}{sure}."
        case Phase.FAILED:
            return f"{state.title}: no answer. {state.error}"
        case Phase.STOPPED:
            return f"{state.title}: stopped."
        case _:
            return ""
