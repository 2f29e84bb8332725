"""Tasks whose answer is exactly one label of the whole text: sentiment, intent, spam."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from playground.core.calls import Call, Candidate, Classify, Match
from playground.core.errors import BadReply
from playground.core.fields import Field, Values
from playground.core.task import Example, Label, Pair, Unasked, canonical_label
from playground.core.types import Answer, Gold, Labels, LabelScore, ModelRef, Request

# Loaders of models that compare a text with labels which they need not have been trained on.
MATCHERS = frozenset({"encoder", "lora-encoder", "scratch-encoder", "pipeline-nli"})

# OpenAI's strict mode: the values of one enum of more than 250 may have so many characters together.
_LONG_ENUM, _ENUM_CHARS = 250, 15_000


@dataclass(frozen=True)
class Matching:
    """How a task's labels are written for a model that compares them with a text, and what its similarities mean.

    template, hypothesis: with {label} and {description}; the second for entailment models, which read sentences.
    words: (a label's name, what is written for it); other names are written without `_` and a question mark at the end.
    scale, offset, threshold: see `core.calls.Match`; fitted on dev sets, as the task's file says.
    """

    template: str = "{label}"
    hypothesis: str = "This text is about {label}."
    words: tuple[tuple[str, str], ...] = ()
    scale: float = 20.0
    offset: float = 0.0
    threshold: float = 0.5

    def call(self, labels: Iterable[Label], model: ModelRef, request: Request, *, many: bool) -> Match:
        template = self.hypothesis if model.loader == "pipeline-nli" else self.template
        words = dict(self.words)
        return Match(
            model=model,
            user=request.session,
            text=request.text,
            candidates=tuple(
                Candidate(label.name, _written(template, label, words.get(label.name))) for label in labels
            ),
            many=many,
            scale=self.scale,
            offset=self.offset,
            threshold=self.threshold,
        )


def _written(template: str, label: Label, words: str | None) -> str:
    """In one pass: what a label says is never read as a template. A label without a description stands for it itself."""
    name = words or " ".join(label.name.replace("_", " ").split()).rstrip("?").rstrip() or label.name
    said = {"{label}": name, "{description}": label.description or name}
    return re.sub(r"\{label\}|\{description\}", lambda place: said[place[0]], template)


@dataclass(frozen=True)
class LabelTask(Unasked):
    """A task that gives a text exactly one of its labels.

    positive: the label that f1, precision and recall are about; "" where no label is it more than the others.
    aliases: (what data files write, the label meant).
    """

    name: str
    title: str
    question: str
    placeholder: str
    labels: tuple[Label, ...]
    examples: tuple[Example, ...]
    instruction: str
    metrics: tuple[str, ...] = ("accuracy", "macro_f1")
    positive: str = ""
    matching: Matching = Matching()
    aliases: tuple[tuple[str, str], ...] = ()
    fields: tuple[Field, ...] = ()
    values: Values = ()

    kind: ClassVar[str] = Labels.kind

    def schema(self) -> dict[str, Any]:
        """An object with the label, each choice with its description, and the model's own confidence in it."""
        return {
            "type": "object",
            "properties": {
                "label": choice_schema(self.labels, self.question),
                "confidence": {"type": "number", "description": "How sure you are of the label, from 0 to 1."},
            },
            "required": ["label", "confidence"],
            "additionalProperties": False,
        }

    def parse(self, reply: Mapping[str, Any], text: str) -> Labels:
        """The rest of a stated confidence is shared evenly by the other labels."""
        said = label_named(self.labels, reply.get("label"))
        if said is None:
            raise outside(self.labels)
        stated = stated_probability(reply.get("confidence"))
        if stated is None:
            return Labels(said, (), "stated")
        rest = (1 - stated) / max(1, len(self.labels) - 1)
        scores = [LabelScore(label.name, stated if label.name == said else rest) for label in self.labels]
        return Labels(said, tuple(sorted(scores, key=lambda row: -row.score)), "stated")

    def call(self, model: ModelRef, request: Request) -> Call:
        """A model that was trained on these labels classifies; one that was not compares the text with them."""
        if model.loader in MATCHERS:
            return self.matching.call(self.labels, model, request, many=False)
        return Classify(model=model, user=request.session, text=request.text)

    def gold(self, row: Mapping[str, Any]) -> str | None:
        """`label` as a name, or as an index into the labels (0 is the first). None for anything else."""
        value = row.get("label")
        meant = next((label for alias, label in self.aliases if alias == value), value)
        return label_named(self.labels, meant, by_index=True)

    def longest_reply(self, text: str) -> int:
        return 64 + longest_label(self.labels)

    def fault(self, row: Mapping[str, Any]) -> str:
        return f"its label is {row.get('label')!r:.60}, and not one of {listed(self.labels)}"

    def matches(self, output: Answer, gold: Gold) -> bool | None:
        if not isinstance(output, Labels) or not isinstance(gold, str):
            return None
        return canonical_label(output.label) == canonical_label(gold)

    def pairs(self, text: str, gold: Gold, output: Answer | None) -> list[Pair]:
        return [(gold, output.label if isinstance(output, Labels) else None)]


def choice_schema(labels: Sequence[Label], description: str) -> dict[str, Any]:
    """One of these labels: each with its description, or a plain list where there are none and strict mode takes it."""
    names = [label.name for label in labels]
    too_long = len(names) > _LONG_ENUM and sum(map(len, names)) > _ENUM_CHARS
    if not too_long and not any(label.description for label in labels):
        return {"type": "string", "enum": names, "description": description}
    return {"anyOf": [_choice(label) for label in labels], "description": description}


def _choice(label: Label) -> dict[str, Any]:
    choice = {"type": "string", "enum": [label.name]}
    return choice | ({"description": label.description} if label.description else {})


def label_named(labels: Sequence[Label], value: Any, *, by_index: bool = False) -> str | None:
    """A label's own name, by what somebody wrote: its name, or (by_index) its place, 0 being the first. None for anything else."""
    if by_index and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
        return labels[value].name
    if not isinstance(value, str):
        return None
    wanted = canonical_label(value)
    return next((label.name for label in labels if canonical_label(label.name) == wanted), None)


def stated_probability(value: Any) -> float | None:
    """A number from 0 to 1, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def outside(labels: Sequence[Label]) -> BadReply:
    return BadReply(f"The model answered outside the labels {listed(labels)}: run again or choose another model.")


def longest_label(labels: Sequence[Label]) -> int:
    """Tokens at most: a byte-level tokenizer makes no more of them than there are bytes."""
    return max((len(label.name.encode()) for label in labels), default=0)


def listed(labels: Sequence[Label], most: int = 12) -> str:
    """Names in a sentence."""
    names = ", ".join(label.name if len(label.name) <= 40 else f"{label.name[:39]}…" for label in labels[:most])
    return names if len(labels) <= most else f"{names} and {len(labels) - most} more"
