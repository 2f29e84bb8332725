"""A file of examples with their true answers, read for `bench`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from playground.core.errors import BadFile, PlaygroundError
from playground.core.task import Task
from playground.core.types import Gold

MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class Row:
    text: str
    gold: Gold


def read_examples(path: Path, task: Task, limit: int | None, max_chars: int) -> list[Row]:
    """JSON lines, `{"text", "label"}` or `{"text", "spans": [{"start", "end", "label"}]}`. Raises BadFile, naming the line."""
    rows: list[Row] = []
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadFile(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB: split it.")
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    rows.append(_row(path.name, number, line, task, max_chars))
                if limit is not None and len(rows) >= limit:
                    break
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path.name} cannot be read as UTF-8 text: check its name and its encoding.") from error
    if not rows:
        raise BadFile(f'{path.name} has no examples: put one JSON object a line, {{"text": ..., ...}}.')
    return rows


def _row(name: str, number: int, line: str, task: Task, max_chars: int) -> Row:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"Line {number} of {name} is not JSON: put one object a line.") from error
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise BadFile(f'Line {number} of {name} has no "text".')
    gold = task.gold(record)
    if gold is None:
        raise BadFile(f"Line {number} of {name} is no example of {task.name}: {task.fault(record)}.")
    try:
        return Row(task.check(record["text"], max_chars), gold)
    except PlaygroundError as error:
        raise BadFile(f"Line {number} of {name}: {error}") from error
