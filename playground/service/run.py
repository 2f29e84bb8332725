"""One run: the same input through several tiers at once, each card's events passed on as they come."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime

from playground.core.cancel import Cancel
from playground.core.errors import InternalError, PlaygroundError
from playground.core.events import LAST, Cancelled, Event, Failed, Finished, Partial
from playground.core.protocols import Tier
from playground.core.run import RunRecord, TierEvent, TierResult
from playground.core.task import Task, example_of
from playground.core.types import Gold, Request, Stats

log = logging.getLogger(__name__)


class RunHandle:
    """Started by `start_run`. Cancelling, or a tier that fails, never touches another run or the other tiers' answers."""

    def __init__(
        self,
        record: RunRecord,
        tiers: Sequence[str],
        emit: Callable[[TierEvent], None],
        cancel: Cancel,
        on_done: Callable[[RunRecord], None],
        on_result: Callable[[TierResult, float], None],
    ) -> None:
        self._lock = threading.Lock()
        self._record = record
        self._order = tuple(tiers)
        self._results: dict[str, TierResult] = {}
        self._written: dict[str, list[str]] = {name: [] for name in tiers}
        self._emit = emit
        self._cancel = cancel
        self._on_done, self._on_result = on_done, on_result
        self._began = time.monotonic()
        self._finished = threading.Event()

    @property
    def cards(self) -> int:
        """How many last words there will be."""
        return len(self._order)

    @property
    def done(self) -> bool:
        return self._finished.is_set()

    def cancel(self) -> None:
        self._cancel.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Blocks until every card has had its last word."""
        return self._finished.wait(timeout)

    def record(self) -> RunRecord:
        """With the results so far, in the tiers' order."""
        with self._lock:
            results = tuple(self._results[tier] for tier in self._order if tier in self._results)
        return dataclasses.replace(self._record, results=results)

    def _heard(self, tier: str, model: str | None, event: Event) -> None:
        last = False
        if isinstance(event, Partial):
            self._written[tier].append(event.delta)
        if isinstance(event, LAST):
            result = _result(tier, model, event, "".join(self._written[tier]))
            with self._lock:
                if tier in self._results:  # a tier that raises after its last word has had it
                    return
                self._results[tier] = result
                last = len(self._results) == len(self._order)
            self._on_result(result, time.monotonic() - self._began)
        if last:
            self._on_done(self.record())  # before the last event goes out, so that whoever hears it finds the record
        self._emit(TierEvent(tier, event))
        if last:
            self._finished.set()


def _result(tier: str, model: str | None, event: Event, written: str) -> TierResult:
    match event:
        case Finished(output=output, stats=stats):
            return TierResult(tier, model, output, stats)
        case Failed(error=error, stats=stats):
            return TierResult(tier, model, None, stats, error, written)
        case _:
            return TierResult(tier, model, None, Stats(), written=written)


def start_run(
    run_id: int,
    task: Task,
    text: str,
    tiers: Sequence[Tier],
    *,
    session: str,
    models: Mapping[str, str | None],
    seed: int,
    emit: Callable[[TierEvent], None],
    cancel: Cancel,
    on_done: Callable[[RunRecord], None],
    on_result: Callable[[TierResult, float], None] = lambda result, seconds: None,
) -> RunHandle:
    """Starts every tier without waiting for any. `task` is bound, `text` has been checked, `tiers` are some, each once. `emit`
    may be called from any thread. `on_result` hears each card's last word, and the seconds since the start; `on_done` the whole
    record, once.
    """
    names = [tier.name for tier in tiers]
    record = RunRecord(
        id=run_id,
        at=datetime.now(UTC),
        task=task.name,
        text=text,
        models=tuple((name, models.get(name)) for name in names),
        results=(),
        gold=_gold(task, text),
        seed=seed,
        values=task.values,
    )
    handle = RunHandle(record, names, emit, cancel, on_done, on_result)
    for tier in tiers:
        _start_tier(handle, tier, task, Request(text, models.get(tier.name), session, seed), cancel)
    return handle


def _gold(task: Task, text: str) -> Gold | None:
    example = example_of(task, text)
    return None if example is None else example.gold


def _start_tier(handle: RunHandle, tier: Tier, task: Task, request: Request, cancel: Cancel) -> None:
    def heard(event: Event) -> None:
        handle._heard(tier.name, request.model, event)

    if cancel.is_set:
        heard(Cancelled(seq=0))
        return
    try:
        tier.start(task, request, heard, cancel)
    except PlaygroundError as error:
        heard(Failed(seq=0, error=error))
    except Exception:  # a tier's bug is that card's alone
        log.exception("tier %s could not start", tier.name)
        heard(Failed(seq=0, error=InternalError()))


async def events(start: Callable[[Callable[[TierEvent], None]], RunHandle]) -> AsyncGenerator[TierEvent, None]:
    """The events of the run that `start(emit)` begins, until every card has had its last word. Leaving early cancels the rest."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[TierEvent] = asyncio.Queue()

    def emit(event: TierEvent) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, event)

    handle = start(emit)
    left = handle.cards
    try:
        while left:
            event = await queue.get()
            left -= isinstance(event.event, LAST)
            yield event
    finally:
        if left:
            handle.cancel()
