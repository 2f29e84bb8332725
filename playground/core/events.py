"""What a run says while it goes: numbered events, and exactly one last word."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.core.errors import PlaygroundError
from playground.core.types import Stats
from playground.core.writing_types import WrittenToken


@dataclass(frozen=True)
class Event:
    seq: int = -1  # given by the Emitter: 0, 1, 2 ...


@dataclass(frozen=True)
class Queued(Event):
    """`ahead`: how many requests stand before this one; `seconds`: how long that should take; each where it is known."""

    ahead: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Loading(Event):
    """`fraction` in 0..1, or None where nobody can tell."""

    what: str = ""
    fraction: float | None = None


@dataclass(frozen=True)
class Progress(Event):
    """`so_far`: what is known already, of a work whose output grows."""

    what: str = ""
    fraction: float | None = None
    so_far: Any = None


@dataclass(frozen=True)
class Partial(Event):
    """A piece of a text that is still being written. `tokens`: its tokens, where their details were wanted and the model tells."""

    delta: str = ""
    tokens: tuple[WrittenToken, ...] = ()


@dataclass(frozen=True)
class Finished(Event):
    output: Any = None
    stats: Stats = Stats()


@dataclass(frozen=True)
class Failed(Event):
    """`error` is kept by sessions for hours: it loses its frames here (`PlaygroundError.bare`)."""

    error: PlaygroundError = PlaygroundError("")
    stats: Stats = Stats()

    def __post_init__(self) -> None:
        self.error.bare()


@dataclass(frozen=True)
class Cancelled(Event):
    pass


LAST = (Finished, Failed, Cancelled)

Emit = Callable[[Event], None]


class Emitter:
    """Numbers events and lets exactly one last word through; whatever comes after it is dropped. Thread-safe."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._lock = threading.RLock()
        self._next = 0
        self._done = False

    @property
    def done(self) -> bool:
        return self._done

    def __call__(self, event: Event) -> bool:
        """True where the event went out."""
        with self._lock:
            if self._done:
                return False
            self._done = isinstance(event, LAST)
            event = dataclasses.replace(event, seq=self._next)
            self._next += 1
            self._emit(event)
            return True
