"""Runs calls on this machine's models: a lease from the cache, a turn on the device, and the events in between.

Importing this imports no torch; the first load does, on a loader's thread.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.errors import InternalError, NotSupported, PlaygroundError, UnknownName
from playground.core.events import Cancelled, Emit, Emitter, Event, Failed, Finished, Loading, Queued
from playground.core.types import ModelRef, Resident, Stats
from playground.engine import cache, memory, stack
from playground.engine.cache import Lease, Loaded, ModelCache
from playground.engine.loaders import Identity, LoadContext, Report, build_loaders
from playground.engine.ops import CallOp, build_ops
from playground.engine.scheduler import Outcome, Scheduler, Work
from playground.settings import Settings

log = logging.getLogger(__name__)


class LocalRuntime:
    """`Runtime` over one device of this machine. Cheap to build; `close` ends its threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ops = build_ops()
        self._models = _Models(settings, self._on_device)
        free, total = memory.host_memory()
        self._cache = self._models.cache = ModelCache(
            self._models, memory.budget(free, settings.cache_budget_mb), total
        )
        self._scheduler = Scheduler(settings.max_batch, on_memory=self._out_of_memory)
        atexit.register(self.close)

    def _on_device(self, function: Callable[[], Any]) -> Any:
        return self._scheduler.on_device(function)

    def _out_of_memory(self) -> None:
        self._cache.evict_idle()
        memory.reclaim()

    def submit(self, call: Call, emit: Emit, cancel: Cancel) -> Run:
        """Starts without blocking. `emit` gets Queued, Loading where something has to be loaded, and one last word."""
        run = Run(call, Emitter(_guarded(emit)), cancel.child(), self._scheduler)
        run.emit(Queued(ahead=self._scheduler.waiting))
        try:
            op = self._ops.get(type(call).__name__)
        except UnknownName:
            run.end(Failed(error=NotSupported("Models on this machine cannot do this yet: choose another tier.")))
            return run
        run.op = op
        run.forget = run.token.on_set(run.stopped)
        self._cache.acquire((op.model(call),), run.leased, run.token, run.loading)
        return run

    def warm(self, refs: Sequence[ModelRef]) -> None:
        """Loads these in the background; errors are only logged."""

        def done(leases: tuple[Lease, ...], error: Exception | None) -> None:
            if error is not None:
                log.warning("warming up: %s", error)
            for lease in leases:
                lease.release()

        for ref in refs:
            self._cache.acquire((ref,), done)

    def status(self) -> list[Resident]:
        return self._cache.snapshot()

    def unload(self, refs: Sequence[ModelRef] | None = None) -> int:
        """Unloads what is idle (of `refs`); returns how many models go."""
        return self._cache.evict_idle(refs)

    def close(self) -> None:
        """Runs in flight end as cancelled; returns once all threads have ended."""
        atexit.unregister(self.close)
        self._scheduler.close()
        self._cache.close()


