"""What the page's server side remembers of one open page: per task the cards as they stand, the table's rows, the run in flight."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from playground.core.cancel import Cancel
from playground.core.fields import Values
from playground.service import Playground
from playground.service.table import TableRow
from playground.views.state import CardState

MOST_SESSIONS = 2000  # a page whose end was never heard is forgotten when this many newer ones came


About = tuple[str, Values]  # an input: its text, and what the task's fields held


class RunToken:
    """One run of one page and task. A newer one supersedes it: then it must say nothing more.

    work: cancels what the run asked of the service, at once, so that its place is free for the newer one.
    wake: what ends the wait for the run's events.
    """

    def __init__(self) -> None:
        self.superseded = False
        self.work = Cancel()
        self.wake: Callable[[], None] = lambda: None

    def supersede(self) -> None:
        self.superseded = True
        self.work.set()
        self.wake()


@dataclass(frozen=True)
class Kept:
    """What a page showed before a run."""

    cards: tuple[CardState, ...]
    about: dict[str, About]
    rows: tuple[TableRow, ...]


@dataclass
class TaskState:
    """`about`: by tier, what its card's answer is about. `rows`: of the last table."""

    cards: tuple[CardState, ...] = ()
    about: dict[str, About] = field(default_factory=dict)
    rows: tuple[TableRow, ...] = ()
    token: RunToken | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def kept(self) -> Kept:
        return Kept(self.cards, dict(self.about), self.rows)

    def begin(self) -> RunToken:
        """A run of the same page and task that is still going ends here."""
        with self.lock:
            before, self.token = self.token, RunToken()
            token = self.token
        if before is not None:
            before.supersede()
        return token


class PageStates:
    """By page, then task. In memory alone, and gone when the page is closed."""

    def __init__(self, most: int = MOST_SESSIONS) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._pages: OrderedDict[str, dict[str, TaskState]] = OrderedDict()
        self._told: OrderedDict[str, str] = OrderedDict()

    def of(self, page: str, task: str) -> TaskState:
        forgotten: list[TaskState] = []
        with self._lock:
            states = self._pages.setdefault(page, {})
            self._pages.move_to_end(page)
            while len(self._pages) > self._most:
                forgotten += self._pages.popitem(last=False)[1].values()
            state = states.setdefault(task, TaskState())
        _end(forgotten)
        return state

    def close(self, page: str) -> None:
        with self._lock:
            states = self._pages.pop(page, {})
        _end(list(states.values()))

    def close_all(self) -> None:
        """The server ends: every run in flight says its last word, so that no open line keeps it waiting."""
        with self._lock:
            states = [state for page in self._pages.values() for state in page.values()]
            self._pages.clear()
        _end(states)

    def told(self, connection: str, page: str) -> None:
        """A page says which of Gradio's connections is its own: when that one ends, the page is closed."""
        with self._lock:
            self._told[connection] = page
            self._told.move_to_end(connection)
            while len(self._told) > self._most:
                self._told.popitem(last=False)

    def gone(self, connection: str) -> str | None:
        """The page that ended with this connection; None while it has another. A program that told nothing is its own page."""
        with self._lock:
            page = self._told.pop(connection, connection)
            return None if page in self._told.values() else page


def _end(states: list[TaskState]) -> None:
    for state in states:
        if state.token is not None:
            state.token.supersede()


_of_service: weakref.WeakKeyDictionary[Playground, PageStates] = weakref.WeakKeyDictionary()
_of_service_lock = threading.Lock()


def pages_of(service: Playground) -> PageStates:
    """One for each service: the page's events and its routes see the same."""
    with _of_service_lock:
        return _of_service.setdefault(service, PageStates())
