"""Tables under way, for the Status tab. Never what is in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playground.core.run import TableProgress


class Job:
    """One table. `advance` at every line that is complete."""

    def __init__(self, task: str, lines: int) -> None:
        self._task, self._lines, self._done = task, lines, 0

    def advance(self) -> None:
        self._done += 1

    @property
    def progress(self) -> TableProgress:
        return TableProgress(self._task, self._done, self._lines)


class Jobs:
    """In the order in which they began. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}

    @contextmanager
    def table(self, task: str, lines: int) -> Iterator[Job]:
        job = Job(task, lines)
        with self._lock:
            self._jobs[id(job)] = job
        try:
            yield job
        finally:
            with self._lock:
                del self._jobs[id(job)]

    def tables(self) -> tuple[TableProgress, ...]:
        with self._lock:
            return tuple(job.progress for job in self._jobs.values())
