"""A task whose answer is the words that are missing from a text."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playground.core import gaps
from playground.core.calls import Call, Fill
from playground.core.errors import BadReply, InputError
from playground.core.fields import Field, Values, filled
from playground.core.reading_types import Choices, Filling, GapWords, Weighed
from playground.core.task import Example, Label, Pair, Reader, Task, Unasked, checked_text
from playground.core.types import Answer, Gold, ModelRef, Request

OTHER = "other"  # the name of its field
MOST_GAPS = 8
SHOWN = 20  # words of each gap that are kept
ASKED_FOR = 5  # words of each gap that an endpoint is asked for
BEST = 5  # of which a word may be any one for `accuracy_at_5`


@dataclass(frozen=True)
class FillTask(Unasked):
    """A task that fills the gaps of a text; in its field `other` a second text may stand, to compare the first with.

    wanted: words for each gap whose probability is wanted whatever the answer is: of an example, those that are right.
    """

    name: str
    title: str
    question: str
    placeholder: str
    examples: tuple[Example, ...]
    instruction: str
    fields: tuple[Field, ...]
    values: Values = ((OTHER, ""),)
    metrics: tuple[str, ...] = ("accuracy", "accuracy_at_5")
    labels: tuple[Label, ...] = ()
    wanted: tuple[frozenset[str], ...] = ()

    kind: ClassVar[str] = Choices.kind

    @property
    def other(self) -> str:
        """The second text, its gaps as [MASK]; empty where there is none."""
        return dict(self.values).get(OTHER, "")

    def bound(self, values: Mapping[str, str]) -> FillTask:
        """Raises InputError where there is a second text without a gap, or with too many."""
        given = filled(self.title, self.fields, values)[OTHER]
        other = gaps.normalised(" ".join(given.split()))
        if other:
            _check_gaps(other, "The second sentence")
        return dataclasses.replace(self, values=((OTHER, other),))

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        task = self.bound(values)

        def read(row: Mapping[str, Any]) -> Task:
            gold = self.gold(row)
            return dataclasses.replace(task, wanted=gold.gaps) if gold else task

        return read

    def check(self, text: str, limit: int) -> str:
        """The text with its gaps as [MASK]. Raises InputError."""
        text = gaps.normalised(checked_text(text, limit))
        _check_gaps(text, "The text")
        return text

    def schema(self) -> dict[str, Any]:
        """A list of words with the model's own probabilities for each gap; the gaps of the second text have fields of their own,
        which say that text. How many gaps the first has is not known here: the reply has a list for each.
        """
        row = {
            "word": {"type": "string", "description": "One word, as it should stand in the gap."},
            "probability": {"type": "number", "description": "How likely it is the missing word, from 0 to 1."},
        }
        item = {"type": "object", "properties": row, "required": [*row], "additionalProperties": False}
        one = {
            "type": "object",
            "properties": {
                "words": {
                    "type": "array",
                    "items": item,
                    "description": f"The {ASKED_FOR} likeliest words for this gap, the likeliest first.",
                }
            },
            "required": ["words"],
            "additionalProperties": False,
        }
        fields: dict[str, Any] = {
            "gaps": {"type": "array", "items": one, "description": "One entry for each [MASK], in reading order."}
        }
        if self.other:
            said = f"The same for each [MASK] of this other sentence: {self.other}"
            fields["other_gaps"] = {"type": "array", "items": one, "description": said}
        return {
            "type": "object",
            "properties": fields,
            "required": [*fields],
            "additionalProperties": False,
        }

    def longest_reply(self, text: str) -> int:
        """A word is about 16 tokens of JSON."""
        return 64 + (gaps.count(text) + gaps.count(self.other)) * (16 + 16 * ASKED_FOR)

    def parse(self, reply: Mapping[str, Any], text: str) -> Choices:
        """Raises BadReply where a gap has no words."""
        found = _said(reply.get("gaps"), text)
        other = _said(reply.get("other_gaps"), self.other) if self.other else ()
        weighed = _weighed(found[0], other[0]) if other else ()
        return Choices(found[0], found, other, self.other, weighed, score_source="stated")

    def call(self, model: ModelRef, request: Request) -> Call:
        return Fill(
            model=model, user=request.session, text=request.text, other=self.other, most=SHOWN, wanted=self.wanted
        )

    def gold(self, row: Mapping[str, Any]) -> GapWords | None:
        """`answers`: of one gap the words that are right; of several an entry for each, a word or a list of words. None for
        anything else.
        """
        text, answers = row.get("text"), row.get("answers", row.get("answer"))
        if not isinstance(text, str):
            return None
        wanted = gaps.count(gaps.normalised(text))
        answers = [answers] if isinstance(answers, str) else answers
        if not isinstance(answers, list) or not answers or not wanted:
            return None
        each = [answers] if wanted == 1 and all(isinstance(one, str) for one in answers) else answers
        words = [frozenset([one] if isinstance(one, str) else one if _is_words(one) else ()) for one in each]
        return GapWords(tuple(words)) if len(words) == wanted and all(words) else None

    def fault(self, row: Mapping[str, Any]) -> str:
        if "answers" not in row and "answer" not in row:
            return 'it has no "answers", the words that are right'
        found = gaps.count(gaps.normalised(row["text"])) if isinstance(row.get("text"), str) else 0
        if not found:
            return "its text has no [MASK]"
        said = "must be a list of words" if found == 1 else f"must have an entry for each of its {found} masks"
        return f"its answers {said}"

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether the likeliest word of every gap is right."""
        if not isinstance(output, Choices) or not isinstance(gold, GapWords):
            return None
        return all(rank == 0 for rank in ranks(output, gold))

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """A pair for each gap: the words that are right, and the likeliest ones given, in their order."""
        wanted = gold.gaps if isinstance(gold, GapWords) else ()
        given = output.masks if isinstance(output, Choices) else ()
        pairs: list[Pair] = []
        for place, words in enumerate(wanted):
            said = tuple(canonical_word(row.token) for row in given[place][:BEST]) if place < len(given) else None
            pairs.append((frozenset(map(canonical_word, words)), said))
        return pairs


