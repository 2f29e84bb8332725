"""What the page's server side remembers of one open page: per task the cards as they stand, the table's rows, the run in flight."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.service.table import TableRow
from playground.views.state import CardState

MOST_SESSIONS = 2000  # a page whose end was never heard is forgotten when this many newer ones came


class RunToken:
    """One run of one page and task. A newer one supersedes it: then it must say nothing more."""

    def __init__(self) -> None:
        self.superseded = False
        self.cancel: Callable[[], None] = lambda: None

    def supersede(self) -> None:
        self.superseded = True
        self.cancel()


@dataclass
class TaskState:
    """`rows`: of the last table."""

    cards: tuple[CardState, ...] = ()
    rows: tuple[TableRow, ...] = ()
    token: RunToken | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> RunToken:
        """A run of the same page and task that is still going ends here."""
        with self.lock:
            before, self.token = self.token, RunToken()
            token = self.token
        if before is not None:
            before.supersede()
        return token


class PageStates:
    """By session, then task. In memory alone, and gone when the page is closed."""

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._pages: OrderedDict[str, dict[str, TaskState]] = OrderedDict()

    def of(self, session: str, task: str) -> TaskState:
        with self._lock:
            page = self._pages.setdefault(session, {})
            self._pages.move_to_end(session)
            while len(self._pages) > self._most:
                self._pages.popitem(last=False)
            return page.setdefault(task, TaskState())

    def close(self, session: str) -> None:
        with self._lock:
            page = self._pages.pop(session, {})
        for state in page.values():
            if state.token is not None:
                state.token.supersede()
