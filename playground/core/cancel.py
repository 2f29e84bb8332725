"""A cancel token with a deadline: set once, from any thread; callbacks run once, in the thread that sets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Cancel:
    """Carried by every run. `set()` asks all work under it to stop; `child()` makes a narrower one.

    A deadline does not set the token by itself: whoever waits or steps asks `expired`.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0
        self.deadline = None if timeout is None else time.monotonic() + timeout

    @property
    def is_set(self) -> bool:
        return self._set

    @property
    def expired(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def remaining(self) -> float | None:
        """Seconds until the deadline, never negative; None where there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def set(self) -> None:
        with self._lock:
            if self._set:
                return
            self._set = True
            callbacks = list(self._callbacks.values())
            self._callbacks.clear()
        for callback in callbacks:
            callback()

    def on_set(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Runs `callback` when the token is set (at once if it is already). Returns a function that takes it back."""
        with self._lock:
            if not self._set:
                key = self._next
                self._next += 1
                self._callbacks[key] = callback
                return lambda: self._forget(key)
        callback()
        return lambda: None

    def _forget(self, key: int) -> None:
        with self._lock:
            self._callbacks.pop(key, None)

    def child(self, timeout: float | None = None) -> Cancel:
        """A token set when this one is, with the earlier of the two deadlines. Setting it leaves this one alone."""
        child = Cancel(timeout)
        if self.deadline is not None:
            child.deadline = self.deadline if child.deadline is None else min(child.deadline, self.deadline)
        forget = self.on_set(child.set)
        child.on_set(forget)
        return child
