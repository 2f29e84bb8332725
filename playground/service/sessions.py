"""What the server remembers of one open page: its runs in flight, its history. Gone when the page is closed."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from playground.core.cancel import Cancel
from playground.core.errors import UnknownName
from playground.core.run import RunRecord

HISTORY = 50  # runs kept per session


class Session:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.history: deque[RunRecord] = deque(maxlen=HISTORY)
        self.in_flight: set[Cancel] = set()


class Sessions:
    """By id. A session exists from its first run until `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._ids = itertools.count(1)

    def next_run_id(self) -> int:
        return next(self._ids)

    def _find(self, session: str) -> Session | None:
        with self._lock:
            return self._sessions.get(session)

    def begin(self, session: str, cancel: Cancel) -> None:
        with self._lock:
            state = self._sessions.setdefault(session, Session())
        with state.lock:
            state.in_flight.add(cancel)

    def end(self, session: str, cancel: Cancel, record: RunRecord | None = None) -> None:
        """A page that was closed meanwhile is not brought back."""
        state = self._find(session)
        if state is not None:
            with state.lock:
                state.in_flight.discard(cancel)
                if record is not None:
                    state.history.appendleft(record)

    @contextmanager
    def during(self, session: str, cancel: Cancel) -> Iterator[None]:
        self.begin(session, cancel)
        try:
            yield
        finally:
            self.end(session, cancel)

    def history(self, session: str) -> list[RunRecord]:
        """Newest first."""
        state = self._find(session)
        if state is None:
            return []
        with state.lock:
            return list(state.history)

    def record(self, session: str, run_id: int) -> RunRecord:
        for record in self.history(session):
            if record.id == run_id:
                return record
        raise UnknownName("run in this session's history", str(run_id))

    def stop(self, session: str) -> None:
        state = self._find(session)
        if state is None:
            return
        with state.lock:
            running = list(state.in_flight)
        for cancel in running:
            cancel.set()

    def close(self, session: str) -> None:
        self.stop(session)
        with self._lock:
            self._sessions.pop(session, None)

    def close_all(self) -> None:
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            self.close(session)
