"""Many lines at once: every line through every tier, rows as they are complete."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from playground.core.cancel import Cancel
from playground.core.errors import InputError, PlaygroundError
from playground.core.events import Failed, Finished
from playground.core.protocols import Tier
from playground.core.run import TierResult
from playground.core.streams import aiterate
from playground.core.task import Task
from playground.core.types import Request, Stats

# How many lines one table has in flight in a tier: enough to fill a local batch, few towards somebody else's endpoint.
IN_FLIGHT = {"hosted": 4}
IN_FLIGHT_LOCAL = 64


@dataclass(frozen=True)
class TableRow:
    """`index` counts from 0 in the pasted order; rows arrive in the order in which they are complete."""

    index: int
    text: str
    results: tuple[TierResult, ...]


def check_lines(lines: Sequence[str], most: int) -> None:
    """Raises InputError."""
    if len(lines) > most:
        raise InputError(
            f"There are {len(lines):,} lines and the limit is {most:,}: "
            "paste fewer, or use `python -m playground bench` for a file."
        )


async def answer(task: Task, tier: Tier, request: Request, cancel: Cancel) -> TierResult:
    """One tier's last word on one input; a fault is in the result, not raised."""
    async for event in aiterate(lambda emit: tier.start(task, request, emit, cancel)):
        match event:
            case Finished(output=output, stats=stats):
                return TierResult(tier.name, request.model, output, stats)
            case Failed(error=error, stats=stats):
                return TierResult(tier.name, request.model, None, stats, error)
    return TierResult(tier.name, request.model, None, Stats())


async def run_table(
    task: Task,
    tiers: Sequence[Tier],
    lines: Sequence[str],
    *,
    session: str,
    models: Mapping[str, str | None],
    limit: int,
    timeout: float,
    cancel: Cancel,
) -> AsyncGenerator[TableRow, None]:
    """Leaving the iterator early cancels what is in flight."""
    slots = {tier.name: asyncio.Semaphore(IN_FLIGHT.get(tier.name, IN_FLIGHT_LOCAL)) for tier in tiers}

    async def cell(tier: Tier, text: str) -> TierResult:
        request = Request(text, models.get(tier.name), session)
        async with slots[tier.name]:
            return await answer(task, tier, request, cancel.child(timeout))

    async def row(index: int, text: str) -> TableRow:
        try:
            checked = task.check(text, limit)
        except PlaygroundError as error:  # one bad line spoils no other
            return TableRow(
                index, text, tuple(TierResult(tier.name, None, None, Stats(), error.bare()) for tier in tiers)
            )
        return TableRow(index, text, tuple(await asyncio.gather(*(cell(tier, checked) for tier in tiers))))

    pending = [asyncio.ensure_future(row(index, text)) for index, text in enumerate(lines)]
    try:
        for done in asyncio.as_completed(pending):
            yield await done
    finally:
        cancel.set()
        for future in pending:
            future.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
