"""The one cache of models that every tab and every user shares. It knows no torch: what loads and unloads is handed in.

What to evict is `policy.py`'s to decide; the lock, the queue and the loads are in `cachework.py`. A hit is granted at
once. A miss takes a place in a FIFO queue; only its head evicts and reserves memory, then loads run in parallel.
Loading, unloading and callbacks happen outside the lock, so nobody waits for another's load.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playground.core.cancel import Cancel
from playground.core.errors import Busy
from playground.core.types import ModelRef, Resident
from playground.engine.cachework import CacheWork
from playground.engine.leases import (
    Backend,
    Cancelled,
    Done,
    Lease,
    Loaded,
    Report,
    Ticket,
    key_of,
    presentable,
    run_all,
)
from playground.engine.policy import Need, State

__all__ = ["Backend", "Cancelled", "Lease", "Loaded", "ModelCache", "key_of"]


class ModelCache(CacheWork):
    """See `CacheWork` for what it is built from."""

    # -- asking

    def acquire(
        self,
        refs: Sequence[ModelRef],
        done: Done,
        cancel: Cancel | None = None,
        report: Report = lambda what, fraction: None,
    ) -> None:
        """Calls `done(leases, None)` or `done((), error)` exactly once: at once, in this thread, on a hit; else from
        a loader's thread. All of `refs` or none. Cancelling gives the error `Cancelled`.
        """
        cancel = cancel or Cancel()
        if cancel.is_set:
            done((), Cancelled())
            return
        keys = [key_of(ref) for ref in refs]
        with self._changed:
            if not self._closed and all(self._policy.state(key) is State.READY for key in keys):
                leases = tuple(self._lease(ref, key, hit=True) for ref, key in zip(refs, keys, strict=True))
            else:
                leases = ()
        if leases:
            done(leases, None)
            return
        try:
            needs = self._needs(refs)
        except Exception as error:
            done((), presentable(error))
            return
        ticket = Ticket(tuple(refs), needs, done, report, cancel, time.monotonic())
        with self._changed:
            if self._closed:
                todo = [lambda: done((), Busy("The server is shutting down: run again once it is back."))]
            elif self._policy.claimable(ticket.claims):
                self._admit(ticket)
                todo = self._complete()
            else:
                self._queue.append(ticket)
                todo = self._pump()
            self._watch()
        run_all(todo)
        ticket.forget = cancel.on_set(lambda: self._give_up(ticket, Cancelled()))
        if ticket.finished:
            ticket.forget()

    @contextmanager
    def lease_many(
        self, refs: Sequence[ModelRef], cancel: Cancel | None = None, timeout: float | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Blocks until all are in memory, and yields them. Raises ModelError, Busy, DeadlineExceeded, Cancelled.

        Not to be nested in one thread, since holding one model while waiting for another can wait for ever.
        """
        if getattr(self._held, "lease", False):
            raise RuntimeError("this thread already holds a lease: ask for all models at once with lease_many")
        token = (cancel or Cancel()).child(timeout)
        ready = threading.Event()
        got: list[Any] = []

        def done(leases: tuple[Lease, ...], error: Exception | None) -> None:
            got.extend([leases, error])
            ready.set()

        self.acquire(refs, done, token)
        ready.wait()
        token.set()  # detaches it from its parent
        leases, error = got
        if error is not None:
            raise error
        self._held.lease = True
        try:
            yield tuple(lease.value for lease in leases)
        finally:
            self._held.lease = False
            for lease in leases:
                lease.release()

    @contextmanager
    def lease(self, ref: ModelRef, cancel: Cancel | None = None, timeout: float | None = None) -> Iterator[Any]:
        """`lease_many` of one."""
        with self.lease_many([ref], cancel, timeout) as (value,):
            yield value

    def _needs(self, refs: Sequence[ModelRef]) -> tuple[Need, ...]:
        """Everything these stand on, bases first, each once."""
        needs: dict[Hashable, Need] = {}

        def visit(ref: ModelRef) -> None:
            if ref.base is not None:
                visit(ref.base)
            key = key_of(ref)
            if key not in needs:
                parent = None if ref.base is None else key_of(ref.base)
                needs[key] = Need(key, parent, self._backend.estimate(ref))

        for ref in refs:
            visit(ref)
        return tuple(needs.values())

    # -- the owner's side

    def snapshot(self) -> list[Resident]:
        """What is in memory or on its way, backbones before their adapters."""
        with self._changed:
            return [
                Resident(
                    model=slot.ref.id,
                    state=str(entry.state),
                    bytes=entry.bytes,
                    leases=entry.leases,
                    hits=self._hits[key],
                    loads=self._loads[key],
                    load_seconds=entry.load_seconds,
                    base=slot.ref.base.id if slot.ref.base else None,
                    device=self.device,
                    pinned=entry.pinned,
                )
                for key, entry in self._policy.entries.items()
                for slot in [self._slots[key]]
            ]

    @property
    def total_bytes(self) -> int:
        with self._changed:
            return self._policy.total

    @property
    def waiting(self) -> int:
        """How many requests wait for memory or for a load."""
        with self._changed:
            return len(self._queue) + len(self._tickets)

    def resize(self, budget: int, physical: int) -> None:
        """New limits, e.g. once the device is known."""
        with self._changed:
            self._policy.budget, self._policy.physical = budget, physical
            victims = self._policy.trim()
            todo = self._pump() + ([self._unloading(victims)] if victims else [])
        run_all(todo)

    def pin(self, ref: ModelRef, pinned: bool = True) -> bool:
        """Keeps a resident model from eviction, or no longer. False where it is not in memory."""
        with self._changed:
            entry = self._policy.entries.get(key_of(ref))
            if entry is not None:
                entry.pinned = pinned
            todo = self._pump()
        run_all(todo)
        return entry is not None

    def close(self) -> None:
        """Fails whoever waits, waits for loads under way, and drops everything."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            waiting = list(self._queue) + list(self._tickets)
            self._changed.notify_all()
        for ticket in waiting:
            self._give_up(ticket, Busy("The server is shutting down: run again once it is back."))
        self._executor.shutdown(wait=True)
        if self._janitor is not None:
            self._janitor.join()
        with self._changed:
            self._slots.clear()
            self._policy.entries.clear()
