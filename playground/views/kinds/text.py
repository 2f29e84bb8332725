"""Text: what a model writes, word by word; how long it is, and what the tiers' texts have in common."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.run import TierResult
from playground.core.writing_types import References, Text
from playground.views.comparison import Comparison, lowered, sentence
from playground.views.html import Child, Html, el
from playground.views.state import Asked, CardState
from playground.views.text_pairs import line, same, shared, words_of
from playground.views.written import picked_text, shades, written_box

CELL = 80  # characters of a text in a table's cell
SPOKEN = 300  # characters of a text that a screen reader is told by itself; the whole stands in its card
PERSON = 600  # characters of what a person wrote


class TextView:
    shows_input = True
    streams = True

    def headline(self, output: Text, asked: Asked) -> str:
        return _words(len(words_of(output.text)))

    def said(self, output: Text) -> str:
        return _short(output.text, CELL) or "nothing"

    def announced(self, output: Text, asked: Asked) -> str:
        return _short(output.text, SPOKEN).rstrip(".") or "nothing"

    def confidence(self, output: Text) -> float | None:
        return None

    def remarks(self, output: Text, asked: Asked) -> list[str]:
        remarks = []
        if output.picked:
            remarks.append("It quotes: its sentences are marked in the text.")
        if output.ended == "length":
            remarks.append("It ends where the length was reached.")
        if asked.details and not any(token.probability is not None for token in output.tokens):
            remarks.append("This model tells no probabilities.")
        return remarks

    def body(self, state: CardState) -> Html:
        output = state.output if isinstance(state.output, Text) else None
        source = picked_text(state.input, output.picked) if output is not None and output.picked else None
        key = shades() if state.asked.details else el("span")
        return el(
            "div",
            el("div", written_box(state), source, cls="pg-halves"),
            el("div", key, _whole(), cls="pg-bars-foot"),
            cls="pg-body pg-writing",
        )

    def verdict(self, state: CardState) -> Html | None:
        """No text is the right one."""
        return None

    def change(self, output: Text, before: Text) -> tuple[str, str] | None:
        """Whether it is another text; that it is the same is worth saying too, since a model may have drawn lots."""
        if output.text == before.text:
            return "same as last run", "The same text, character for character, as in the last run."
        return "other than last run", "Another text than in the last run."

    def differ(self, outputs: Sequence[Text]) -> bool | None:
        return len(same([output.text for output in outputs])) > 1 if len(outputs) > 1 else None

    def compare(self, comparison: Comparison) -> tuple[str, Child]:
        """What a person wrote, where that is known; who wrote how many words, and which of them are the same."""
        results, texts = comparison.results, [result.output.text for result in comparison.results]
        groups = same(texts)
        heading = "One text." if len(texts) == 1 else "All texts are the same." if len(groups) == 1 else "Texts differ."
        said: list[Child] = [_person(comparison.gold), el("p", _lengths(comparison, texts), _equal(comparison, groups))]
        if len(groups) > 1:
            rows = [el("li", _pair(comparison, texts, *pair)) for pair in shared(texts)]
            said.append(el("ul", rows, cls="pg-pairs"))
        return heading, said if results else None


def _words(count: int) -> str:
    return "no words" if not count else "1 word" if count == 1 else f"{count:,} words"


def _short(text: str, most: int) -> str:
    one = line(text)
    return one if len(one) <= most else f"{one[: most - 2].rstrip()} …"


def _whole() -> Html:
    """One for the whole tab, whose style sheet shows what it says: so no update of a card undoes it."""
    return el(
        "button",
        el("span", "whole text", cls="pg-show-whole"),
        el("span", "less", cls="pg-show-less"),
        type="button",
        cls="pg-link",
        data_act="whole-texts",
        title="Texts as high as they are, or each in a box that scrolls",
    )


def _person(gold: object) -> Html | None:
    if not isinstance(gold, References):
        return None
    texts = [el("q", _short(text, PERSON), dir="auto") for text in gold.texts]
    return el("p", "A person wrote: ", [[text, " "] for text in texts], cls="pg-person")


def _lengths(comparison: Comparison, texts: Sequence[str]) -> str:
    """“Pretrained wrote 57 words, fine-tuned 60.”"""
    said = []
    for place, (result, text) in enumerate(zip(comparison.results, texts, strict=True)):
        name = comparison.title(result.tier)
        count = len(words_of(text))
        said.append(f"{name} wrote {_words(count)}" if not place else f"{lowered(name)} {_words(count)}")
    return f"{', '.join(said)}."


def _equal(comparison: Comparison, groups: Sequence[Sequence[int]]) -> str:
    names = [_tiers(comparison, group) for group in groups if len(group) > 1]
    if names:
        return "".join(f" {comparison.named(group)} are the same word for word." for group in names)
    return " No two are the same word for word." if len(groups) > 1 else ""


def _tiers(comparison: Comparison, group: Sequence[int]) -> list[str]:
    results: Sequence[TierResult] = comparison.results
    return [results[place].tier for place in group]


def _pair(comparison: Comparison, texts: Sequence[str], one: int, other: int, common: int) -> str:
    """“Pretrained and fine-tuned share 21 words, of 57 and 60.”"""
    names = sentence([comparison.title(tier) for tier in _tiers(comparison, (one, other))])
    counts = [len(words_of(texts[place])) for place in (one, other)]
    return f"{names} share {_words(common)}, of {counts[0]:,} and {counts[1]:,}."


KIND = Text.kind
VIEW = TextView()
