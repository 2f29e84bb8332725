"""One call in flight: its way from lease to device to last word."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.errors import InternalError, PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Event, Failed, Finished, Loading
from playground.core.types import Stats
from playground.engine import cache
from playground.engine.cache import Lease
from playground.engine.loaders import Identity
from playground.engine.ops import CallOp
from playground.engine.scheduler import Outcome, Scheduler, Work

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Run:
    """Thread-safe. Whatever happens, it has one last word, and gives its lease back once the device has let go of it."""

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
            self.failed(error if isinstance(error, PlaygroundError) else InternalError())
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
            late=self.failed,
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

    def failed(self, error: PlaygroundError) -> None:
        self.end(Failed(error=error, stats=self._named()))

    def answered(self, work: Work, outcome: Outcome | None, error: PlaygroundError | None) -> None:
        """The device's answer, on its thread. A second one gives back what the first one may have left."""
        lease = self.lease
        self._give_back()
        if outcome is not None and lease is not None:
            self.end(Finished(output=outcome.output, stats=self._stats(work, outcome, lease)))
        elif error is not None:
            self.failed(error)
        else:
            self.end(Cancelled())

    def _give_back(self) -> None:
        with self._lock:
            lease = self.lease
            if self.work is not None:
                self.work.model = self.work.state = None  # the handle may be kept; the model must not be
        if lease is not None:
            lease.release()  # as often as it may be called
        with self._lock:
            self.lease = None

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
            latency_seconds=work.seconds if outcome.seconds is None else outcome.seconds,
            tokens_in=outcome.tokens_in,
            tokens_out=outcome.tokens_out,
            time_to_first_token_seconds=outcome.first_token_seconds,
            tokens_per_second=outcome.tokens_per_second,
            cache_hit=lease.hit,
            batch_size=work.batch,
            truncated=outcome.truncated,
            note=outcome.note,
            path=outcome.path,
        )


def guarded(emit: Emit) -> Emit:
    """A receiver that fails takes nobody else down, and what strikes a thread while it is there ends nothing."""

    def safe(event: Event) -> None:
        try:
            emit(event)
        except BaseException:
            log.exception("the receiver of an event failed")

    return safe
