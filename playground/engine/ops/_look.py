"""What the operations share that look into a model and change it for a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from playground.core.attention_types import AnswerKind, Cut, Part, Side
from playground.core.calls import Look
from playground.core.errors import EmptyInput, InputError, LoadFailed, NotSupported
from playground.engine.insides import Question, Seen
from playground.engine.ops.attend import insides, known, note_of, seen
from playground.engine.scheduler import Outcome, Work

NO_ANSWER = "This text has nothing that the model could answer about: write more of it."


@dataclass(frozen=True)
class Asked:
    """A text as a model reads it, and what its answer is about."""

    seen: Seen
    question: Question

    @property
    def tokens(self) -> int:
        return sum(len(side) for side in self.seen.sides)


def ask(work: Work) -> Asked:
    """Raises NotSupported, EmptyInput."""
    call = work.call
    assert isinstance(call, Look)
    inside = insides(work.model, call.model.id)
    found = seen(work)
    if not all(len(side) for side in found.sides):
        raise EmptyInput()
    question = judged(inside.question(found, names(work)), call)
    if not question.places:
        raise EmptyInput(NO_ANSWER)
    work.alone = True
    work.size = max(len(side) for side in found.sides)
    return Asked(found, question)


def names(work: Work) -> Sequence[str]:
    """Of the model's labels."""
    return work.call.model.labels or work.model.labels


def judged(question: Question, call: Look) -> Question:
    """A reference with thresholds says that its model judges each label by itself."""
    many = question.kind is AnswerKind.LABELS and call.model.thresholds
    return replace(question, kind=AnswerKind.MANY) if many else question


def check_numbers(numbers: np.ndarray, question: Question, call: Look) -> None:
    """Raises LoadFailed where a model has more or fewer labels than names, NotSupported where there are no numbers."""
    named = question.options
    if question.kind is not AnswerKind.VECTOR and not callable(named) and len(named) != numbers.shape[-1]:
        raise LoadFailed(
            f"The model {call.model.id} has {numbers.shape[-1]} labels and {len(named)} names: correct the catalog."
        )
    known(numbers)


def check(cut: Cut, parts: Sequence[Part], sides: Sequence[Side]) -> None:
    """Raises NotSupported where the model has no such part, InputError where there is no such layer, head or token."""
    for head in cut.heads:
        part = part_of(parts, head.part)
        if not 0 <= head.layer < part.layers:
            raise InputError(f"There is no layer {head.layer}: choose one of 0 to {part.layers - 1}.")
        if not 0 <= head.head < part.heads:
            raise InputError(f"There is no head {head.head}: choose one of 0 to {part.heads - 1}.")
    for token in cut.tokens:
        if not 0 <= token.side < len(sides):
            raise InputError(f"This model has no side {token.side}: choose one of 0 to {len(sides) - 1}.")
        if not 0 <= token.place < len(sides[token.side]):
            raise InputError(f"There is no token {token.place}: choose one of 0 to {len(sides[token.side]) - 1}.")


def part_of(parts: Sequence[Part], name: str) -> Part:
    """Raises NotSupported."""
    found = next((part for part in parts if part.name == name), None)
    if found is None:
        has = " and ".join(str(part.name) for part in parts)
        raise NotSupported(f"This model has no {name} attention: look at its {has} attention.")
    return found


def outcome(work: Work, asked: Asked, output: Any, note: str = "") -> Outcome:
    said = [one for one in (note_of(asked.seen), note) if one]
    return Outcome(
        output=output,
        tokens_in=asked.tokens,
        truncated=asked.seen.truncated,
        note=" ".join(said) or None,
        fingerprint=work.model.identity.fingerprint,
        path=work.model.path,
    )
