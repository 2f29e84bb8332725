"""Threads that models start for themselves, beside loads and requests. They end with the runtime, wherever they are."""

from __future__ import annotations

import threading
from collections.abc import Callable

Run = Callable[[threading.Event], None]


class Task:
    """One such thread. Its `run(stop)` returns soon after `stop` is set."""

    def __init__(self, name: str, run: Run, ended: Callable[[Task], None]) -> None:
        self._stop = threading.Event()
        self._run: Run | None = run
        self._ended = ended
        self._thread = threading.Thread(target=self._do, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Returns once nothing of it runs any more. Not from its own thread."""
        self._stop.set()
        if self._thread.ident is not None:  # else it was refused
            self._thread.join()

    def _do(self) -> None:
        run, self._run = self._run, None  # it holds a model: not for longer than it runs
        assert run is not None
        try:
            run(self._stop)
        finally:
            run = None
            self._ended(self)


class Background:
    """Those of one runtime."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: set[Task] = set()
        self._closed = False

    def start(self, name: str, run: Run) -> Task:
        """Once closed, nothing is started any more."""
        task = Task(name, run, self._forget)
        with self._lock:
            if not self._closed:
                self._tasks.add(task)
                task.start()
        return task

    def close(self) -> None:
        """Ends all of them. What they ask of the device must still be answered meanwhile."""
        with self._lock:
            self._closed = True
            tasks = list(self._tasks)
        for task in tasks:
            task.end()

    def _forget(self, task: Task) -> None:
        with self._lock:
            self._tasks.discard(task)
