"""One thread does all work of one device, in steps. It knows no torch: what a step is, the operations say.

Between steps it looks at cancels and deadlines, at whose turn it is, and at what can share the next step. A classifier's
step is one bounded micro-batch; a generator's will be one token for each of its streams (its works come back after every
step, until they are done). A lone request goes at once: nobody waits for company.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InternalError, PlaygroundError
from playground.core.events import Event
from playground.engine.fair import FairQueue, Pace
from playground.engine.memory import is_out_of_memory, out_of_memory

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What an operation has to say about a finished work: the output, and the stats that only it knows."""

    output: Any
    tokens_in: int | None = None
    tokens_out: int | None = None
    truncated: bool | None = None
    note: str | None = None
    fingerprint: str | None = None


@dataclass(eq=False)
class Work:
    """One request on its way through the device. `model` is leased by whoever made it; `state` is the operation's own.

    seconds: wall time of the steps it was in. `batch`: the rows of its last step.
    """

    call: Call
    op: Op
    model: Any
    cancel: Cancel
    emit: Callable[[Event], object]
    done: Callable[[Work, Outcome | None, PlaygroundError | None], None]
    user: str = ""
    group: Hashable = None
    size: int = 0
    rows: int = 1
    ready: bool = False
    begun: bool = False
    alone: bool = False
    retried: bool = False
    state: Any = None
    queued: float = field(default_factory=time.monotonic)
    started: float | None = None
    seconds: float = 0.0
    batch: int = 0


class Op(Protocol):
    """An operation, on the device's thread. `prepare` runs once per work, `step` as often as it takes.

    `step` may change a work's `rows` and `size` for its next one, and emit `Partial` events through `work.emit`.
    """

    def prepare(self, work: Work) -> None:
        """Sets `work.state` (e.g. tokens), `work.size` (tokens per row) and `work.rows`."""

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        """One bounded step for works of one group; None for each that needs another step."""

    def drop(self, work: Work) -> None:
        """Frees what a work that was stopped still holds beyond `work.state`."""


