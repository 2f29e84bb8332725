"""Labels: one label out of several, with a bar for each score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.run import TierResult
from playground.core.types import Labels
from playground.views import numbers
from playground.views.comparison import Comparison, lowered
from playground.views.html import Child, Html, el
from playground.views.state import Asked, CardState, Phase

SHOWN = 6  # bars on a card; of more labels the best
_SOURCES = {"computed": "", "logprobs": "", "stated": "Scores as stated by the model."}


class LabelsView:
    shows_input = False

    def headline(self, output: Labels, asked: Asked) -> str:
        return output.label

    def said(self, output: Labels) -> str:
        return output.label

    def announced(self, output: Labels, asked: Asked) -> str:
        return output.label

    def confidence(self, output: Labels) -> float | None:
        return output.confidence

    def remarks(self, output: Labels, asked: Asked) -> list[str]:
        said = _SOURCES[output.score_source] if output.scores else "The model gave no confidence."
        return [said] if said else []

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, Labels) else None
        before = state.previous if isinstance(state.previous, Labels) else None
        rows = [_bar(label, output, before) for label in _labels(state, output)]
        hint = (
            "From the probabilities of the tokens it wrote." if output and output.score_source == "logprobs" else None
        )
        return el("div", el("ul", rows, cls="pg-bars", aria_label="scores", title=hint), cls="pg-body")

    def verdict(self, state: CardState) -> Html | None:
        if state.phase is not Phase.DONE or state.gold is None or state.right is None:
            return None
        if state.right:
            return el("span", "✓ gold", cls="pg-right", title="The same as the example's true answer.")
        return el("span", f"✗ gold: {state.gold}", cls="pg-wrong", title="Not the example's true answer.")

    def change(self, output: Labels, before: Labels) -> tuple[str, str] | None:
        """Another answer than in the last run, or the same with another confidence."""
        if before.label != output.label:
            return f"was {before.label}", "Changed since the last run."
        now, then = output.confidence, before.confidence
        changed = "" if now is None or then is None else numbers.delta(now - then)
        return (f"{changed} since last run", "Change of its confidence since the last run.") if changed else None

    def differ(self, outputs: Sequence[Labels]) -> bool | None:
        return len({output.label for output in outputs}) > 1 if len(outputs) > 1 else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        groups, results = _groups(comparison), comparison.results
        if len(results) == 1:
            title = comparison.title(results[0].tier)
            return "One answer.", [title, " says ", _said(results[0]), _mark(groups[0], comparison.right), "."]
        if len(groups) == 1:
            all_of = comparison.named([result.tier for result in results])
            return "Tiers agree.", [all_of, " say ", _said(results[0]), _mark(groups[0], comparison.right), "."]
        return "Tiers differ.", _differing(groups, comparison)


def _labels(state: CardState, output: Labels | None) -> list[str]:
    """The task's labels in the task's order, so that bars never change places; else the best of the output's."""
    named = list(state.asked.names)
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
        el("span", numbers.score(value), cls="pg-bar-score"),
        cls="pg-bar pg-said" if said else "pg-bar",
    )


def _tick(old: float) -> Html:
    """Where the bar ended in the last run."""
    return el(
        "span",
        cls="pg-bar-tick",
        style=f"--value:{round(100 * min(1.0, max(0.0, old)), 2)}%",
        title=f"last run: {numbers.score(old)}",
    )


def _groups(comparison: Comparison) -> list[list[TierResult]]:
    """By what they say: who is right first, then the larger group, then the tiers' order."""
    groups: dict[str, list[TierResult]] = {}
    for result in comparison.results:
        groups.setdefault(result.output.label, []).append(result)
    right = comparison.right
    return sorted(groups.values(), key=lambda group: (not right.get(group[0].tier, False), -len(group)))


def _said(result: TierResult) -> Html:
    return el("b", result.output.label, dir="auto")


def _mark(group: Sequence[TierResult], right: Mapping[str, bool]) -> str:
    known = [right[result.tier] for result in group if result.tier in right]
    return "" if not known else " (right)" if all(known) else " (wrong)"


def _differing(groups: Sequence[Sequence[TierResult]], comparison: Comparison) -> list[Child]:
    said: list[Child] = []
    right, trained_on = comparison.right, comparison.trained_on
    for place, group in enumerate(groups):
        text = comparison.named([result.tier for result in group])
        said += [
            "; " if place else "",
            lowered(text) if place else text,
            " says " if len(group) == 1 else " say ",
            _said(group[0]),
            _mark(group, right),
        ]
        # Why the odd one out may differ: said of one tier alone, and of none that the truth proves right.
        only = group[0]
        if place and len(group) == 1 and not right.get(only.tier, False) and trained_on.get(only.tier):
            said.append(f": it was trained on {trained_on[only.tier].rstrip('.')}")
    return [*said, "."]


KIND = Labels.kind
VIEW = LabelsView()
