"""An answer quoted from a context: the stretch in its place, the runners-up, and “no answer” where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core import squad
from playground.core.reading_types import ExtractedAnswer, GoldAnswers
from playground.core.run import TierResult
from playground.views import numbers
from playground.views.answer_text import marked_context
from playground.views.bars import Bar, bars
from playground.views.comparison import Comparison, lowered
from playground.views.html import Child, Html, el
from playground.views.state import Asked, CardState, Phase

NONE = "no answer"
ROWS = 5  # the answer, three runners-up, "no answer"
CELL = 60  # characters of an answer in a table's cell or a sentence


class AnswerView:
    shows_input = False
    streams = False

    def headline(self, output: ExtractedAnswer, asked: Asked) -> str:
        return _line(output.answer) or NONE

    def said(self, output: ExtractedAnswer) -> str:
        return _short(output.answer) or NONE

    def announced(self, output: ExtractedAnswer, asked: Asked) -> str:
        return _short(output.answer, 200) or NONE

    def confidence(self, output: ExtractedAnswer) -> float | None:
        return output.score

    def remarks(self, output: ExtractedAnswer, asked: Asked) -> list[str]:
        remarks = []
        if not output.placed:
            remarks.append("These words do not stand in the context: the model did not quote.")
        if not output.answer and output.others:
            remarks.append(f"Had it to answer, it would say “{_short(output.others[0].answer)}”.")
        if output.score is None:
            remarks.append("The model gave no confidence.")
        elif output.score_source == "stated":
            remarks.append("Score as stated by the model.")
        return remarks

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, ExtractedAnswer) else None
        before = state.previous if isinstance(state.previous, ExtractedAnswer) else None
        rows = _rows(output, before) if output is not None else []
        return el("div", _box(state, output), bars(rows, ROWS), cls="pg-body pg-answers")

    def verdict(self, state: CardState) -> Html | None:
        output, gold = state.output, state.gold
        if (
            state.phase is not Phase.DONE
            or not isinstance(output, ExtractedAnswer)
            or not isinstance(gold, GoldAnswers)
        ):
            return None
        if squad.exact(output.answer, gold.answers):
            return el("span", "✓ gold", cls="pg-right", title=f"The true answer: {_golds(gold)}.")
        overlap = squad.f1(output.answer, gold.answers)
        title = f"The true answer is {_golds(gold)}. Words shared (F1): {numbers.score(overlap)}."
        if overlap > 0:
            return el("span", f"≈ partly gold, F1 {numbers.score(overlap)}", cls="pg-partly", title=title)
        return el("span", f"✗ gold: {_short(gold.answers[0]) if gold.answers else NONE}", cls="pg-wrong", title=title)

    def change(self, output: ExtractedAnswer, before: ExtractedAnswer) -> tuple[str, str] | None:
        """Another answer than in the last run, or the same with another confidence."""
        if squad.normalized(output.answer) != squad.normalized(before.answer):
            return f"was {self.said(before)}", "Changed since the last run."
        if output.score is None or before.score is None:
            return None
        changed = numbers.delta(output.score - before.score)
        return (f"{changed} since last run", "Change of its confidence since the last run.") if changed else None

    def differ(self, outputs: Sequence[ExtractedAnswer]) -> bool | None:
        return len({_key(output) for output in outputs}) > 1 if len(outputs) > 1 else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        groups, results = _groups(comparison), comparison.results
        if len(results) == 1:
            return "One answer.", [
                comparison.title(results[0].tier),
                " says ",
                *_named(groups[0], comparison.right),
                ".",
            ]
        if len(groups) == 1:
            all_of = comparison.named([result.tier for result in results])
            return "Tiers agree.", [all_of, " say ", *_named(groups[0], comparison.right), "."]
        said: list[Child] = []
        for place, group in enumerate(groups):
            text = comparison.named([result.tier for result in group])
            said += ["; " if place else "", lowered(text) if place else text, " says " if len(group) == 1 else " say "]
            said += _named(group, comparison.right)
        said.append(".")
        if any(_touch(one[0].output, other[0].output) for one in groups for other in groups if one is not other):
            said.append(" Some quote the same place, and differ in where the answer begins or ends.")
        return "Tiers differ.", said


def _rows(output: ExtractedAnswer, before: ExtractedAnswer | None) -> list[Bar]:
    """Best first, "no answer" behind them; each beside what it had in the last run."""
    spans = [(_line(output.answer), output.score, True)] if output.answer else []
    spans += [(_line(span.answer), span.score, False) for span in output.others]
    spans.append((NONE, output.no_answer, not output.answer))
    old: dict[str, float | None] = {}
    if before is not None:
        old = {_line(span.answer): span.score for span in before.others}
        old |= {_line(before.answer): before.score} if before.answer else {}
        old[NONE] = before.no_answer
    return [Bar(_short(text, 120), score, said=said, old=old.get(text)) for text, score, said in spans]


def _box(state: CardState, output: ExtractedAnswer | None) -> Html:
    """Of one height in every phase."""
    context = state.asked.context
    if output is None or state.phase is not Phase.DONE:
        words = "" if state.phase is Phase.UNSUPPORTED else "The answer will stand here in its context."
    elif output.answer and output.placed and output.end <= len(context):
        score = "" if output.score is None else f" · {numbers.score(output.score)}"
        return marked_context(context, output.start, output.end, f"The answer{score}")
    elif output.answer:
        words = "Its words do not stand in the context."
    else:
        words = "Nothing in the context answers the question, as far as this model can tell."
    return el("div", words, cls="pg-marked pg-context pg-calm")


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(text: str, most: int = CELL) -> str:
    line = _line(text)
    return line if len(line) <= most else line[: most - 1] + "…"


def _golds(gold: GoldAnswers) -> str:
    return " or ".join(f"“{_short(answer)}”" for answer in gold.answers[:3]) or f"“{NONE}”"


def _key(output: ExtractedAnswer) -> str:
    """Answers with the same one are the same; words that are nothing but punctuation stand for themselves."""
    return squad.normalized(output.answer) or output.answer.strip()


def _touch(one: ExtractedAnswer, other: ExtractedAnswer) -> bool:
    """Whether two different answers overlap in the context."""
    placed = one.placed and other.placed and one.answer and other.answer
    return bool(placed) and one.start < other.end and other.start < one.end


def _groups(comparison: Comparison) -> list[list[TierResult]]:
    """By what they say: who is right first, then the larger group, then the tiers' order."""
    groups: dict[str, list[TierResult]] = {}
    for result in comparison.results:
        groups.setdefault(_key(result.output), []).append(result)
    right = comparison.right
    return sorted(groups.values(), key=lambda group: (not right.get(group[0].tier, False), -len(group)))


def _named(group: Sequence[TierResult], right: Mapping[str, bool]) -> list[Child]:
    known = [right[result.tier] for result in group if result.tier in right]
    mark = "" if not known else " (right)" if all(known) else " (not the true answer)"
    return [el("b", _short(group[0].output.answer) or NONE, dir="auto"), mark]


KIND = ExtractedAnswer.kind
VIEW = AnswerView()
