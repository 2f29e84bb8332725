"""What the cache hands out and keeps: leases, tickets of those who wait, and the seam to what loads and unloads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, InternalError, PlaygroundError
from playground.core.types import ModelRef
from playground.engine.policy import Need

log = logging.getLogger(__name__)

Report = Callable[[str, "float | None"], None]


@dataclass(frozen=True)
class Loaded:
    """What a load returns: the model, the bytes it was measured to take (without its base), and the seconds it would
    take again (what was done once for all models is not counted); None: as long as it took.
    """

    value: Any
    bytes: int
    seconds: float | None = None


class Backend(Protocol):
    """What the cache needs done. Each is called from a loader thread, never under the cache's lock, except `estimate`."""

    def estimate(self, ref: ModelRef) -> int:
        """Bytes it will take without its base, quickly and in the caller's thread. Raises ModelError."""

    def load(self, ref: ModelRef, base: Any | None, report: Report) -> Loaded:
        """Raises ModelError. `report(what, fraction)` raises Abandoned when nobody waits any more: let it pass."""

    def unload(self, ref: ModelRef, value: Any) -> None:
        """Takes it out of what it shares with others; its last reference goes after this."""

    def reclaim(self) -> None:
        """Gives freed memory back to the system."""


class Abandoned(BaseException):
    """Nobody waits for this load any more."""


class Cancelled(Exception):
    """The one who waited set his token. No error that a user sees."""


@dataclass
class Lease:
    """The right to use a model until `release`, which may be called more than once.

    hit: the model was in memory when it was asked for. `load_seconds`: what its last load took.
    """

    ref: ModelRef
    value: Any
    bytes: int
    load_seconds: float
    hit: bool
    _release: Callable[[], None] = field(repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _released: bool = False

    def release(self) -> None:
        with self._lock:
            if self._released:
                return
            self._released = True
        self._release()


Done = Callable[[tuple[Lease, ...], "Exception | None"], None]


@dataclass(eq=False)
class Ticket:
    """A miss on its way. `admitted`: its memory is reserved and its claims are counted as leases."""

    refs: tuple[ModelRef, ...]
    needs: tuple[Need, ...]
    done: Done
    report: Report
    cancel: Cancel
    since: float
    admitted: bool = False
    finished: bool = False
    forget: Callable[[], None] = lambda: None

    @property
    def claims(self) -> tuple[Hashable, ...]:
        return tuple(key_of(ref) for ref in self.refs)


@dataclass
class Slot:
    """The effects' side of an entry."""

    ref: ModelRef
    value: Any = None
    started: float = 0.0
    fraction: float = 0.0


def key_of(ref: ModelRef) -> Hashable:
    """What makes two references the same weights in memory; names of labels and limits of length do not."""
    base = None if ref.base is None else key_of(ref.base)
    return (ref.loader, ref.folder, ref.revision, ref.digests, base)


def find_ref(refs: Sequence[ModelRef], key: Hashable) -> ModelRef:
    for ref in refs:
        node: ModelRef | None = ref
        while node is not None:
            if key_of(node) == key:
                return node
            node = node.base
    raise KeyError(key)


def too_late(ticket: Ticket) -> PlaygroundError:
    waited = time.monotonic() - ticket.since
    if ticket.admitted:
        return DeadlineExceeded(f"The model was still loading after {waited:.0f} s: run again, it may be ready now.")
    return Busy(f"Other models kept the memory busy for {waited:.0f} s: run again in a moment.")


def presentable(error: Exception) -> Exception:
    """An error a user may see, without the frames that would keep a half-loaded model in memory."""
    if isinstance(error, PlaygroundError | Cancelled):
        return error.with_traceback(None)
    log.error("a load failed", exc_info=error)
    return InternalError()


def run_all(todo: Sequence[Callable[[], None]]) -> None:
    for action in todo:
        action()
