"""MultiLabels: any number of labels, each with the threshold from which on it holds."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.task import canonical_label
from playground.core.types import JudgedLabel, MultiLabels
from playground.views import numbers
from playground.views.bars import FEW, Bar, bars
from playground.views.comparison import Comparison, listed
from playground.views.html import Child, Html, el
from playground.views.label_sets import compared, judged, said_of, same, shortened
from playground.views.state import Asked, CardState, Phase

NOTHING = "none holds"


class MultiLabelsView:
    shows_input = False
    streams = False

    def headline(self, output: MultiLabels, asked: Asked) -> str:
        return shortened(output.labels) or NOTHING

    def said(self, output: MultiLabels) -> str:
        return shortened(output.labels) or "none"

    def announced(self, output: MultiLabels, asked: Asked) -> str:
        return said_of(output.labels) if output.labels else "none of the labels holds"

    def confidence(self, output: MultiLabels) -> float | None:
        """Mean of the scores of what holds; None where nothing does, or one has none."""
        given = {row.label: row.score for row in output.scores}
        scores = [given.get(label) for label in output.labels]
        known = [score for score in scores if score is not None]
        return sum(known) / len(known) if known and len(known) == len(scores) else None

    def remarks(self, output: MultiLabels, asked: Asked) -> list[str]:
        if all(row.score is None for row in output.scores):  # an endpoint that names nothing has nothing to score
            return ["The model gave no scores."] if output.labels else []
        return ["Scores as stated by the model."] if output.score_source == "stated" else []

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, MultiLabels) else None
        before = state.previous if isinstance(state.previous, MultiLabels) else None
        rows = _rows(state, output, before)
        named = {canonical_label(name) for name in state.asked.names} | {canonical_label(row.label) for row in rows}
        bounded = output is None or any(row.threshold is not None for row in output.scores)
        return bars(rows, len(named), judged=True, key=_KEY if bounded else _NO_KEY)

    def verdict(self, state: CardState) -> Html | None:
        output = state.output
        if state.phase is not Phase.DONE or not isinstance(output, MultiLabels) or state.right is None:
            return None
        verdict = judged(output, state.gold)
        if state.right or verdict is None:
            return el("span", "✓ gold", cls="pg-right", title="The same as the example's true answer.")
        wrong = [("missing", verdict.missed), ("too many", verdict.extra)]
        said = "; ".join(f"{word}: {', '.join(labels)}" for word, labels in wrong if labels)
        true = listed(sorted(state.gold)) if state.gold else "none of the labels"
        return el("span", f"✗ {said}", cls="pg-wrong", title=f"✗ {said}. The example's true answer: {true}.")

    def change(self, output: MultiLabels, before: MultiLabels) -> tuple[str, str] | None:
        """What holds now and did not, and the other way round; else its confidence."""
        new, gone = _without(output.labels, before.labels), _without(before.labels, output.labels)
        if new or gone:
            signs = " ".join([f"+{label}" for label in new] + [f"−{label}" for label in gone])
            told = [f"{word}: {', '.join(labels)}." for word, labels in (("New", new), ("Gone", gone)) if labels]
            return f"{signs} since last run", " ".join(["Changed since the last run.", *told])
        now, then = self.confidence(output), self.confidence(before)
        changed = "" if now is None or then is None else numbers.delta(now - then)
        return (f"{changed} since last run", "Change of its confidence since the last run.") if changed else None

    def differ(self, outputs: Sequence[MultiLabels]) -> bool | None:
        return not same(outputs) if len(outputs) > 1 else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        return compared(comparison)


def _without(labels: Sequence[str], others: Sequence[str]) -> list[str]:
    known = {canonical_label(label) for label in others}
    return [label for label in labels if canonical_label(label) not in known]


def _rows(state: CardState, output: MultiLabels | None, before: MultiLabels | None) -> list[Bar]:
    """Few labels in the task's order; many by what holds, then by score; before they are known none of those."""
    names = state.asked.names
    if output is None:
        return [Bar(name) for name in names] if len(names) <= FEW else []
    verdict = judged(output, state.gold) if state.right is not None else None
    marks = {
        canonical_label(label): mark
        for mark, labels in (
            (("right", verdict.found), ("extra", verdict.extra), ("missed", verdict.missed)) if verdict else ()
        )
        for label in labels
    }
    then = {row.label: row.score for row in before.scores} if before else {}
    holds = {canonical_label(label) for label in output.labels}
    given = {canonical_label(row.label): row for row in output.scores}
    for label in [*output.labels, *names]:
        given.setdefault(canonical_label(label), JudgedLabel(label))
    if len(given) <= FEW:
        place = {canonical_label(name): place for place, name in enumerate(names)}
        order = sorted(given, key=lambda name: place.get(name, len(place)))
    else:
        order = sorted(given, key=lambda name: name not in holds)  # stable: both parts best first
    return [
        Bar(
            row.label,
            row.score,
            name in holds,
            row.threshold,
            then.get(row.label),
            marks.get(name, ""),
        )
        for name, row in ((name, given[name]) for name in order)
    ]


_KEY = el(
    "span",
    el("i", cls="pg-key-mark", aria_hidden="true"),
    " holds from here on",
    cls="pg-key",
    title="The mark on each bar is its label's threshold.",
)
_NO_KEY = el("span", "no thresholds", cls="pg-key", title="The model decides by itself which labels hold.")
KIND = MultiLabels.kind
VIEW = MultiLabelsView()