def ranks(output: Choices, gold: GapWords) -> list[int | None]:
    """For each gap of the truth the place of the first right word among those given, 0 the likeliest; None where none is."""
    found: list[int | None] = []
    for place, words in enumerate(gold.gaps):
        right = set(map(canonical_word, words))
        rows = output.masks[place] if place < len(output.masks) else ()
        found.append(next((rank for rank, row in enumerate(rows) if canonical_word(row.token) in right), None))
    return found


def canonical_word(word: str) -> str:
    """Words compare without case."""
    return unicodedata.normalize("NFC", word.strip().casefold())


def _check_gaps(text: str, what: str) -> None:
    found = gaps.count(text)
    if not found:
        if what == "The text":
            raise InputError("Write [MASK] where a word is missing.")
        raise InputError(f"{what} has no gap: write [MASK] where a word is missing, or leave it empty.")
    if found > MOST_GAPS:
        raise InputError(f"{what} has {found:,} masks and the limit is {MOST_GAPS}: fill some of them in.")


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and word.strip() for word in value)


def _said(value: Any, text: str) -> tuple[tuple[Filling, ...], ...]:
    """What an endpoint said of the gaps of a text, which may be shorter or longer a list than it has."""
    wanted = gaps.count(text)
    rows = value if isinstance(value, list) else []
    each = [_words(row) for row in rows[:wanted]]
    if len(each) < wanted or not all(each):
        raise BadReply("The model's answer has not a word for each gap: run again or choose another model.")
    best = [words[0][0] for words in each]
    return tuple(
        tuple(
            Filling(word, score, gaps.passage(text, [*best[:gap], word, *best[gap + 1 :]], gap))
            for word, score in words
        )
        for gap, words in enumerate(each)
    )


def _words(row: Any) -> list[tuple[str, float | None]]:
    """Words with their probabilities, the likeliest first, each once; a row may be the bare list."""
    rows = row.get("words") if isinstance(row, Mapping) else row
    found: dict[str, tuple[str, float | None]] = {}
    for one in rows if isinstance(rows, list) else []:
        word, stated = (one.get("word"), one.get("probability")) if isinstance(one, Mapping) else (one, None)
        if isinstance(word, str) and (said := " ".join(word.split())[:80]) and gaps.MASK not in said:
            found.setdefault(canonical_word(said), (said, _probability(stated)))
    return sorted(found.values(), key=lambda row: -(row[1] if row[1] is not None else -1.0))[:SHOWN]  # stable


def _probability(value: Any) -> float | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
    return float(value) if fits else None


def _weighed(here: Sequence[Filling], there: Sequence[Filling]) -> tuple[Weighed, ...]:
    """Words that an endpoint named for either gap; where it named one for the other alone, its score there is not known."""
    scores = [{canonical_word(row.token): row for row in rows} for rows in (here, there)]
    found: list[Weighed] = []
    for word in dict.fromkeys([*scores[0], *scores[1]]):
        rows = [side.get(word) for side in scores]
        shown = next(row for row in rows if row is not None)
        found.append(Weighed(shown.token, *(None if row is None else row.score for row in rows)))
    return tuple(found)