@dataclass(eq=False)
class Run:
    """One call in flight: its way from lease to device to last word. Thread-safe."""

    call: Call
    emit: Emitter
    token: Cancel
    scheduler: Scheduler
    op: CallOp | None = None
    lease: Lease | None = None
    work: Work | None = None
    waited: float | None = None
    since: float = field(default_factory=time.monotonic)
    forget: Callable[[], None] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        self.token.set()

    def loading(self, what: str, fraction: float | None) -> None:
        self.emit(Loading(what=what, fraction=fraction))

    def leased(self, leases: tuple[Lease, ...], error: Exception | None) -> None:
        """The cache's answer."""
        if isinstance(error, cache.Cancelled):
            self.end(Cancelled())
            return
        if error is not None:
            self.end(
                Failed(error=error if isinstance(error, PlaygroundError) else InternalError(), stats=self._named())
            )
            return
        (lease,) = leases
        if not lease.hit:
            self.waited = time.monotonic() - self.since
        assert self.op is not None
        work = Work(
            call=self.call,
            op=self.op,
            model=lease.value,
            cancel=self.token,
            emit=self.emit,
            done=self.answered,
            user=self.call.user,
            group=(type(self.call), lease.value.group),
        )
        with self._lock:
            self.lease, self.work = lease, work
        if self.token.is_set:
            self._give_back()
            self.end(Cancelled())
            return
        self.scheduler.put(work)
        if self.token.is_set:  # set between the two lines above: nobody else will look
            self.stopped()

    def stopped(self) -> None:
        """The token was set. A work in its step is left to end; its answer is dropped."""
        self.end(Cancelled())
        with self._lock:
            work = self.work
        if work is not None and self.scheduler.discard(work):
            self._give_back()

    def answered(self, work: Work, outcome: Outcome | None, error: PlaygroundError | None) -> None:
        """The device's answer, on its thread."""
        lease = self.lease
        assert lease is not None
        self._give_back()
        if outcome is not None:
            self.end(Finished(output=outcome.output, stats=self._stats(work, outcome, lease)))
        elif error is not None:
            self.end(Failed(error=error, stats=self._named()))
        else:
            self.end(Cancelled())

    def _give_back(self) -> None:
        with self._lock:
            lease, self.lease = self.lease, None
            if self.work is not None:
                self.work.model = self.work.state = None  # the handle may be kept; the model must not be
        if lease is not None:
            lease.release()

    def end(self, event: Event) -> None:
        self.emit(event)
        self.forget()
        self.token.set()  # takes it off its parent

    def _named(self) -> Stats:
        return Stats(model=self.call.model.id, revision=self.call.model.revision or None)

    def _stats(self, work: Work, outcome: Outcome, lease: Lease) -> Stats:
        identity: Identity = lease.value.identity
        queue = (work.started or work.queued) - work.queued
        return Stats(
            model=self.call.model.id,
            revision=self.call.model.revision or None,
            fingerprint=outcome.fingerprint,
            device=identity.device,
            dtype=identity.dtype,
            parameters=identity.parameters,
            adapter_parameters=identity.adapter_parameters,
            resident_bytes=identity.bytes,
            adapter_bytes=identity.adapter_bytes,
            load_seconds=self.waited,
            queue_seconds=queue,
            latency_seconds=work.seconds,
            tokens_in=outcome.tokens_in,
            tokens_out=outcome.tokens_out,
            tokens_per_second=outcome.tokens_out / work.seconds if outcome.tokens_out and work.seconds else None,
            cache_hit=lease.hit,
            batch_size=work.batch,
            truncated=outcome.truncated,
            note=outcome.note,
        )


class _Models:
    """The cache's backend: loaders by name, on one device, with the libraries imported when the first model is wanted."""

    cache: ModelCache

    def __init__(self, settings: Settings, on_device: Callable[[Callable[[], Any]], Any]) -> None:
        self._settings = settings
        self._on_device = on_device
        self._loaders = build_loaders()
        self._lock = threading.Lock()
        self._context: LoadContext | None = None

    def estimate(self, ref: ModelRef) -> int:
        return self._loaders.get(ref.loader).estimate(ref)

    def load(self, ref: ModelRef, base: Any | None, report: Report) -> Loaded:
        cold = not stack.ready()
        stack.import_all(stack.report_share(report, 0.0, 0.7))
        part = stack.report_share(report, 0.7 if cold else 0.0, 1.0)
        started = time.monotonic()
        context = self._ready_context()
        model = self._loaders.get(ref.loader).load(
            ref, base, LoadContext(context.device, context.dtype, context.on_device, part)
        )
        return Loaded(model, model.identity.own_bytes, time.monotonic() - started)

    def unload(self, ref: ModelRef, value: Any) -> None:
        self._loaders.get(ref.loader).unload(value, self._ready_context())

    def reclaim(self) -> None:
        memory.reclaim()

    def _ready_context(self) -> LoadContext:
        with self._lock:
            if self._context is None:
                import torch

                device = memory.choose_device(self._settings.device)
                self._context = LoadContext(device, torch.float32, self._on_device)
                free, total = memory.device_memory(device)
                self.cache.device = str(device)
                if device.type == "cuda":
                    self.cache.resize(memory.budget(free, self._settings.cache_budget_mb), total)
                if self._settings.threads:
                    self._on_device(lambda: torch.set_num_threads(self._settings.threads))
            return self._context


def _guarded(emit: Emit) -> Emit:
    """A receiver that fails takes nobody else down."""

    def guarded(event: Event) -> None:
        try:
            emit(event)
        except Exception:
            log.exception("the receiver of an event failed")

    return guarded
