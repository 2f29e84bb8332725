"""A task whose labels are the visitor's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.core.errors import InputError
from playground.core.fields import filled, items_of, value_of
from playground.core.label_task import LabelTask, Matching
from playground.core.multi_label_task import MultiLabelTask
from playground.core.task import Label, Reader, Task, canonical_label

LABELS, MANY = "labels", "many"  # the names of its fields
MOST_LABELS, MOST_CHARS = 500, 200


@dataclass(frozen=True)
class ZeroShotTask(LabelTask):
    """A task that gives a text one of the labels in its field `labels`; where `many` is on, any number of them.

    Unbound, it has the labels of that field's default. many_question, many_instruction, many_metrics, many_matching: in place
    of the others where several may be true.
    """

    many_question: str = ""
    many_instruction: str = ""
    many_metrics: tuple[str, ...] = ("macro_f1", "micro_f1")
    many_matching: Matching = Matching()

    def bound(self, values: Mapping[str, str]) -> Task:
        """Raises InputError, which says what is wrong with the labels."""
        given = filled(self.title, self.fields, values)
        labels, many = items_of(given[LABELS]), given[MANY] == "1"
        check_labels(labels, many=many)
        chosen = ((LABELS, value_of(labels)), (MANY, given[MANY]))
        one = dataclasses.replace(self, labels=as_labels(chosen[0][1]), values=chosen)
        return _several(one) if many else one

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        """A row's own `labels` are its candidates; without them the ones given, else all true labels of the file. Several may be
        true where it was said so, or, where nothing was said, where a row's `label` is a list.
        """
        given = dict(values)
        filled(self.title, self.fields, given)  # what was given is wrong whatever the rows are
        if MANY not in given and any(isinstance(row.get("label"), list) for row in rows):
            given[MANY] = "1"
        if LABELS in given:
            self.bound(given)
        elif not all(LABELS in row for row in rows):
            given[LABELS] = value_of(_golds(rows))
        known: dict[str, Task] = {}

        def read(row: Mapping[str, Any]) -> Task:
            own = given.get(LABELS, "") if row.get(LABELS) is None else _own(row[LABELS])
            if own not in known:
                if len(known) > 1000:
                    known.clear()
                known[own] = self.bound(given | {LABELS: own})
            return known[own]

        return read


@dataclass(frozen=True)
class _Several(MultiLabelTask):
    """A ZeroShotTask bound so that several labels may be true."""

    unbound: ZeroShotTask | None = None

    def bound(self, values: Mapping[str, str]) -> Task:
        assert self.unbound is not None
        return self.unbound.bound(values)

    def reader(self, rows: Sequence[Mapping[str, Any]], values: Mapping[str, str]) -> Reader:
        assert self.unbound is not None
        return self.unbound.reader(rows, values)


def _several(task: ZeroShotTask) -> MultiLabelTask:
    return _Several(
        name=task.name,
        title=task.title,
        question=task.many_question or task.question,
        placeholder=task.placeholder,
        labels=task.labels,
        examples=task.examples,
        instruction=task.many_instruction or task.instruction,
        metrics=task.many_metrics,
        matching=task.many_matching,
        gold_keys=("label",),
        fields=task.fields,
        values=task.values,
        unbound=task,
    )


def as_labels(value: str) -> tuple[Label, ...]:
    """Of the field's value, unchecked. They have no descriptions."""
    return tuple(Label(label, "") for label in items_of(value))


def check_labels(labels: Sequence[str], *, many: bool) -> None:
    """Raises InputError."""
    if not labels:
        raise InputError("There are no labels yet: write some, one a line or separated by commas.")
    if len(labels) == 1 and not many:
        raise InputError(
            f"“{labels[0]:.60}” is the only label, so there is nothing to choose: add another, or say that several may be true."
        )
    if len(labels) > MOST_LABELS:
        raise InputError(f"There are {len(labels):,} labels and the limit is {MOST_LABELS}: leave some out.")
    seen: set[str] = set()
    for label in labels:
        if len(label) > MOST_CHARS:
            raise InputError(
                f"The label “{label[:40]}…” has {len(label):,} characters and the limit is {MOST_CHARS}: shorten it."
            )
        name = canonical_label(label)
        if name in seen:
            raise InputError(f"The label “{label:.60}” is there twice: leave one of them out.")
        seen.add(name)


def _golds(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """All true labels of a file by name, in the order in which they come first."""
    found: dict[str, str] = {}
    for row in rows:
        label = row.get("label")
        for name in label if isinstance(label, list) else [label]:
            if isinstance(name, str):
                found.setdefault(canonical_label(name), name)
    return [name for item in found.values() if (name := " ".join(item.split()))]


def _own(value: Any) -> str:
    """A row's list of candidates as the field's value."""
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise InputError('its "labels" are no list of texts')
    return value_of([" ".join(label.split()) for label in value])
