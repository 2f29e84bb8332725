"""Tasks whose answer is any number of labels of the whole text, each judged by itself: topics, emotions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playground.core.calls import Call, Classify
from playground.core.errors import BadReply
from playground.core.fields import Field, Values, items_of
from playground.core.label_task import (
    MATCHERS,
    Matching,
    choice_schema,
    label_named,
    listed,
    longest_label,
    outside,
    stated_probability,
)
from playground.core.task import Example, Label, Pair, Unasked, canonical_label
from playground.core.types import Answer, Gold, JudgedLabel, ModelRef, MultiLabels, Request

_MOST_NAMED = 40  # labels that a reply may well name; beyond, its length is not asked for ahead


@dataclass(frozen=True)
class MultiLabelTask(Unasked):
    """A task that gives a text any number of its labels; none is an answer too.

    gold_keys: where a data file's row has its true labels, the first that is there counts.
    """

    name: str
    title: str
    question: str
    placeholder: str
    labels: tuple[Label, ...]
    examples: tuple[Example, ...]
    instruction: str
    metrics: tuple[str, ...] = ("macro_f1", "micro_f1")
    matching: Matching = Matching()
    gold_keys: tuple[str, ...] = ("labels", "label")
    fields: tuple[Field, ...] = ()
    values: Values = ()

    kind: ClassVar[str] = MultiLabels.kind

    def schema(self) -> dict[str, Any]:
        """An object with a list of labels, each with the model's own confidence; OpenAI's strict mode takes it, and of 500
        labels no more tokens are written than hold.
        """
        row = {
            "label": choice_schema(self.labels, "One label that is true of the text."),
            "confidence": {"type": "number", "description": "How sure you are that it is true, from 0 to 1."},
        }
        item = {"type": "object", "properties": row, "required": [*row], "additionalProperties": False}
        said = f"{self.question} Every label that is true, each once; an empty list where none is."
        return {
            "type": "object",
            "properties": {"labels": {"type": "array", "items": item, "description": said}},
            "required": ["labels"],
            "additionalProperties": False,
        }

    def parse(self, reply: Mapping[str, Any], text: str) -> MultiLabels:
        """A label that is named twice counts once, with the higher confidence. Rows may be bare names: models without a strict
        mode write them so.
        """
        rows = reply.get("labels")
        if not isinstance(rows, list):
            raise BadReply("The model's answer has no list of labels: run again or choose another model.")
        said: dict[str, float | None] = {}
        for row in rows:
            name, stated = (row.get("label"), row.get("confidence")) if isinstance(row, Mapping) else (row, None)
            label, sure = label_named(self.labels, name), stated_probability(stated)
            if label is None:
                raise outside(self.labels)
            before = said.get(label)
            said[label] = before if sure is None else max(sure, before or 0.0)
        judged = sorted(said.items(), key=lambda row: 1.0 if row[1] is None else -row[1])
        return MultiLabels(tuple(label for label, _ in judged), tuple(JudgedLabel(*row) for row in judged), "stated")

    def call(self, model: ModelRef, request: Request) -> Call:
        """A model that was trained on these labels classifies; one that was not compares the text with them."""
        if model.loader in MATCHERS:
            return self.matching.call(self.labels, model, request, many=True)
        return Classify(model=model, user=request.session, text=request.text, many=True)

    def gold(self, row: Mapping[str, Any]) -> frozenset[str] | None:
        """A list of names or of indices into the labels (0 is the first); or one name, or such a list with commas. An empty list
        says that none holds. None for anything else.
        """
        value = next((row[key] for key in self.gold_keys if key in row), None)
        if isinstance(value, str):
            whole = label_named(self.labels, value)
            value = [whole] if whole is not None else list(items_of(value))
        if isinstance(value, int) and not isinstance(value, bool):
            value = [value]
        if not isinstance(value, list):
            return None
        named = [label_named(self.labels, _index(one), by_index=True) for one in value]
        return None if None in named else frozenset(name for name in named if name is not None)

    def fault(self, row: Mapping[str, Any]) -> str:
        key = next((key for key in self.gold_keys if key in row), None)
        if key is None:
            return f'it has no "{self.gold_keys[0]}"'
        return f"its {key} {'are' if key == 'labels' else 'is'} {row[key]!r:.60}, and not only of {listed(self.labels)}"

    def longest_reply(self, text: str) -> int:
        """A row of the schema is about 16 tokens of JSON around its label."""
        return 64 + min(len(self.labels), _MOST_NAMED) * (16 + longest_label(self.labels) // 2)

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether exactly the true labels were given."""
        if not isinstance(output, MultiLabels) or not isinstance(gold, frozenset):
            return None
        return _canonical(output.labels) == _canonical(gold)

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """One pair: the sets of canonical labels."""
        wanted = _canonical(gold) if isinstance(gold, frozenset) else frozenset()
        return [(wanted, _canonical(output.labels) if isinstance(output, MultiLabels) else None)]


def _canonical(labels: Sequence[str] | frozenset[str]) -> frozenset[str]:
    return frozenset(map(canonical_label, labels))


def _index(value: Any) -> Any:
    """GoEmotions' own files write indices as text: "4,27"."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 4 else value