class Scheduler:
    """max_batch: most rows in a step. `target`: seconds a step should stay under, so that others' turn comes soon (see
    `Pace`). `on_memory`: called before an out-of-memory is retried, once.
    """

    def __init__(
        self,
        max_batch: int = 32,
        *,
        target: float = 0.05,
        name: str = "device",
        on_memory: Callable[[], None] = lambda: None,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._max_batch = max_batch
        self._target = target
        self._on_memory = on_memory
        self._on_start = on_start
        self._queue: FairQueue[Work] = FairQueue()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._running: list[Work] = []
        self._pace = Pace(max_batch, target)
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    # -- from any thread

    def put(self, work: Work) -> None:
        with self._wake:
            if not self._closed:
                self._queue.put(work)
                self._wake.notify()
                return
        work.done(work, None, None)

    def discard(self, work: Work) -> bool:
        """Takes a work out before its next step. False where it is in a step right now, or done: then `done` follows
        by itself. Its `done` is not called here.
        """
        with self._wake:
            return work not in self._running and self._queue.remove(work)

    def on_device(self, function: Callable[[], T]) -> T:
        """Runs a function between two steps and returns its result. Raises what it raises. Not from the device's thread."""
        future: Future[T] = Future()
        with self._wake:
            if self._closed:
                raise RuntimeError("the device is closed")
            self._jobs.append((function, future))
            self._wake.notify()
        return future.result()

    @property
    def waiting(self) -> int:
        """Works not yet done, those in the present step included."""
        with self._wake:
            return len(self._queue) + len(self._running)

    def close(self) -> None:
        """Ends after the present step. Works still here end without an answer; jobs raise RuntimeError."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not threading.current_thread():
            self._thread.join()

    # -- the device's thread

    def _run(self) -> None:
        self._on_start()
        while True:
            with self._wake:
                while not (self._jobs or len(self._queue) or self._closed):
                    self._wake.wait()
                jobs, closed = list(self._jobs), self._closed
                self._jobs.clear()
            if closed:
                self._end(jobs)
                return
            for function, future in jobs:
                _settle(function, future)
            del jobs  # hold nothing of what is done while waiting for the next
            self._drop_late()
            self._prepare()
            self._step()

    def _prepare(self) -> None:
        """Gets the works ready whose turn comes next, at most a batch's worth, so that a long queue delays no step."""
        with self._wake:
            fresh = [work for work in self._queue.fair_order() if not work.ready][: self._max_batch]
        until = time.monotonic() + self._target
        for work in fresh:
            try:
                work.op.prepare(work)
                work.ready = True
            except Exception as error:
                with self._wake:
                    here = self._queue.remove(work)
                if here:
                    self._finish(work, None, _presentable(error, "to read this text"))
            if time.monotonic() > until:
                break

    def _drop_late(self) -> None:
        with self._wake:
            late = [work for work in self._queue if work.cancel.is_set or work.cancel.expired]
            for work in late:
                self._queue.remove(work)
        for work in late:
            if work.begun:
                work.op.drop(work)
            waited = time.monotonic() - work.queued
            error = DeadlineExceeded(f"There was no answer within {waited:.0f} s: run again, or try a shorter text.")
            self._finish(work, None, None if work.cancel.is_set else error)

    def _step(self) -> None:
        with self._wake:
            head = self._queue.head()
            if head is None:
                return
            batch = self._queue.take(self._pace.limit(head.group, head.size))
            self._running = list(batch)
        if not batch:
            return
        rows, size = sum(work.rows for work in batch), batch[0].size
        started = time.monotonic()
        for work in batch:
            work.started = work.started or started
        error: Exception | None = None
        outcomes: Sequence[Outcome | None] = ()
        try:
            outcomes = batch[0].op.step(batch)
        except Exception as problem:
            error = problem
        seconds = time.monotonic() - started
        if error is not None:
            self._after_error(batch, error)
            return
        self._pace.learn(batch[0].group, size, rows, seconds)
        for work, outcome in zip(batch, outcomes, strict=True):
            work.seconds += seconds
            work.batch = rows
            if outcome is not None:
                self._finish(work, outcome, None)
            else:
                work.begun = True
                self._requeue(work)
        with self._wake:
            self._running = []

    def _after_error(self, batch: list[Work], error: Exception) -> None:
        """Several: each again by itself, so that the others answer. One: memory is retried once, all else is its answer."""
        memory = is_out_of_memory(error)
        if len(batch) > 1:
            log.warning("a step of %d works failed (%s): each is tried by itself", len(batch), type(error).__name__)
        again = len(batch) > 1 or (memory and not batch[0].retried)
        shown = _presentable(error, "to answer this") if not again or any(work.begun for work in batch) else None
        error.__traceback__ = None  # it holds the step's tensors
        if memory:
            self._on_memory()
        for work in batch:
            if again and not work.begun:
                work.retried = work.retried or (memory and len(batch) == 1)
                work.alone = True
                self._requeue(work)
            else:
                if work.begun:
                    work.op.drop(work)
                self._finish(work, None, shown or InternalError())
        with self._wake:
            self._running = []

    def _requeue(self, work: Work) -> None:
        with self._wake:
            self._running.remove(work)
            self._queue.put(work)

    def _finish(self, work: Work, outcome: Outcome | None, error: PlaygroundError | None) -> None:
        with self._wake:
            if work in self._running:
                self._running.remove(work)
        try:
            work.done(work, outcome, error)
        except Exception:
            log.exception("the receiver of an answer failed")

    def _end(self, jobs: list[tuple[Callable[[], Any], Future[Any]]]) -> None:
        for _, future in jobs:
            future.set_exception(RuntimeError("the device is closed"))
        with self._wake:
            rest = list(self._queue)
            for work in rest:
                self._queue.remove(work)
        for work in rest:
            self._finish(work, None, None)


def _settle(function: Callable[[], Any], future: Future[Any]) -> None:
    try:
        future.set_result(function())
    except BaseException as error:
        future.set_exception(error)


def _presentable(error: Exception, what: str) -> PlaygroundError:
    if isinstance(error, PlaygroundError):
        return error.with_traceback(None)
    if is_out_of_memory(error):
        return out_of_memory(what)
    log.error("a step failed", exc_info=error)
    return InternalError()
