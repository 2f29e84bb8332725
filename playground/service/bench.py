"""A file of examples through the tiers: metrics, latency of single requests, throughput of many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.protocols import Tier
from playground.core.run import TierResult
from playground.core.types import Request
from playground.evaluation.intervals import percentile
from playground.evaluation.perplexity import perplexity
from playground.evaluation.score import calibration, score
from playground.service.examples import Row
from playground.service.table import IN_FLIGHT, IN_FLIGHT_LOCAL, answer

SINGLES = 50  # requests made one at a time, for the latency; the others go in parallel


async def bench(
    tiers: Sequence[Tier],
    rows: Sequence[Row],
    *,
    models: dict[str, str | None],
    timeout: float,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """The documented JSON of some rows of one task. Tiers are measured one after another, so that none slows another down."""
    measured, task = {}, rows[0].task
    for tier in tiers:
        say(f"{tier.name}: {len(rows)} examples")
        measured[tier.name] = await _bench_tier(tier, rows, models.get(tier.name), timeout)
    same = task.values and all(row.task.values == task.values for row in rows)
    values = {"values": dict(task.values)} if same else {}
    return {"task": task.name, "n": len(rows), **values, "tiers": measured}


async def _bench_tier(tier: Tier, rows: Sequence[Row], model: str | None, timeout: float) -> dict[str, Any]:
    """A first, unmeasured answer loads the model; then singles one by one; then the rest at once."""
    support = tier.supports(rows[0].task)
    if not support:
        return _unsupported(model, support.reason, len(rows))

    async def one(row: Row) -> TierResult:
        return await answer(row.task, tier, Request(row.text, model, session="bench"), Cancel(timeout))

    first = await one(rows[0])
    if isinstance(
        first.error, NotSupported
    ):  # an endpoint finds out only when it is asked; it would say so of every row
        return _unsupported(first.stats.model or model, str(first.error), len(rows))
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
    return _summary(rows, results, first, latencies, answered / seconds if seconds else None)


def _unsupported(model: str | None, reason: str, rows: int) -> dict[str, Any]:
    return {
        "supported": False,
        "model": model,
        "metrics": {},
        "latency_ms": {"p50": None, "p95": None},
        "examples_per_second": None,
        "errors": rows,
        "error": reason,
    }


def _summary(
    rows: Sequence[Row],
    results: Sequence[TierResult],
    first: TierResult,
    latencies: list[float],
    rate: float | None,
) -> dict[str, Any]:
    both = list(zip(rows, results, strict=True))
    pairs = [row.task.pairs(row.text, row.gold, result.output) for row, result in both]
    names = {label.name for task in {id(row.task): row.task for row in rows}.values() for label in task.labels}
    honest = calibration((row.gold, result.output) for row, result in both)
    foreseen = perplexity(result.output for result in results)
    errors = [result.error for result in results if result.error is not None]
    return {
        "supported": True,
        "model": first.stats.model or first.model,
        "source": first.stats.source,
        "fingerprint": first.stats.fingerprint,
        **score(rows[0].task, pairs, names),
        **({"calibration": honest} if honest is not None else {}),
        **({"perplexity": foreseen} if foreseen is not None else {}),
        "latency_ms": {"p50": _rounded(percentile(latencies, 0.5)), "p95": _rounded(percentile(latencies, 0.95))},
        "examples_per_second": _rounded(rate),
        "errors": len(errors),
        **({"error": str(errors[0])} if errors else {}),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
