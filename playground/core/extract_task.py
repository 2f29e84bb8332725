"""Tasks whose answer is a stretch of a context that comes with the question."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playground.core import squad
from playground.core.calls import Call, Extract
from playground.core.errors import BadReply, EmptyInput, InputError
from playground.core.fields import Field, Values, filled
from playground.core.label_task import stated_probability
from playground.core.places import Places
from playground.core.reading_types import ExtractedAnswer, GoldAnswers
from playground.core.task import Example, Label, Pair, Reader, Task, Unwritten, checked_text
from playground.core.types import Answer, Gold, ModelRef, Request

CONTEXT = "context"  # the name of its field
_NO_CONTEXT = "There is no context to read the answer from: paste a text beside the question."


@dataclass(frozen=True)
class ExtractTask(Unwritten):
    """A task that answers the question in its text by words of its field `context`. Unbound, it has no context, and asks for
    one.
    """

    name: str
    title: str
    question: str
    placeholder: str
    fields: tuple[Field, ...]
    examples: tuple[Example, ...]
    instruction: str
    values: Values = ((CONTEXT, ""),)
    metrics: tuple[str, ...] = ("f1", "exact_match")

    kind: ClassVar[str] = ExtractedAnswer.kind
    labels: ClassVar[tuple[Label, ...]] = ()
    asks_by: ClassVar[str] = "question"

    @property
    def context(self) -> str:
        return dict(self.values)[CONTEXT]

    def bound(self, values: Mapping[str, str]) -> Task:
        """Raises InputError. A context that is given has words in it."""
        given = filled(self.title, self.fields, values)
        if CONTEXT in values and not given[CONTEXT].strip():
            raise InputError(_NO_CONTEXT)
        return dataclasses.replace(self, values=tuple(given.items()))

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        """A row's own context; the one that was given where it has none."""
        self.bound(values)
        known: dict[str, Task] = {}

        def read(row: Mapping[str, Any]) -> Task:
            own = row.get(CONTEXT, values.get(CONTEXT))
            if not isinstance(own, str):
                raise InputError('it has no "context", the text to read the answer from')
            if own not in known:
                if len(known) > 1000:
                    known.clear()
                known[own] = self.bound({**values, CONTEXT: own})
            return known[own]

        return read

    def check(self, text: str, limit: int) -> str:
        """Raises InputError."""
        if not text.strip():
            raise EmptyInput("There is no question yet: type one or choose an example.")
        if not self.context.strip():
            raise InputError(_NO_CONTEXT)
        return checked_text(text, limit)

    def prompt(self, text: str) -> str:
        """Context and question as JSON strings: nothing in them can look like the frame around them."""
        return f"Context: {_quoted(self.context)}\n\nQuestion: {_quoted(text)}"

    def schema(self) -> dict[str, Any]:
        """Whether there is an answer, its words, and which of the places where they stand. Models count characters badly, so none
        is asked for an offset.
        """
        fields = {
            "answerable": {"type": "boolean", "description": "Whether the context answers the question."},
            "answer": {
                "type": "string",
                "description": "The shortest words of the context that answer, exactly as they stand there; empty if none do.",
            },
            "occurrence": {
                "type": "integer",
                "description": "1 for the first place where these words stand in the context, 2 for the second.",
            },
            "confidence": {"type": "number", "description": "How sure you are of this, from 0 to 1."},
        }
        return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

    def longest_reply(self, text: str) -> int:
        return 256

    def parse(self, reply: Mapping[str, Any], text: str) -> ExtractedAnswer:
        """Offsets are found here, by the words themselves. What stands nowhere is kept as what was said, without a place."""
        said, answerable = reply.get("answer"), reply.get("answerable")
        if not isinstance(said, str) or not isinstance(answerable, bool):
            raise BadReply("The model's answer does not say what it quotes: run again or choose another model.")
        stated = stated_probability(reply.get("confidence"))
        quoted = said.strip()
        if not answerable or not quoted:
            return ExtractedAnswer("", 0, 0, stated, no_answer=stated, score_source="stated")
        places = Places(self.context).all(quoted)
        if not places:
            return ExtractedAnswer(quoted, 0, 0, stated, score_source="stated", placed=False)
        nth = reply.get("occurrence")
        nth = nth if isinstance(nth, int) and not isinstance(nth, bool) else 1
        start, end = places[min(max(nth, 1), len(places)) - 1]
        return ExtractedAnswer(self.context[start:end], start, end, stated, score_source="stated")

    def call(self, model: ModelRef, request: Request) -> Call:
        return Extract(model=model, user=request.session, question=request.text, context=self.context)

    def asked(self, row: Mapping[str, Any]) -> Any:
        return row.get("question", row.get("text"))

    def gold(self, row: Mapping[str, Any]) -> Gold | None:
        """`answers`: strings or SQuAD's {"text"} objects; an empty list where the context does not answer. None for anything
        else.
        """
        rows = row.get("answers")
        if isinstance(rows, Mapping):  # as the `datasets` library has SQuAD: {"text": [...], "answer_start": [...]}
            rows = rows.get("text")
        if not isinstance(rows, list):
            return None
        found = [one.get("text") if isinstance(one, Mapping) else one for one in rows]
        texts = [one for one in found if isinstance(one, str) and one.strip()]
        return GoldAnswers(tuple(dict.fromkeys(texts))) if len(texts) == len(found) else None

    def fault(self, row: Mapping[str, Any]) -> str:
        if "answers" not in row:
            return 'it has no "answers", a list of texts that is empty where the context does not answer'
        return f'its "answers" are {row["answers"]!r:.60}, and not a list of texts'

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """As SQuAD's exact match."""
        if not isinstance(output, ExtractedAnswer) or not isinstance(gold, GoldAnswers):
            return None
        return squad.exact(output.answer, gold.answers)

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """One pair: all answers that count, and the one given."""
        return [
            (
                gold.answers if isinstance(gold, GoldAnswers) else (),
                output.answer if isinstance(output, ExtractedAnswer) else None,
            )
        ]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
