"""What a task is: its words, its examples, and how an answer to it is asked for, parsed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from playground.core.calls import Call, Classify
from playground.core.errors import BadReply, BinaryInput, EmptyInput, InputError, InputTooLong
from playground.core.fields import Field, Values
from playground.core.types import Answer, Gold, Labels, LabelScore, ModelRef, Request

Pair = tuple[Any, Any]  # a true answer and a given one (None: there is none), as the metrics compare them


@dataclass(frozen=True)
class Label:
    """`description` says to a model, and to a person, when the label applies."""

    name: str
    description: str


@dataclass(frozen=True)
class Example:
    """`title` is the chip's text; `gold` the true answer; `why` one sentence on what the example teaches; `values` of the task's
    fields.
    """

    title: str
    text: str
    gold: Gold
    why: str = ""
    values: Values = ()


class Task(Protocol):
    """A task knows no tier, no model and no page."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def placeholder(self) -> str: ...
    @property
    def examples(self) -> tuple[Example, ...]: ...
    @property
    def metrics(self) -> tuple[str, ...]: ...
    @property
    def instruction(self) -> str: ...
    @property
    def labels(self) -> tuple[Label, ...]: ...
    @property
    def kind(self) -> str:
        """Of its answers, e.g. `Labels.kind`."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """What it asks for beside the text."""

    def bound(self, values: Mapping[str, str]) -> Task:
        """The task as these values of its fields make it, with everything else here following from them; missing ones take their
        defaults. Raises InputError.
        """

    def check(self, text: str, limit: int) -> str:
        """The text as the tiers get it. Raises InputError."""

    def schema(self) -> dict[str, Any]:
        """The JSON schema of a reply."""

    def parse(self, reply: Mapping[str, Any], text: str) -> Answer:
        """A reply that follows the schema, as an answer to this text. Raises BadReply."""

    def call(self, model: ModelRef, request: Request) -> Call:
        """What a local model is asked."""

    def longest_reply(self, text: str) -> int:
        """How many tokens a reply that follows the schema may well have."""

    def gold(self, row: Mapping[str, Any]) -> Gold | None:
        """The true answer in a data file's row, where it has one."""

    def fault(self, row: Mapping[str, Any]) -> str:
        """Why a row has no true answer, as the rest of a sentence."""

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether an answer is the gold one; None where the two cannot be compared."""

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """One example's share of what the metrics compare. `output` None: the tier failed."""


def canonical_label(label: str) -> str:
    """Labels compare without case, with `_` and space equal."""
    return " ".join(label.replace("_", " ").split()).casefold()


# Characters that no keyboard makes: C0 and C1 controls except tab, newline, carriage return.
_CONTROL = frozenset(map(chr, [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)])) - {"\x85"}


def checked_text(text: str, limit: int) -> str:
    """Refuses empty, overlong and binary input; otherwise leaves the text as it is. Raises InputError."""
    if not text.strip():
        raise EmptyInput()
    if len(text) > limit:
        raise InputTooLong(len(text), limit)
    if any(character in _CONTROL or "\ud800" <= character <= "\udfff" for character in text):
        raise BinaryInput()
    return text


def unasked(task: Task, values: Mapping[str, str]) -> Task:
    """`bound` of a task without fields. Raises InputError."""
    if values:
        raise InputError(f"{task.title} has no field “{next(iter(values))}”: leave it out.")
    return task


@dataclass(frozen=True)
class LabelTask:
    """A task that gives a text exactly one of its labels."""

    name: str
    title: str
    question: str
    placeholder: str
    labels: tuple[Label, ...]
    examples: tuple[Example, ...]
    instruction: str
    metrics: tuple[str, ...] = ("accuracy", "macro_f1")

    kind: ClassVar[str] = Labels.kind
    fields: ClassVar[tuple[Field, ...]] = ()

    def bound(self, values: Mapping[str, str]) -> Task:
        return unasked(self, values)

    def check(self, text: str, limit: int) -> str:
        return checked_text(text, limit)

    def schema(self) -> dict[str, Any]:
        """An object with the label, each choice with its description, and the model's own confidence in it."""
        choices = [{"type": "string", "enum": [label.name], "description": label.description} for label in self.labels]
        return {
            "type": "object",
            "properties": {
                "label": {"anyOf": choices, "description": self.question},
                "confidence": {"type": "number", "description": "How sure you are of the label, from 0 to 1."},
            },
            "required": ["label", "confidence"],
            "additionalProperties": False,
        }

    def parse(self, reply: Mapping[str, Any], text: str) -> Labels:
        """The rest of a stated confidence is shared evenly by the other labels."""
        names = [label.name for label in self.labels]
        by_canonical = {canonical_label(name): name for name in names}
        label = reply.get("label")
        said = by_canonical.get(canonical_label(label)) if isinstance(label, str) else None
        if said is None:
            raise BadReply(
                f"The model answered outside the labels {', '.join(names)}: run again or choose another model."
            )
        stated = reply.get("confidence")
        if isinstance(stated, bool) or not isinstance(stated, int | float) or not 0 <= stated <= 1:
            return Labels(said, (), "stated")
        rest = (1 - float(stated)) / max(1, len(names) - 1)
        scores = [LabelScore(name, float(stated) if name == said else rest) for name in names]
        return Labels(said, tuple(sorted(scores, key=lambda row: -row.score)), "stated")

    def call(self, model: ModelRef, request: Request) -> Call:
        return Classify(model=model, user=request.session, text=request.text)

    def gold(self, row: Mapping[str, Any]) -> str | None:
        """`label` as a name, or as an index into the labels (0 is the first). None for anything else."""
        value = row.get("label")
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(self.labels):
            return self.labels[value].name
        if not isinstance(value, str):
            return None
        by_canonical = {canonical_label(label.name): label.name for label in self.labels}
        return by_canonical.get(canonical_label(value))

    def longest_reply(self, text: str) -> int:
        return 64

    def fault(self, row: Mapping[str, Any]) -> str:
        names = ", ".join(label.name for label in self.labels)
        return f"its label is {row.get('label')!r:.60}, and not one of {names}"

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        if not isinstance(output, Labels) or not isinstance(gold, str):
            return None
        return canonical_label(output.label) == canonical_label(gold)

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        return [(gold, output.label if isinstance(output, Labels) else None)]
