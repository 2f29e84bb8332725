"""What the cache hands out and keeps: leases, tickets of those who wait, and the seam to what loads and unloads."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, InternalError, PlaygroundError
from playground.core.types import ModelRef
from playground.engine.cacheentries import Key, Need

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


@dataclass(eq=False, slots=True)
class Lease:
    """The right to use a model until `release`, which may be called more than once, from any thread.

    hit: the model was in memory when it was asked for. `load_seconds`: what its last load took. `cancel`: the request's
    token; the cache sets it, once, where the lease is held longer than `max_hold` seconds, and never takes the model away.
    `since`: `time.monotonic()` of the grant.
    """

    ref: ModelRef
    key: Key
    value: Any
    bytes: int
    load_seconds: float
    hit: bool
    cancel: Cancel
    since: float
    _release: Callable[[Lease], None] = field(repr=False)
    overheld: bool = False

    def release(self) -> None:
        self._release(self)


Done = Callable[[tuple[Lease, ...], "Exception | None"], None]


@dataclass(eq=False)
class Ticket:
    """A miss on its way. `claims`: the keys of `refs`; `admitted`: its memory is reserved and its claims are counted as
    leases. `deadline`: `time.monotonic()`.
    """

    refs: tuple[ModelRef, ...]
    claims: tuple[Key, ...]
    needs: tuple[Need, ...]
    done: Done
    report: Report
    cancel: Cancel
    since: float
    deadline: float | None
    admitted: bool = False
    finished: bool = False
    forget: Callable[[], None] = lambda: None

    @property
    def names(self) -> str:
        return ", ".join(ref.id for ref in self.refs)


@dataclass(eq=False)
class Slot:
    """The effects' side of an entry. `started`: of its load; `used`: end of its last use, None before the first
    (`time.monotonic()`). `leaving`: its unload is under way.
    """

    ref: ModelRef
    value: Any = None
    started: float | None = None
    fraction: float = 0.0
    used: float | None = None
    leaving: bool = False


class Handover:
    """Where one thread waits for what `acquire` hands over in another. `close` gives back what came, or will come."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._leases: tuple[Lease, ...] = ()
        self._error: Exception | None = None
        self._closed = False

    def __call__(self, leases: tuple[Lease, ...], error: Exception | None) -> None:
        with self._lock:
            self._leases, self._error = leases, error
            closed = self._closed
        self._ready.set()
        if closed:
            self.close()

    def wait(self) -> tuple[Lease, ...]:
        """Raises what was handed over in place of leases."""
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self._leases

    def close(self) -> None:
        with self._lock:
            self._closed = True
            leases, self._leases = self._leases, ()
        for lease in leases:
            lease.release()


def hand_over(done: Done, leases: tuple[Lease, ...], error: Exception | None) -> None:
    """Calls `done`; leases that it does not take, because it raises, are given back."""
    try:
        done(leases, error)
    except BaseException:
        for lease in leases:
            lease.release()
        raise


_NOT_WEIGHTS = ("id", "labels", "thresholds", "max_length")  # names, what is made of scores, limits of length


def key_of(ref: ModelRef) -> str:
    """What makes two references the same weights in memory, as a short stable digest: 24 hex digits.

    A cache has one device and one precision, so these are no part of it. Kept on the reference itself, as
    `functools.cached_property` does, since it is asked for on every hit.
    """
    key: str | None = ref.__dict__.get("_cache_key")
    if key is None:
        parts = [(f.name, getattr(ref, f.name)) for f in fields(ref) if f.name not in (*_NOT_WEIGHTS, "base")]
        parts.append(("base", None if ref.base is None else key_of(ref.base)))
        key = hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()
        ref.__dict__["_cache_key"] = key
    return key


def with_bases(refs: Sequence[ModelRef]) -> dict[Key, ModelRef]:
    """These and everything they stand on by key, bases first, each once."""
    found: dict[Key, ModelRef] = {}

    def visit(ref: ModelRef) -> None:
        if ref.base is not None:
            visit(ref.base)
        found.setdefault(key_of(ref), ref)

    for ref in refs:
        visit(ref)
    return found


def too_late(ticket: Ticket) -> PlaygroundError:
    waited = time.monotonic() - ticket.since
    if ticket.admitted:
        return DeadlineExceeded(f"The model was still loading after {waited:.0f} s: run again, it may be ready now.")
    return Busy(f"Other models kept the memory busy for {waited:.0f} s: run again in a moment.")


def presentable(error: BaseException) -> Exception:
    """An error a user may see, without the frames that would keep a half-loaded model in memory."""
    if isinstance(error, PlaygroundError):
        return error.bare()
    if isinstance(error, Cancelled):
        return Cancelled()
    log.error("a load failed", exc_info=error)
    return InternalError()
