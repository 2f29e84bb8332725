"""What a screen reader is told while the cards fill: one short sentence per finished card."""

from __future__ import annotations

from collections.abc import Sequence

from playground.views import numbers
from playground.views.kinds import view_of
from playground.views.state import CardState, Phase


def announcement(states: Sequence[CardState]) -> str:
    return " ".join(sentence for state in states if (sentence := _sentence(state)))


def _sentence(state: CardState) -> str:
    match state.phase:
        case Phase.DONE:
            view = view_of(state.output)
            confidence = view.confidence(state.output)
            sure = "" if confidence is None else f", {numbers.score(confidence)}"
            stand_in = " (stand-in)" if state.stand_in else ""
            return f"{state.title}{stand_in}: {view.said(state.output)}{sure}."
        case Phase.FAILED:
            return f"{state.title}: no answer. {state.error}"
        case Phase.STOPPED:
            return f"{state.title}: stopped."
        case _:
            return ""
