"""A file of examples through the tiers: metrics, latency of single requests, throughput of many."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.core.cancel import Cancel
from playground.core.errors import BadFile, PlaygroundError
from playground.core.protocols import Tier
from playground.core.run import TierResult
from playground.core.task import Task
from playground.core.types import Labels, Request
from playground.evaluation.intervals import percentile, wilson
from playground.evaluation.metrics import METRICS
from playground.service.table import IN_FLIGHT, IN_FLIGHT_LOCAL, answer

SINGLES = 50  # requests made one at a time, for the latency; the others go in parallel
MAX_BYTES = 200_000_000


@dataclass(frozen=True)
class Row:
    text: str
    gold: str


def read_examples(path: Path, task: Task, limit: int | None, max_chars: int) -> list[Row]:
    """JSON lines, `{"text", "label"}`. Raises BadFile, naming the line."""
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
        raise BadFile(f'{path.name} has no examples: put one JSON object a line, {{"text": ..., "label": ...}}.')
    return rows


def _row(name: str, number: int, line: str, task: Task, max_chars: int) -> Row:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise BadFile(f"Line {number} of {name} is not JSON: put one object a line.") from error
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        raise BadFile(f'Line {number} of {name} has no "text".')
    gold = task.gold(record)
    if gold is None:
        raise BadFile(f"Line {number} of {name} has no label of {task.name}: its label is {record.get('label')!r:.60}.")
    try:
        return Row(task.check(record["text"], max_chars), gold)
    except PlaygroundError as error:
        raise BadFile(f"Line {number} of {name}: {error}") from error


async def bench(
    task: Task,
    tiers: Sequence[Tier],
    rows: Sequence[Row],
    *,
    models: dict[str, str | None],
    timeout: float,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """The documented JSON. Tiers are measured one after another, so that none slows another down."""
    measured = {}
    for tier in tiers:
        say(f"{tier.name}: {len(rows)} examples")
        measured[tier.name] = await _bench_tier(task, tier, rows, models.get(tier.name), timeout)
    return {"task": task.name, "n": len(rows), "tiers": measured}


async def _bench_tier(task: Task, tier: Tier, rows: Sequence[Row], model: str | None, timeout: float) -> dict[str, Any]:
    """A first, unmeasured answer loads the model; then singles one by one; then the rest at once."""
    support = tier.supports(task)
    if not support:
        return {
            "model": model,
            "metrics": {},
            "latency_ms": {"p50": None, "p95": None},
            "examples_per_second": None,
            "errors": len(rows),
            "error": support.reason,
        }

    async def one(row: Row) -> TierResult:
        return await answer(task, tier, Request(row.text, model, session="bench"), Cancel(timeout))

    first = await one(rows[0])
    results, latencies = [], []
    for row in rows[:SINGLES]:
        start = time.perf_counter()
        results.append(await one(row))
        if results[-1].output is not None:  # a refusal is quick, and no answer's latency
            latencies.append((time.perf_counter() - start) * 1000)
    slots = asyncio.Semaphore(IN_FLIGHT.get(tier.name, IN_FLIGHT_LOCAL))

    async def bounded(row: Row) -> TierResult:
        async with slots:
            return await one(row)

    start = time.perf_counter()
    rest = await asyncio.gather(*(bounded(row) for row in rows[SINGLES:]))
    seconds = time.perf_counter() - start
    results += rest
    if not rest:  # too few for a throughput of many: that of one by one
        seconds = sum(latencies) / 1000
    answered = len(rest) if rest else len(latencies)
    return _summary(task, rows, results, first, latencies, answered / seconds if seconds else None)


def _summary(
    task: Task,
    rows: Sequence[Row],
    results: Sequence[TierResult],
    first: TierResult,
    latencies: list[float],
    rate: float | None,
) -> dict[str, Any]:
    golds = [row.gold for row in rows]
    said = [result.output.label if isinstance(result.output, Labels) else None for result in results]
    metrics = {name: round(METRICS[name](golds, said), 6) for name in task.metrics}
    right = sum(
        result.output is not None and task.matches(result.output, row.gold)
        for row, result in zip(rows, results, strict=True)
    )
    errors = [result.error for result in results if result.error is not None]
    return {
        "model": first.stats.model or first.model,
        "source": first.stats.source,
        "fingerprint": first.stats.fingerprint,
        "metrics": metrics,
        "intervals_95": {"accuracy": [round(bound, 4) for bound in wilson(right, len(rows))]},
        "latency_ms": {"p50": _rounded(percentile(latencies, 0.5)), "p95": _rounded(percentile(latencies, 0.95))},
        "examples_per_second": _rounded(rate),
        "errors": len(errors),
        **({"error": str(errors[0])} if errors else {}),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
