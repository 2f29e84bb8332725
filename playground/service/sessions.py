"""What the server remembers of one open page: its runs in flight, its history. Gone when the page is closed."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playground.core.cancel import Cancel
from playground.core.errors import UnknownName
from playground.core.run import RunRecord

HISTORY = 50  # runs kept per session
MOST = 2000  # sessions kept: a page whose end was never heard is forgotten when this many newer ones came


class Session:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.history: deque[RunRecord] = deque(maxlen=HISTORY)
        self.in_flight: set[Cancel] = set()


class Sessions:
    """By id. A session exists from its first run or key until `close`, or until it is the one that was silent for longest of
    more than `most`; one with work in flight stays. `forgotten` hears of each that was dropped so.
    """

    def __init__(self, most: int = MOST, forgotten: Callable[[str], None] = lambda session: None) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._forgotten = forgotten
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._ids = itertools.count(1)

    def next_run_id(self) -> int:
        return next(self._ids)

    def __len__(self) -> int:
        return len(self._sessions)

    def _find(self, session: str) -> Session | None:
        with self._lock:
            return self._sessions.get(session)

    def touch(self, session: str) -> None:
        """It is there, and was heard of just now."""
        self._open(session, None)

    def begin(self, session: str, cancel: Cancel) -> None:
        self._open(session, cancel)

    def _open(self, session: str, cancel: Cancel | None) -> None:
        with self._lock:
            state = self._sessions.setdefault(session, Session())
            self._sessions.move_to_end(session)
            if cancel is not None:  # under both locks: between them it could be dropped as idle
                with state.lock:
                    state.in_flight.add(cancel)
            dropped = self._drop(session)
        for name in dropped:
            self._forgotten(name)

    def _drop(self, keep: str) -> list[str]:
        """The oldest idle ones beyond `most`. Those at work are passed over, and stand among the newest from then on."""
        dropped: list[str] = []
        for _ in range(len(self._sessions)):
            if len(self._sessions) <= self._most:
                break
            name, state = next(iter(self._sessions.items()))
            if state.in_flight or name == keep:
                self._sessions.move_to_end(name)
            else:
                del self._sessions[name]
                dropped.append(name)
        return dropped

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
