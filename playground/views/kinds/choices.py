"""Choices: the text with its gaps filled, and the words that applied for each."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core import gaps
from playground.core.fill_task import BEST, canonical_word, ranks
from playground.core.reading_types import Choices, GapWords
from playground.views import numbers
from playground.views.comparison import Comparison, listed, lowered
from playground.views.gap_words import box, candidates, filled_text, weighed
from playground.views.html import Child, Html, el
from playground.views.label_sets import said_of, shortened
from playground.views.state import Asked, CardState, Phase

_PLACES = ("the likeliest", "second", "third", "fourth", "fifth")


class ChoicesView:
    shows_input = True
    streams = False

    def headline(self, output: Choices, asked: Asked) -> str:
        return shortened(output.words)

    def said(self, output: Choices) -> str:
        return shortened(output.words)

    def announced(self, output: Choices, asked: Asked) -> str:
        return said_of(output.words)

    def confidence(self, output: Choices) -> float | None:
        """Of several gaps the mean of their best words'; None where one has none."""
        scores = [gap[0].score for gap in output.masks if gap]
        known = [score for score in scores if score is not None]
        return sum(known) / len(known) if known and len(known) == len(output.masks) else None

    def remarks(self, output: Choices, asked: Asked) -> list[str]:
        remarks = []
        if output.score_source == "stated":
            remarks.append("Probabilities as stated by the model.")
        if len(output.masks) > 1:
            remarks.append("Each gap is filled by itself.")
        if any(word.startswith(gaps.INSIDE) for word in output.words):
            remarks.append(f"A word with {gaps.INSIDE} goes on the one before it.")
        return remarks

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, Choices) and state.phase is Phase.DONE else None
        before = state.previous if isinstance(state.previous, Choices) else None
        gold = state.gold if isinstance(state.gold, GapWords) else None
        text = "" if state.phase is Phase.UNSUPPORTED else state.input or "Your text will stand here, its gaps filled."
        if output is None:
            return el("div", box(filled_text(text, ()), text), candidates(None, None, None), cls="pg-gaps")
        found = [rank == 0 for rank in ranks(output, gold)] if gold is not None else []
        shown: list[Child] = [filled_text(text, output.words, found)]
        if output.other:
            second = [gap[0].token if gap else "" for gap in output.other]
            shown = [el("p", shown), el("p", filled_text(output.other_text, second), cls="pg-second")]
        rows = weighed(output.weighed) if output.weighed else candidates(output, gold, before)
        return el("div", box(shown, text), rows, cls="pg-gaps")

    def verdict(self, state: CardState) -> Html | None:
        output, gold = state.output, state.gold
        if state.phase is not Phase.DONE or not isinstance(output, Choices) or not isinstance(gold, GapWords):
            return None
        found = ranks(output, gold)
        true = "; ".join(" or ".join(sorted(words)) for words in gold.gaps)
        if state.right:
            return el("span", "✓ gold", cls="pg-right", title=f"Right: {true}.")
        if len(found) > 1:
            right = sum(rank == 0 for rank in found)
            said = f"✗ {right} of {len(found)} gaps as gold"
        elif (rank := found[0]) is not None and rank < BEST:
            said = f"✗ gold is {_PLACES[rank]}"
        else:
            said = f"✗ gold is not among the {BEST} likeliest"
        return el("span", said, cls="pg-wrong", title=f"The example's true answer: {true}.")

    def change(self, output: Choices, before: Choices) -> tuple[str, str] | None:
        """Other words; else how sure it is of them."""
        if _first(output) != _first(before):
            was = shortened(before.words)
            return f"was {was}", f"Changed since the last run: it was {was}."
        now, then = self.confidence(output), self.confidence(before)
        changed = "" if now is None or then is None else numbers.delta(now - then)
        return (f"{changed} since last run", "Change of its confidence since the last run.") if changed else None

    def differ(self, outputs: Sequence[Choices]) -> bool | None:
        return len({_first(output) for output in outputs}) > 1 if len(outputs) > 1 else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        """Who gives which words, which of their five likeliest they share, and who is right."""
        outputs = {r.tier: r.output for r in comparison.results if isinstance(r.output, Choices)}
        groups: dict[tuple[str, ...], list[str]] = {}
        for tier, output in outputs.items():
            groups.setdefault(_first(output), []).append(tier)
        heading = "One answer." if len(outputs) == 1 else "Tiers agree." if len(groups) == 1 else "Tiers differ."
        said: list[Child] = []
        for tiers in groups.values():
            verb = "says" if len(tiers) == 1 else "say"
            names = comparison.named(tiers) if not said else lowered(comparison.named(tiers))
            said += ["; " if said else "", f"{names} {verb} ", el("b", said_of(outputs[tiers[0]].words), dir="auto")]
        return heading, [el("p", *said, ".", _who(comparison)), _shared(list(outputs.values()))]


def _first(output: Choices) -> tuple[str, ...]:
    return tuple(map(canonical_word, output.words))


def _who(comparison: Comparison) -> str:
    good = [result.tier for result in comparison.results if comparison.right.get(result.tier)]
    if not comparison.right:
        return ""
    if not good:
        return " None of them is right." if len(comparison.right) > 1 else " That is not the true answer."
    return f" {comparison.named(good)} {'is' if len(good) == 1 else 'are'} right."


def _shared(outputs: Sequence[Choices]) -> Html | None:
    """The words that all of them have among their five likeliest, gap by gap."""
    if len(outputs) < 2:
        return None
    lines = []
    count = min(len(output.masks) for output in outputs)
    for gap in range(count):
        sets = [{canonical_word(row.token) for row in output.masks[gap][:BEST]} for output in outputs]
        common = [r.token for r in outputs[0].masks[gap][:BEST] if all(canonical_word(r.token) in one for one in sets)]
        where = f"Gap {gap + 1}, among" if count > 1 else "Among"
        words = el("b", listed(common), dir="auto") if common else "none"
        lines.append(el("p", where, f" the {BEST} likeliest of all: ", words, "."))
    return el("div", lines, cls="pg-aside")


KIND = Choices.kind
VIEW = ChoicesView()
