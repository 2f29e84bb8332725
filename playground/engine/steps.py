"""The device's thread at work: turns, steps, and what is left when one breaks. `scheduler.py` is its door.

`_here` holds every work until its `done` has been called, so that whatever was in hand when an exception struck the
thread (`lasting.py`) can be given its answer. One lock guards all state; operations and receivers are called without it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from playground.core.errors import DeadlineExceeded, InternalError, PlaygroundError
from playground.engine.fair import FairQueue
from playground.engine.memory import is_out_of_memory, out_of_memory
from playground.engine.pace import HURRY, PATIENCE, SHORTEST, Pace
from playground.engine.work import Outcome, Work

log = logging.getLogger(__name__)

COMPANY = 0.005  # seconds a step waits at most for those who were just answered, and a tenth of the last step


@dataclass
class Job:
    function: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)
    begun: bool = False


class Steps:
    """Turns of one device."""

    def __init__(self, max_batch: int, shortest: float, on_memory: Callable[[], None]) -> None:
        self._max_batch = max_batch
        self._on_memory = on_memory
        self._lock = threading.Lock()  # a plain one: no exception can fall between its being taken and the `with`
        # Held while nobody rang. No SimpleQueue: its `get` with a timeout can wait for ever where that ran out while it began.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._idle = False  # the device's thread waits for the bell
        self._here: dict[Work, None] = {}
        self._queue: FairQueue[Work] = FairQueue()
        self._jobs: deque[Job] = deque()
        self._running: list[Work] = []
        self._pace = Pace(max_batch, shortest)
        self._step_end: float | None = None  # when the present step should be over
        self._company: tuple[int, float] = (0, 0.0)  # so many works were answered together; wait for them until then
        self._steps, self._rows, self._seconds = 0, 0, 0.0
        self._closed = False
        self._stirred = threading.Event()

    def _ring(self) -> None:
        """Under the lock."""
        if self._idle:
            self._idle = False
            if self._bell.locked():
                self._bell.release()
        if not self._stirred.is_set():
            self._stirred.set()

    # -- the device's thread

    def _turn(self) -> bool:
        closed = self._await()
        for _ in range(len(self._jobs)):
            self._do(self._jobs[0], closed)
            with self._lock:
                self._jobs.popleft()
        if closed:
            self._end()
            return False
        self._drop_late()
        self._prepare()
        self._step()
        return True

    def _await(self) -> bool:
        """Until there is something to do, and the few milliseconds until those who were just answered are back."""
        answered, until = self._company
        while True:
            with self._lock:
                waiting = len(self._queue)
                pause = until - time.monotonic() if waiting < answered else 0.0
                if self._closed or self._jobs or (waiting and pause <= 0):
                    self._company = (0, 0.0)
                    return self._closed
                self._idle = True
            if not self._bell.acquire(timeout=pause if waiting else -1):
                until = 0.0

    def _do(self, job: Job, closed: bool) -> None:
        if job.begun or closed:  # begun: an exception struck between its end and its leaving the list
            if not job.future.done():
                job.future.set_exception(InternalError() if job.begun else RuntimeError("the device is closed"))
            return
        job.begun = True
        try:
            job.future.set_result(job.function())
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            log.error("a function on the device was killed", exc_info=error)
            job.future.set_exception(InternalError())
        except BaseException as error:
            job.future.set_exception(error)

    def _prepare(self) -> None:
        """Gets the works ready whose turn comes next, at most a batch's worth, so that a long queue delays no step."""
        with self._lock:
            fresh = [work for work in self._queue.fair_order() if not work.ready][: self._max_batch]
        until = time.monotonic() + SHORTEST
        for work in fresh:
            try:
                work.op.prepare(work)
                work.ready = True
            except BaseException as error:
                with self._lock:
                    here = self._queue.remove(work)
                if here:
                    self._finish(work, None, _presentable(error, "to read this text"))
            if time.monotonic() > until:
                break

    def _drop_late(self) -> None:
        with self._lock:
            late = [work for work in self._queue if work.cancel.is_set or work.cancel.expired]
            for work in late:
                self._queue.remove(work)
        for work in late:
            self._drop(work)
            self._finish(work, None, None if work.cancel.is_set else too_late(work))

    def _step(self) -> None:
        with self._lock:
            head = self._queue.head()
            if head is None:
                return
            # Among many users a newcomer waits for the others' turns in any case: larger steps then cost him nothing.
            most = self._pace.limit(head.group, head.size, max(PATIENCE, self._queue.users / 4))
            batch = self._queue.take(most, self._pace.limit(head.group, head.size, HURRY))
            self._running = list(batch)
        if not batch:
            return
        rows, size = sum(work.rows for work in batch), batch[0].size
        started = time.monotonic()
        expected = self._pace.of_step(batch)
        self._step_end = None if expected is None else started + expected
        for work in batch:
            work.started = work.started or started
        error: BaseException | None = None
        outcomes: Sequence[Outcome | None] = ()
        try:
            outcomes = list(batch[0].op.step(batch))
            if len(outcomes) != len(batch):
                raise ValueError(f"a step of {len(batch)} works had {len(outcomes)} outcomes")
        except BaseException as problem:
            error = problem
        ended = time.monotonic()
        self._step_end = None
        if error is not None:
            self._after_error(batch, error)
            return
        seconds = ended - started
        with self._lock:
            self._pace.learn(batch[0].group, size, rows, seconds)
            self._steps, self._rows, self._seconds = self._steps + 1, self._rows + rows, self._seconds + seconds
        answered = 0
        for work, outcome in zip(batch, outcomes, strict=True):
            work.seconds += seconds
            work.batch = rows
            if outcome is not None:
                answered += 1
                self._finish(work, outcome, None)
            else:
                work.begun = True
                self._requeue(work)
        if answered > 1:
            self._company = (answered, time.monotonic() + min(COMPANY, seconds / 10))

    def _after_error(self, batch: list[Work], error: BaseException) -> None:
        """Several: each again by itself, so that the others answer. One: memory is retried once, all else is its answer.
        What is no ordinary error was meant to end the thread: its step is not tried again.
        """
        memory = is_out_of_memory(error)
        again = isinstance(error, Exception) and (len(batch) > 1 or (memory and not batch[0].retried))
        if again and len(batch) > 1:
            log.warning("a step of %d works failed (%s): each is tried by itself", len(batch), type(error).__name__)
        shown = _presentable(error, "to answer this") if not again or any(work.begun for work in batch) else None
        error.__traceback__ = None  # it holds the step's tensors
        if memory:
            try:
                self._on_memory()
            except Exception:
                log.exception("making room failed")
        for work in batch:
            if again and not work.begun:
                work.retried = work.retried or (memory and len(batch) == 1)
                work.alone = True
                self._requeue(work)
            else:
                self._drop(work)
                self._finish(work, None, shown or InternalError())

    def _requeue(self, work: Work) -> None:
        with self._lock:
            self._running.remove(work)
            self._queue.put(work)

    def _drop(self, work: Work) -> None:
        if work.begun:
            try:
                work.op.drop(work)
            except BaseException:
                log.exception("an operation could not free what a work held")

    def _finish(self, work: Work, outcome: Outcome | None, error: PlaygroundError | None) -> None:
        """It leaves the device. Its receiver hears of it twice rather than never: `done` is made for that."""
        try:
            work.done(work, outcome, error)
        except BaseException as problem:
            log.exception("the receiver of an answer failed")
            if not isinstance(problem, Exception):
                with contextlib.suppress(BaseException):
                    work.done(work, None, InternalError())
        with self._lock:
            self._here.pop(work, None)
            if work in self._running:
                self._running.remove(work)

    def _recover(self, error: BaseException | None, again: bool) -> None:
        """After an exception between steps, or in a new thread after one that died: whatever was in hand ends with an
        error, and what waits goes on waiting; `again`: that ends as well, since it may be what breaks the turns.
        """
        with self._lock:
            waiting = {} if again else {work: None for work in self._queue if work in self._here}
            lost = [work for work in self._here if work not in waiting or work in self._running]
            self._queue = FairQueue()
            for work in waiting:
                if work not in lost:
                    self._queue.put(work)
            self._running, self._step_end, self._company = [], None, (0, 0.0)
        for work in lost:
            self._drop(work)
            self._finish(work, None, InternalError())

    def _end(self) -> None:
        with self._lock:
            rest = list(self._here)
            self._queue = FairQueue()
        for work in rest:
            self._finish(work, None, None)


def too_late(work: Work) -> DeadlineExceeded:
    waited = time.monotonic() - work.queued
    return DeadlineExceeded(f"There was no answer within {waited:.0f} s: run again, or try a shorter text.")


def _presentable(error: BaseException, what: str) -> PlaygroundError:
    if isinstance(error, PlaygroundError):
        return error.bare()
    if is_out_of_memory(error):
        return out_of_memory(what)
    log.error("a step failed", exc_info=error)
    return InternalError()
