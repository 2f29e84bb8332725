"""One thread does all work of one device, in steps. It knows no torch: what a step is, the operations say.

Between steps it looks at cancels and deadlines, at whose turn it is, and at what can share the next step. A classifier's
step is one bounded micro-batch; a generator's will be one token for each of its streams (its works come back after every
step, until they are done). A lone request goes at once: nobody waits for company, except for those just answered.
Nothing that happens in the thread ends it for good.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from playground.engine.lasting import LastingThread
from playground.engine.pace import SHORTEST, turn_in
from playground.engine.steps import Job, Steps, too_late
from playground.engine.work import Op, Outcome, Work

__all__ = ["Counts", "Op", "Outcome", "Scheduler", "Work"]

T = TypeVar("T")

LOOK = 0.25  # seconds between two looks at the clock while a step may be long


@dataclass(frozen=True)
class Counts:
    """`running`: works in the present step; `waiting`: works that wait for one. The rest is since the start."""

    running: int
    waiting: int
    steps: int
    rows: int
    seconds: float


class Scheduler(Steps):
    """max_batch: most rows in a step. `shortest`: seconds of a step that delays nobody (see `Pace`). `on_memory`: called
    before an out-of-memory is retried, once. `on_start`: called in every new thread of the device.
    """

    def __init__(
        self,
        max_batch: int = 32,
        *,
        shortest: float = SHORTEST,
        name: str = "device",
        on_memory: Callable[[], None] = lambda: None,
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(max_batch, shortest, on_memory)
        self._closing = threading.Event()
        self._thread = LastingThread(name, self._turn, self._recover, on_start)
        self._watch = LastingThread(f"{name}-watch", self._look, lambda error, again: time.sleep(LOOK))

    # -- from any thread

    def put(self, work: Work) -> None:
        with self._lock:
            closed = self._closed
            if not closed:
                self._here[work] = None
                self._queue.put(work)
                self._ring()
        if closed:
            work.done(work, None, None)
            return
        self._ensure()

    def discard(self, work: Work) -> bool:
        """Takes a work out before its first step. False where it is in a step right now, or between two, or done: then
        `done` follows by itself. Its `done` is not called here.
        """
        with self._lock:
            if work.begun or work in self._running or not self._queue.remove(work):
                return False
            self._here.pop(work, None)
            return True

    def on_device(self, function: Callable[[], T]) -> T:
        """Runs a function between two steps and returns its result. Raises what it raises. Not from the device's thread."""
        job = Job(function)
        with self._lock:
            if self._closed:
                raise RuntimeError("the device is closed")
            self._jobs.append(job)
            self._ring()
        self._ensure()
        result: T = job.future.result()
        return result

    def turn(self, user: str = "") -> tuple[int, float | None]:
        """How many works go before a new one of this user, and in how many seconds its turn comes; None before the first
        step of all. Never waits for the device.
        """
        with self._lock:
            ahead, seconds = turn_in(self._queue, self._pace, user)
            ahead += len(self._running)
            end = self._step_end
        if seconds is not None and end is not None:
            seconds += max(0.0, end - time.monotonic())
        return ahead, seconds

    @property
    def counts(self) -> Counts:
        with self._lock:
            return Counts(len(self._running), len(self._queue), self._steps, self._rows, self._seconds)

    def close(self) -> None:
        """Ends after the present step. Works still here end without an answer; jobs raise RuntimeError."""
        with self._lock:
            self._closed = True
            self._ring()
        self._closing.set()
        self._stirred.set()
        self._thread.ensure()
        self._thread.join()
        self._watch.join()

    def _ensure(self) -> None:
        self._thread.ensure()
        self._watch.ensure()

    # -- the watch's thread

    def _look(self) -> bool:
        """Sees to deadlines that a long step would overlook, and to a thread that died with works waiting."""
        if not self._here and not self._jobs:
            self._stirred.clear()
            if not self._here and not self._jobs and not self._closed:
                self._stirred.wait()
        if self._closed:
            return False
        self._closing.wait(LOOK)
        self._thread.ensure()
        with self._lock:
            late = [work for work in self._here if work.cancel.expired and not work.cancel.is_set]
            out = [work for work in late if not work.begun and work not in self._running and self._queue.remove(work)]
        for work in late:
            if work in out:
                self._finish(work, None, too_late(work))
            else:
                work.late(too_late(work))
        return True
