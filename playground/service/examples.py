"""A file of examples with their true answers, read for `bench`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.core.errors import BadFile, PlaygroundError
from playground.core.task import Reader, Task
from playground.core.types import Gold

MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class Row:
    """`task`: bound as this row says, where it says so."""

    text: str
    gold: Gold
    task: Task


def read_examples(
    path: Path, task: Task, limit: int | None, max_chars: int, values: Mapping[str, str] | None = None
) -> list[Row]:
    """JSON lines: `{"text", "label"}`, `{"text", "labels": [...]}`, `{"text", "answers": [...]}`, `{"text", "spans": [{"start",
    "end", "label"}]}`, `{"question", "context", "answers": [...]}`, `{"text", "references": [...]}`, or of texts to be foreseen
    `{"text"}`; at least one. Raises BadFile, naming the line; InputError for
    what is wrong with the values.
    """
    records: list[tuple[int, dict[str, Any]]] = []
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadFile(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB: split it.")
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    records.append((number, _record(path.name, number, line, task)))
                if limit is not None and len(records) >= limit:
                    break
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path.name} cannot be read as UTF-8 text: check its name and its encoding.") from error
    if not records:
        raise BadFile(f'{path.name} has no examples: put one JSON object a line, {{"text": ..., ...}}.')
    read = task.reader([record for _, record in records], values or {})
    return [_row(path.name, number, record, read, max_chars) for number, record in records]


def _record(name: str, number: int, line: str, task: Task) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"Line {number} of {name} is not JSON: put one object a line.") from error
    if not isinstance(record, dict) or not isinstance(task.asked(record), str):
        raise BadFile(f'Line {number} of {name} has no "{task.asks_by}".')
    return record


def _row(name: str, number: int, record: Mapping[str, Any], read: Reader, max_chars: int) -> Row:
    try:
        task = read(record)
        gold = task.gold(record)
        if gold is not None:
            return Row(task.check(task.asked(record), max_chars), gold, task)
    except PlaygroundError as error:
        raise BadFile(f"Line {number} of {name}: {error}") from error
    raise BadFile(f"Line {number} of {name} is no example of {task.name}: {task.fault(record)}.")
