"""Labels: one label out of several, with a bar for each score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.run import TierResult
from playground.core.types import Labels
from playground.views import numbers
from playground.views.bars import FEW, Bar, bars
from playground.views.comparison import Comparison, lowered
from playground.views.html import Child, Html, el
from playground.views.state import Asked, CardState, Phase

_SOURCES = {"computed": "", "logprobs": "", "stated": "Scores as stated by the model."}


class LabelsView:
    shows_input = False
    streams = False

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
        names = _labels(state, output)
        now, then = _scores(output), _scores(before)
        rows = [
            Bar(label, now.get(label), said=output is not None and output.label == label, old=then.get(label))
            for label in names
        ]
        hint = (
            "From the probabilities of the tokens it wrote." if output and output.score_source == "logprobs" else None
        )
        return bars(rows, max(len(state.asked.names), len(names)), hint=hint)

    def verdict(self, state: CardState) -> Html | None:
        if state.phase is not Phase.DONE or state.gold is None or state.right is None:
            return None
        if state.right:
            return el("span", "✓ gold", cls="pg-right", title="The same as the example's true answer.")
        title = f"Not the example's true answer: {state.gold}."
        return el("span", f"✗ gold: {state.gold}", cls="pg-wrong", title=title)

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
    """Few labels in the task's order; many, best first, once they have their scores."""
    named = list(state.asked.names)
    scored = [row.label for row in output.scores] if output else []
    known = set(named)
    both = named + [label for label in scored if label not in known]
    if len(both) <= FEW:
        return both
    return scored or ([output.label] if output else [])


def _scores(output: Labels | None) -> dict[str, float]:
    return {row.label: row.score for row in output.scores} if output else {}


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
