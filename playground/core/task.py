"""What a task is: its words, its examples, and how an answer to it is asked for, parsed and judged."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from playground.core.calls import Call
from playground.core.errors import BinaryInput, EmptyInput, InputError, InputTooLong
from playground.core.fields import Field, Values, is_binary
from playground.core.types import Answer, Gold, ModelRef, Request
from playground.core.writing_types import Writing

Pair = tuple[Any, Any]  # a true answer and a given one (None: there is none), as the metrics compare them


@dataclass(frozen=True)
class Label:
    """`description` says to a model, and to a person, when the label applies."""

    name: str
    description: str


@dataclass(frozen=True)
class Example:
    """`title` is the chip's text; `gold` the true answer; `why` one sentence on what the example teaches; `values` of the task's
    fields, where they are not the defaults.
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

    @property
    def values(self) -> Values:
        """Of its fields: what it was bound with, defaults filled in."""

    def bound(self, values: Mapping[str, str]) -> Task:
        """The task as these values of its fields make it, with everything else here following from them; missing ones take their
        defaults. Raises InputError.
        """

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        """Gives each row of a data file its bound task: from the row's own fields, from these values, else from all the rows.
        Raises InputError, as what it returns does.
        """

    def check(self, text: str, limit: int) -> str:
        """The text as the tiers get it. Raises InputError."""

    def prompt(self, text: str) -> str:
        """What an endpoint is sent beside the instruction."""

    def schema(self) -> dict[str, Any]:
        """The JSON schema of a reply; empty where the reply is a plain text."""

    def parse(self, reply: Mapping[str, Any], text: str) -> Answer:
        """A reply that follows the schema, as an answer to this text; a plain text as {"text": ...}. Raises BadReply."""

    @property
    def writing(self) -> Writing | None:
        """How its answer is to be written; None where the answer is no text."""

    @property
    def continues(self) -> bool:
        """Whether its answer goes on where the text ends, as every language model can: nobody need know the task."""

    @property
    def foresee(self) -> bool:
        """Whether it asks how well a model foresees the text, and nothing is to be written."""

    def call(self, model: ModelRef, request: Request) -> Call:
        """What a local model is asked."""

    def longest_reply(self, text: str) -> int:
        """How many tokens a reply that follows the schema may well have."""

    @property
    def asks_by(self) -> str:
        """The key under which a data file's row has the text."""

    def asked(self, row: Mapping[str, Any]) -> Any:
        """What a data file's row asks; a text, where the row is right."""

    def gold(self, row: Mapping[str, Any]) -> Gold | None:
        """The true answer in a data file's row, where it has one."""

    def fault(self, row: Mapping[str, Any]) -> str:
        """Why a row has no true answer, as the rest of a sentence."""

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """Whether an answer is the gold one; None where the two cannot be compared."""

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """One example's share of what the metrics compare. `output` None: the tier failed."""


class Unwritten:
    """What tasks have in common whose answer is no text."""

    writing: ClassVar[None] = None
    continues: ClassVar[bool] = False
    foresee: ClassVar[bool] = False


Reader = Callable[[Mapping[str, Any]], Task]


def canonical_label(label: str) -> str:
    """Labels compare without case, with `_` and space equal, and an accented letter is itself however it is encoded."""
    return unicodedata.normalize("NFC", " ".join(label.replace("_", " ").split()).casefold())


def checked_text(text: str, limit: int) -> str:
    """Refuses empty, overlong and binary input; otherwise leaves the text as it is. Raises InputError."""
    if not text.strip():
        raise EmptyInput()
    if len(text) > limit:
        raise InputTooLong(len(text), limit)
    if is_binary(text):
        raise BinaryInput()
    return text


def example_of(task: Task, text: str) -> Example | None:
    """The example that has this text and what the bound task's fields hold. How it is set to answer changes nothing of what is
    true.
    """
    settings = {field.name for field in task.fields if field.setting}

    def asked(values: Values) -> list[tuple[str, str]]:
        return [(name, value) for name, value in values if name not in settings]

    for example in task.examples:
        if example.text == text and asked(task.bound(dict(example.values)).values) == asked(task.values):
            return example
    return None


class Unasked(Unwritten):
    """What tasks have in common that ask for a text and nothing beside it."""

    asks_by: ClassVar[str] = "text"

    def bound(self: Task, values: Mapping[str, str]) -> Task:
        """Raises InputError."""
        if values:
            raise InputError(f"{self.title} has no field “{next(iter(values))}”: leave it out.")
        return self

    def reader(self: Task, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        task = self.bound(values)
        return lambda row: task

    def check(self, text: str, limit: int) -> str:
        return checked_text(text, limit)

    def prompt(self, text: str) -> str:
        return text

    def asked(self, row: Mapping[str, Any]) -> Any:
        return row.get("text")
