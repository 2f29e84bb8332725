"""A thread that outlives whatever happens in it, an exception thrown into it from outside included."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class LastingThread:
    """Calls `turn` again and again until it returns False. What a turn raises, of whatever kind, is given to `recover`
    (`again`: the turn before it failed as well), and the next turn comes. Should the thread be dead all the same, it
    starts another as it ends, or `ensure` does.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], bool],
        recover: Callable[[BaseException | None, bool], None],
        on_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._turn, self._recover, self._on_start = name, turn, recover, on_start
        self._lock = threading.Lock()
        self._ended = False
        self._thread = self._new(afresh=True)

    @property
    def ident(self) -> int | None:
        return self._thread.ident

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def ensure(self) -> None:
        """Starts a new thread where the last one died. Costs nothing where it is alive."""
        if not self._thread.is_alive() and not self._ended:
            with self._lock:
                if not self._thread.is_alive() and not self._ended:
                    self._thread = self._new(afresh=False)

    def join(self, timeout: float | None = None) -> None:
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _new(self, *, afresh: bool) -> threading.Thread:
        thread = threading.Thread(target=self._run, args=(afresh,), name=self._name, daemon=True)
        with contextlib.suppress(RuntimeError):  # the interpreter is going down
            thread.start()
        return thread

    def _run(self, afresh: bool) -> None:
        try:
            self._begin()
            if not afresh:
                self._recover(None, False)
            failed = -1.0
            while True:
                try:
                    if not self._turn():
                        self._ended = True
                        return
                except BaseException as error:
                    now = time.monotonic()
                    again, failed = now - failed < 0.1, now
                    self._recover(error, again)
                    log.error("the thread %s was struck and goes on", self._name, exc_info=error)
        except BaseException as error:  # another one, while it recovered
            with contextlib.suppress(BaseException):
                log.error("the thread %s died, and another takes its place", self._name, exc_info=error)
        finally:
            if not self._ended:
                threading.Thread(target=self._succeed, name=f"{self._name}-successor", daemon=True).start()

    def _begin(self) -> None:
        try:
            self._on_start()
        except Exception:
            log.exception("the thread %s could not be set up as it should", self._name)

    def _succeed(self) -> None:
        self._thread.join(5)
        self.ensure()
