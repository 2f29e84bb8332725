"""Labels: one label out of several, with a bar for each score."""

from __future__ import annotations

from playground.core.types import Labels
from playground.views.html import Html, el
from playground.views.numbers import score
from playground.views.state import CardState

SHOWN = 6  # bars on a card; of more labels the best
_SOURCES = {"computed": "", "logprobs": "", "stated": "Scores as stated by the model."}


class LabelsView:
    def headline(self, output: Labels) -> str:
        return output.label

    def said(self, output: Labels) -> str:
        return output.label

    def confidence(self, output: Labels) -> float | None:
        return output.confidence

    def confidence_source(self, output: Labels) -> str:
        return _SOURCES[output.score_source] if output.scores else "The model gave no confidence."

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, Labels) else None
        before = state.previous if isinstance(state.previous, Labels) else None
        rows = [_bar(label, output, before) for label in _labels(state, output)]
        hint = (
            "From the probabilities of the tokens it wrote." if output and output.score_source == "logprobs" else None
        )
        return el("div", el("ul", rows, cls="pg-bars", aria_label="scores", title=hint), cls="pg-body")


def _labels(state: CardState, output: Labels | None) -> list[str]:
    """The task's labels in the task's order, so that bars never change places; else the best of the output's."""
    named = list(state.labels)
    scored = [row.label for row in output.scores] if output else []
    if len(named) > SHOWN and scored:
        return scored[:SHOWN]
    return (named + [label for label in scored if label not in named])[:SHOWN]


def _bar(label: str, output: Labels | None, before: Labels | None) -> Html:
    value = output.score_of(label) if output else None
    old = before.score_of(label) if before else None
    width = 0 if value is None else round(100 * min(1.0, max(0.0, value)), 2)
    said = bool(output and output.label == label)
    return el(
        "li",
        el("span", label, cls="pg-bar-label", title=label, dir="auto"),
        el(
            "span",
            el("span", cls="pg-bar-fill", style=f"--value:{width}%"),
            _tick(old) if value is not None and old is not None and abs(value - old) >= 0.005 else None,
            cls="pg-bar-track",
            aria_hidden="true",
        ),
        el("span", score(value), cls="pg-bar-score"),
        cls="pg-bar pg-said" if said else "pg-bar",
    )


def _tick(old: float) -> Html:
    """Where the bar ended in the last run."""
    return el(
        "span",
        cls="pg-bar-tick",
        style=f"--value:{round(100 * min(1.0, max(0.0, old)), 2)}%",
        title=f"last run: {score(old)}",
    )


KIND = Labels.kind
VIEW = LabelsView()
