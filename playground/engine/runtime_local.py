"""Runs calls on this machine's models: a lease from the cache, a turn on the device, and the events in between.

Importing this imports no torch; the first load does, on a loader's thread.
"""

from __future__ import annotations

import atexit
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported, UnknownName
from playground.core.events import Emit, Emitter, Failed, Queued
from playground.core.status import Device, Queue, RuntimeReport
from playground.core.types import ModelRef, Resident
from playground.engine import memory
from playground.engine.backend import Models
from playground.engine.cache import ModelCache
from playground.engine.ops import build_ops
from playground.engine.run import Run, guarded
from playground.engine.scheduler import Scheduler
from playground.settings import Settings


class LocalRuntime:
    """`Runtime` over one device of this machine. Cheap to build; `close` ends its threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ops = build_ops()
        self._models = Models(settings, self._on_device)
        free, total = memory.host_memory()
        self._cache = self._models.cache = ModelCache(
            self._models, memory.budget(free, settings.cache_budget_mb), total, max_hold=settings.max_hold
        )
        self._scheduler = Scheduler(
            settings.max_batch, on_memory=self._out_of_memory, on_start=self._models.set_up_thread
        )
        self._process = psutil.Process()
        atexit.register(self.close)

    def _on_device(self, function: Callable[[], Any]) -> Any:
        return self._scheduler.on_device(function)

    def _out_of_memory(self) -> None:
        self._cache.evict_idle()
        memory.reclaim()

    # -- calls

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> Run:
        """Starts without blocking. `emit` gets Queued, Loading where something has to be loaded, and one last word."""
        run = Run(call, Emitter(guarded(emit)), cancel.child(), self._scheduler)
        ahead, seconds = self._scheduler.turn(call.user)
        run.emit(Queued(ahead=ahead, seconds=seconds))
        try:
            op = self._ops.get(type(call).__name__)
        except UnknownName:
            run.end(Failed(error=NotSupported("Models on this machine cannot do this yet: choose another tier.")))
            return run
        run.op = op
        run.forget = run.token.on_set(run.stopped)
        self._cache.acquire((op.model(call),), run.leased, run.token, run.loading)
        return run

    def expected_wait(self, user: str = "") -> float | None:
        """Seconds until a new call of this user would begin, were it sent now; None where nothing was measured yet. A load
        that it may need is not in it.
        """
        return self._scheduler.turn(user)[1]

    # -- models

    def warm(self, refs: Sequence[ModelRef], *, pin: bool = False) -> None:
        """Loads these in the background, errors only logged. `pin`: they stay. Raises TooLarge, at once, where the pins
        would not fit into the budget together.
        """
        if pin:
            self._cache.pin_all(refs)
        else:
            self._cache.warm(refs)

    def pin(self, key: str, pinned: bool) -> bool:
        return self._cache.pin(key, pinned)

    def unload(self, key: str | None = None) -> int:
        """Unloads a resident that is idle, or (None) everything idle. Returns how many models go."""
        return self._cache.unload(key)

    def status(self) -> list[Resident]:
        return self._cache.snapshot()

    def report(self) -> RuntimeReport:
        """Everything the Status tab and /metrics show. Never waits for the device, nor for a load."""
        cached = self._cache.report()
        counts = self._scheduler.counts
        return RuntimeReport(
            device=self._device(cached.budget, cached.used),
            residents=cached.residents,
            queue=Queue(counts.running, counts.waiting, cached.waiting, self.expected_wait()),
            totals=dataclasses.replace(
                cached.totals, steps=counts.steps, rows=counts.rows, step_seconds=counts.seconds
            ),
            departures=cached.departures,
            loads=cached.loads,
        )

    def _device(self, budget: int, used: int) -> Device:
        context, threads = self._models.context, self._settings.threads or None
        name, dtype, (free, total) = "not chosen yet", None, memory.host_memory()
        if context is not None:
            free, total = memory.device_memory(context.device)
            name, dtype = memory.device_name(context.device), str(context.dtype).removeprefix("torch.")
            threads = threads or sys.modules["torch"].get_num_threads()
        process = int(self._process.memory_info().rss)
        return Device(name, dtype, threads, budget, used, free, total, process)

    def close(self) -> None:
        """Runs in flight end as cancelled; returns once all threads have ended."""
        atexit.unregister(self.close)
        self._models.close()
        self._scheduler.close()
        self._cache.close()
