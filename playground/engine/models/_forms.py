"""What the answer of a model that stands on an encoder is made of: how its runner is asked, and what its numbers are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from playground.core.attention_types import AnswerKind, Side
from playground.engine.insides import Question, Seen

LONGEST_NAME = 80  # characters of a sentence that name it
NO_ANSWER = "no answer"
CLAIMS = ("does not follow", "follows")


class Form(Protocol):
    """numbers: of each of some rows, by whatever answers requests: float32 [places, options], logits."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]: ...

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question: ...


class TextForm:
    """A label for a text, or each label judged by itself."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return [logits[None] for logits in model.runner.logits([(model, row) for row in rows])]

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        kind = AnswerKind.MANY if getattr(model, "judges", False) else AnswerKind.LABELS
        return Question(kind, ("",), tuple(names))


class ClaimForm:
    """Whether a claim follows from a text."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return list(model.entailment(rows)[:, None])

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.LABELS, ("",), CLAIMS)


class WordForm:
    """A label for each word."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return list(model.word_runner.logits([(model, row) for row in rows]))

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.WORDS, _stretches(seen), tuple(names))


class SentenceForm:
    """Which sentence sums a text up: one question, and the sentences are its options."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return [scores.T for scores in model.sentence_runner.logits([(model, row) for row in rows])]

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.SENTENCES, ("",), tuple(_short(one) for one in _stretches(seen)))


class SpanForm:
    """Where an answer begins, and where it ends."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return [logits.T for logits in model.span_runner.logits([(model, row) for row in rows])]

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        context = seen.sides[0].tokens[slice(*seen.row.context)]
        return Question(AnswerKind.SPAN, ("start", "end"), (NO_ANSWER, *context))


class GapForm:
    """A word for each gap: as its card names them, a word that has several tokens is one option. The last option is all tokens
    that are no word. Of a text without a gap: what would stand at the token where it is read.
    """

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        words = model.gap_words
        return [
            np.stack([words.logs(gap) for gap in gaps])
            for gaps in model.gap_runner.logits([(model, row) for row in rows])
        ]

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        mask, side, places = model.reader.mask, seen.sides[0], seen.row.gaps
        gaps = iter(range(1, len(places) + 1))
        named = [f"gap {next(gaps)}" if side.ids[place] == mask else side.tokens[place] for place in places]
        return Question(AnswerKind.GAPS, tuple(named), (*model.gap_words.shown, "no word"))


class VectorForm:
    """A text's direction."""

    def numbers(self, model: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        return [vector[None] for vector in model.vector_runner.vectors([(model, row) for row in rows])]

    def question(self, model: Any, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.VECTOR, ("",), ())


def _stretches(seen: Seen) -> tuple[str, ...]:
    """What stands in the text where the row's words are, or its sentences."""
    return tuple(_stretch(seen.sides[0], start, end) for start, end in seen.row.words)


def _stretch(side: Side, start: int, end: int) -> str:
    return side.text[side.spans[start][0] : side.spans[end - 1][1]] if start < end else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


TEXT, CLAIM, WORDS, SENTENCES = TextForm(), ClaimForm(), WordForm(), SentenceForm()
SPAN, GAPS, VECTOR = SpanForm(), GapForm(), VectorForm()
