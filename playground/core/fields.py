"""What a task asks for beside the text, e.g. the visitor's own labels. Values are strings: they stand in links, files and forms."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from playground.core.errors import BinaryInput, InputError

Values = tuple[tuple[str, str], ...]  # (field's name, value): what was chosen for one run, in the fields' order

MAX_VALUE_CHARS = 120_000  # of one value
_ON, _OFF = {"1", "true", "on", "yes"}, {"", "0", "false", "off", "no"}
# What text never holds, and binary files do: C0 controls except tab, newline and carriage return; DEL; halves of surrogate pairs.
# Not C1 (U+0080 to U+009F): old text messages have quotes there, whose Windows-1252 was read as Latin-1.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_BREAK = re.compile(r"[\r\n\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Field:
    """kind: "lines" is items, one a line or separated by commas; "text" is one text, however long; "flag" is on ("1") or off
    (""); "number" is a number from `least` to `most`, a whole one where `step` is.

    setting: whether it is one of those that a page keeps folded away until somebody wants them.
    """

    name: str
    title: str
    kind: Literal["lines", "text", "flag", "number"]
    default: str = ""
    placeholder: str = ""
    hint: str = ""
    least: float = 0.0
    most: float = 0.0
    step: float = 1.0
    setting: bool = False


def filled(task: str, fields: Sequence[Field], values: Mapping[str, str]) -> dict[str, str]:
    """A value for each field in their order, defaults where none is given; flags are "1" or "". `task`: its title, for the
    errors. Raises InputError.
    """
    known = {field.name: field for field in fields}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{task} has no field “{name:.60}”: {_use(fields)}.")
        if not isinstance(value, str):
            raise InputError(f"The field “{known[name].title}” must be text: write it as a string.")
        if len(value) > MAX_VALUE_CHARS:
            raise InputError(
                f"“{known[name].title}” has {len(value):,} characters and the limit is {MAX_VALUE_CHARS:,}: shorten it."
            )
        if is_binary(value):
            raise BinaryInput(
                f"“{known[name].title}” holds control characters, as a binary file does: write plain text."
            )
    return {name: _normal(field, values.get(name, field.default)) for name, field in known.items()}


def is_binary(text: str) -> bool:
    """Whether it is no text that somebody wrote."""
    return _BINARY.search(text) is not None


def _use(fields: Sequence[Field]) -> str:
    return f"use {' or '.join(field.name for field in fields)}" if fields else "leave it out"


def _normal(field: Field, value: str) -> str:
    if field.kind == "number":
        return _number(field, value)
    if field.kind != "flag":
        return value
    said = value.strip().casefold()
    if said not in _ON | _OFF:
        raise InputError(f"“{field.title}” is on or off, and not {value!r:.40}: write 1 or 0.")
    return "1" if said in _ON else ""


def _number(field: Field, value: str) -> str:
    """As short as it can be written; empty is the default.

    >>> _number(Field("t", "Temperature", "number", "1", most=2, step=0.1), " 0.50")
    '0.5'
    """
    said = value.strip() or field.default
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    whole = field.step % 1 == 0
    if not field.least <= number <= field.most or (whole and number % 1):
        kind = "a whole number" if whole else "a number"
        raise InputError(f"“{field.title}” is {kind} from {field.least:g} to {field.most:g}, and not {said!r:.40}.")
    return f"{number + 0:.10g}"  # never -0


def items_of(value: str) -> tuple[str, ...]:
    """The items of a "lines" value. Several lines: one a line, as it stands there. One line: separated by commas, where quotes
    protect a comma as in CSV. What cannot be seen drops out, blanks at the ends go.

    >>> items_of("late delivery, refund")
    ('late delivery', 'refund')
    >>> items_of("late, or not at all\\nrefund")
    ('late, or not at all', 'refund')
    """
    lines = [line for line in _LINE_BREAK.split(value) if _seen(line)]
    if len(lines) == 1:
        try:
            lines = next(csv.reader(lines, skipinitialspace=True))
        except csv.Error as error:  # a field of more characters than csv takes
            raise InputError("The line is too long for one item: separate them by commas or line breaks.") from error
    return tuple(line.strip() for line in lines if _seen(line))


def value_of(items: Iterable[str]) -> str:
    """What `items_of` reads as these items; they have no line breaks and no blanks at their ends."""
    items = [item for item in items if _seen(item)]
    if len(items) != 1:
        return "\n".join(items)
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(items)
    return out.getvalue()


def _seen(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)
