"""Tasks whose answer is a text: what goes on after a prompt, a translation, a summary."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playground.core.calls import Call, Foresee, Generate, Pick, Rewrite
from playground.core.errors import BadReply, NotSupported
from playground.core.fields import Field, Values, filled
from playground.core.task import Example, Label, Pair, Reader, checked_text
from playground.core.types import Answer, Gold, ModelRef, Request
from playground.core.writing_types import Foreseen, References, Text, Writing

# What a model of a loader is asked.
DECODERS = frozenset({"pipeline-decoder", "lora-decoder", "scratch-decoder"})
REWRITERS = frozenset({"pipeline-seq2seq", "lora-seq2seq", "scratch-seq2seq"})
PICKERS = frozenset({"encoder", "lora-picker"})

LENGTH, SENTENCES, DETAILS = "length", "sentences", "details"  # names of fields
_HINTS = {
    "temperature": "0 always takes the likeliest token; above 1, unlikely ones become likelier.",
    "top_k": "Only so many of the likeliest tokens; 0: all of them.",
    "top_p": "Only the likeliest tokens that have this probability together; 1: all of them.",
    "repetition_penalty": "Above 1, tokens that the text has already become less likely.",
    "beams": "Above 1, so many texts are written side by side and the likeliest is kept; then nothing is left to chance.",
    "seed": "The same seed and settings give the same text.",
}


def writing_fields(defaults: Writing, longest: int, *, chance: bool) -> tuple[Field, ...]:
    """What can be set of a text. `chance`: whether sampling is the rule, so that its settings are worth showing."""

    def number(name: str, title: str, least: float, most: float, step: float = 1) -> Field:
        default = f"{getattr(defaults, name):g}"
        hint = _HINTS.get(name, "")
        return Field(name, title, "number", default, hint=hint, least=least, most=most, step=step, setting=True)

    sampling = (
        number("top_k", "Top-k", 0, 1000),
        number("top_p", "Top-p", 0.01, 1, 0.01),
    )
    return (
        number(LENGTH, "Length, tokens", 1, longest),
        number("temperature", "Temperature", 0, 2, 0.1),
        *(sampling if chance else ()),
        number("repetition_penalty", "Repetition penalty", 1, 2, 0.05),
        number("beams", "Beams", 1, 8),
        number("seed", "Seed", 0, 2**31 - 1),
        Field(
            DETAILS,
            "Show each token’s probability",
            "flag",
            hint="Point at a token to see what else might have stood there; choose one of those to go on from it.",
            setting=True,
        ),
    )


@dataclass(frozen=True)
class WritingTask:
    """A task that writes a text. `continues`: see `Task`. `foresees`: in a data file, rows are texts to be foreseen (bits per byte)
    and not inputs with `references`; a task that was bound by such a row asks how well its text is foreseen.
    sentences: how many a summary that quotes takes, where its field does not say.
    """

    name: str
    title: str
    question: str
    placeholder: str
    examples: tuple[Example, ...]
    instruction: str
    fields: tuple[Field, ...]
    metrics: tuple[str, ...]
    values: Values = ()
    continues: bool = False
    foresees: bool = False
    sentences: int = 3
    foresee: bool = False  # this very input is to be foreseen

    kind: ClassVar[str] = Text.kind
    labels: ClassVar[tuple[Label, ...]] = ()
    asks_by: ClassVar[str] = "text"

    @property
    def writing(self) -> Writing:
        values = {field.name: field.default for field in self.fields} | dict(self.values)
        plain = Writing()
        return Writing(
            length=int(values.get(LENGTH, plain.length)),
            temperature=float(values.get("temperature", plain.temperature)),
            top_k=int(values.get("top_k", plain.top_k)),
            top_p=float(values.get("top_p", plain.top_p)),
            repetition_penalty=float(values.get("repetition_penalty", plain.repetition_penalty)),
            beams=int(values.get("beams", plain.beams)),
            seed=int(values.get("seed", plain.seed)),
            details=values.get(DETAILS) == "1",
        )

    def bound(self, values: Mapping[str, str]) -> WritingTask:
        """Raises InputError."""
        return dataclasses.replace(self, values=tuple(filled(self.title, self.fields, values).items()))

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        task = self.bound(values)
        foreseeing = dataclasses.replace(task, foresee=True, metrics=("bits_per_byte",))
        return lambda row: foreseeing if self.foresees and "references" not in row else task

    def check(self, text: str, limit: int) -> str:
        return checked_text(text, limit)

    def prompt(self, text: str) -> str:
        return text

    def schema(self) -> dict[str, Any]:
        return {}

    def longest_reply(self, text: str) -> int:
        return self.writing.length

    def parse(self, reply: Mapping[str, Any], text: str) -> Text:
        said = reply.get("text")
        if not isinstance(said, str) or not said.strip():
            raise BadReply("The model wrote nothing: run again or choose another model.")
        return Text(said)

    def call(self, model: ModelRef, request: Request) -> Call:
        """Raises NotSupported for a model that does not write."""
        who: dict[str, Any] = {"model": model, "user": request.session, "text": request.text}
        if self.foresee:
            if model.loader not in DECODERS:
                raise NotSupported(f"The model {model.id} does not say how well it foresees a text.")
            return Foresee(**who)
        if model.loader in PICKERS:
            return Pick(**who, most=int(dict(self.values).get(SENTENCES, self.sentences)))
        if model.loader in REWRITERS:
            return Rewrite(**who, writing=self.writing)
        if model.loader in DECODERS:
            return Generate(**who, writing=self.writing)
        raise NotSupported(f"The model {model.id} writes no texts: choose another model.")

    def asked(self, row: Mapping[str, Any]) -> Any:
        return row.get("text")

    def gold(self, row: Mapping[str, Any]) -> References | None:
        """`references`: texts, or one. Of a row to be foreseen the text itself. None for anything else."""
        if self.foresees and "references" not in row:
            text = row.get("text")
            return References((text,)) if isinstance(text, str) else None
        said = row.get("references", row.get("reference"))
        said = [said] if isinstance(said, str) else said
        if not isinstance(said, list) or not said or not all(isinstance(one, str) and one.strip() for one in said):
            return None
        return References(tuple(said))

    def fault(self, row: Mapping[str, Any]) -> str:
        if "references" not in row and "reference" not in row:
            return 'it has no "references", a list of texts that a good one is like'
        return f'its "references" are {row.get("references", row.get("reference"))!r:.60}, and not a list of texts'

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        """No text is the right one."""
        return None

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        """One pair: the references and the text written; or the text to be foreseen and `Foreseen`."""
        said = output.text if isinstance(output, Text) else output if isinstance(output, Foreseen) else None
        return [(gold.texts if isinstance(gold, References) else (), said)]
