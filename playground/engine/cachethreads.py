"""The cache's own threads: workers that load and unload, and a janitor that looks at the clock. They know no model.

Whatever dies in them (SystemExit, an exception sent from outside) ends one job and no more: the next finds a thread.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

Action = Callable[[], None]
Lost = Callable[[BaseException], None]


class Workers:
    """Does jobs in order, at most `most` at once. A thread lives while there is something to do."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._lock = threading.Lock()
        self._jobs: deque[tuple[Action, Lost]] = deque()
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def submit(self, work: Action, lost: Lost) -> None:
        """`lost(error)` is called, once, where `work` raises anything or cannot begin. Once closed, it is dropped."""
        with self._lock:
            if self._closed:
                return
            self._jobs.append((work, lost))
            error = self._start()
            stuck = list(self._jobs) if error is not None and not self._threads else []
            if stuck:
                self._jobs.clear()
        for _, lose in stuck:
            assert error is not None
            _tell(lose, error)

    def close(self) -> None:
        """Drops what has not begun, and waits for the rest."""
        with self._lock:
            self._closed = True
            self._jobs.clear()
            threads = self._threads - {threading.current_thread()}
        for thread in threads:
            thread.join()

    def _start(self) -> Exception | None:
        """One thread more, under the lock, where that is allowed and of use. Returns why there can be none."""
        if len(self._threads) >= self._most or not self._jobs:
            return None
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread left
            self._threads.discard(thread)
            return error
        return None

    def _run(self) -> None:
        work: Action | None = None
        lost: Lost | None = None
        try:
            while True:
                try:
                    with self._lock:
                        if not self._jobs:
                            self._threads.discard(threading.current_thread())
                            return
                        work, lost = self._jobs.popleft()
                    work()
                except BaseException as error:
                    log.error("a job of %s died", self._name, exc_info=error)
                    if lost is not None:
                        _tell(lost, error)
                work = lost = None  # hold nothing of what is done
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
                self._start()


def _tell(lost: Lost, error: BaseException) -> None:
    try:
        lost(error)
    except Exception:
        log.exception("a lost job could not be taken back")


class Janitor:
    """Calls `look` again and again: after the seconds it returns, and whenever woken."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._name = name
        self._look = look
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def wake(self) -> None:
        """Has it look now. Starts it first, or another in its place where it has died."""
        with self._lock:
            if not self._closed and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._wake.set()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while not self._closed:
            try:
                while not self._closed:
                    self._wake.clear()
                    self._wake.wait(self._look())
            except BaseException as error:
                log.error("a look at the clock failed", exc_info=error)
                self._wake.clear()
                self._wake.wait(0.05)


def run_all(todo: Sequence[Action]) -> None:
    """Does all of them. One that fails takes no other down: an Exception is logged; what asks a thread to end is raised
    when all is done.
    """
    end: BaseException | None = None
    for action in todo:
        try:
            action()
        except Exception:
            log.exception("what was to follow from a change of the cache failed")
        except BaseException as error:
            end = error
    if end is not None:
        raise end
