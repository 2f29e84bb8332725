"""The one cache of models that every tab and every user shares. It knows no torch: what loads and unloads is handed in.

What to evict is `policy.py`'s to decide; the lock and the queue are in `cachework.py`, loads in `cacheloads.py`. A hit is
granted at once. A miss takes a place in a FIFO queue; only its head evicts and reserves memory, then loads run in
parallel. Loading, unloading and callbacks happen outside the lock, so nobody waits for another's load.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playground.core.cancel import Cancel
from playground.core.errors import Busy
from playground.core.status import Why
from playground.core.types import ModelRef, Resident
from playground.engine.cacheentries import Key, Need, State
from playground.engine.cacheloads import SHUTTING_DOWN, CacheLoads
from playground.engine.cacherecords import CacheReport
from playground.engine.cachethreads import Action, run_all
from playground.engine.leases import (
    Backend,
    Cancelled,
    Done,
    Handover,
    Lease,
    Loaded,
    Report,
    Ticket,
    hand_over,
    key_of,
    presentable,
    with_bases,
)

__all__ = ["Backend", "CacheReport", "Cancelled", "Lease", "Loaded", "ModelCache", "key_of"]

log = logging.getLogger(__name__)


class ModelCache(CacheLoads):
    """See `CacheWork` for what it is built from."""

    # -- asking

    def acquire(
        self,
        refs: Sequence[ModelRef],
        done: Done,
        cancel: Cancel | None = None,
        report: Report = lambda what, fraction: None,
        *,
        timeout: float | None = None,
    ) -> None:
        """Calls `done(leases, None)` or `done((), error)` exactly once: at once, in this thread, on a hit; else from
        a loader's thread. All of `refs` or none. Cancelling gives the error `Cancelled`; the wait ends at the token's
        deadline or after `timeout` seconds. Leases that `done` does not take, because it raises, are given back.
        """
        cancel = cancel or Cancel()
        if cancel.is_set:
            hand_over(done, (), Cancelled())
            return
        keys = [key_of(ref) for ref in refs]
        if leases := self._hit(refs, keys, cancel):
            hand_over(done, leases, None)
            return
        try:
            needs = self._needs(refs)
        except Exception as error:
            hand_over(done, (), presentable(error))
            return
        now = time.monotonic()
        ends = [end for end in (cancel.deadline, None if timeout is None else now + timeout) if end is not None]
        ticket = Ticket(tuple(refs), tuple(keys), needs, done, report, cancel, now, min(ends, default=None))
        run_all(self._enter(ticket))
        ticket.forget = cancel.on_set(lambda: self._give_up(ticket, Cancelled()))
        if ticket.finished:
            ticket.forget()

    def _hit(self, refs: Sequence[ModelRef], keys: Sequence[Key], cancel: Cancel) -> tuple[Lease, ...]:
        """Leases where all are ready; else none."""
        with self._lock:
            if self._closed:
                return ()
            for key in keys:
                entry = self._policy.entries.get(key)
                if entry is None or entry.state is not State.READY:
                    return ()
            now = time.monotonic()
            for key in keys:
                self._policy.claim(key)
                self._hits[key] += 1
            return tuple([self._grant(ref, key, cancel, now, True) for ref, key in zip(refs, keys, strict=True)])

    def _enter(self, ticket: Ticket) -> list[Action]:
        with self._lock:
            self._records.misses += len(ticket.refs)
            if self._closed:
                return self._finish(ticket, (), Busy(SHUTTING_DOWN))
            if self._policy.claimable(ticket.claims):
                self._admit(ticket)
                todo = self._complete()
            else:
                self._queue.append(ticket)
                todo = self._pump()
        return [*todo, self._janitor.wake]

    @contextmanager
    def lease_many(
        self, refs: Sequence[ModelRef], cancel: Cancel | None = None, timeout: float | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Blocks until all are in memory, and yields them. Raises ModelError, Busy, DeadlineExceeded, Cancelled.

        Not to be nested in one thread, since holding one model while waiting for another can wait for ever.
        """
        if getattr(self._held, "lease", False):
            raise RuntimeError("this thread already holds a lease: ask for all models at once with lease_many")
        handover = Handover()
        try:
            self.acquire(refs, handover, cancel, timeout=timeout)
            leases = handover.wait()
            self._held.lease = True
            yield tuple(lease.value for lease in leases)
        finally:
            self._held.lease = False
            handover.close()

    @contextmanager
    def lease(self, ref: ModelRef, cancel: Cancel | None = None, timeout: float | None = None) -> Iterator[Any]:
        """`lease_many` of one."""
        with self.lease_many([ref], cancel, timeout) as (value,):
            yield value

    def _needs(self, refs: Sequence[ModelRef]) -> tuple[Need, ...]:
        """Everything these stand on, bases first, each once. A measurement is better than the estimate it followed."""
        needs: list[Need] = []
        for key, ref in with_bases(refs).items():
            estimate = self._estimates[key] = self._backend.estimate(ref)
            before, measured = self._learnt.get(key, (estimate, estimate))
            parent = None if ref.base is None else key_of(ref.base)
            needs.append(Need(key, parent, measured if before == estimate else estimate))
        return tuple(needs)

    # -- the owner's side

    def snapshot(self) -> list[Resident]:
        """What is in memory or on its way, backbones before their adapters."""
        with self._lock:
            return self._residents()

    def report(self) -> CacheReport:
        """Everything at one moment, under the lock and quickly: `LocalRuntime.report()` adds device and queue to it.
        Its `used` is the sum of its residents' bytes.
        """
        with self._lock:
            return CacheReport(
                residents=tuple(self._residents()),
                departures=tuple(self._records.departures),
                loads=tuple(self._records.loads),
                totals=self._records.totals(sum(self._hits.values())),
                used=self._policy.total,
                budget=self._policy.budget,
                waiting=len(self._queue) + len(self._tickets),
            )

    def _residents(self) -> list[Resident]:
        now = time.monotonic()
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
                key=str(key),
                fraction=slot.fraction if entry.state is State.LOADING else None,
                credit=entry.credit,
                idle_seconds=self._idle_seconds(key, now),
            )
            for key, entry in self._policy.entries.items()
            for slot in [self._slots[key]]
        ]

    @property
    def total_bytes(self) -> int:
        with self._lock:
            return self._policy.total

    @property
    def waiting(self) -> int:
        """How many requests wait for memory or for a load."""
        with self._lock:
            return len(self._queue) + len(self._tickets)

    def resize(self, budget: int, physical: int) -> None:
        """New limits, e.g. once the device is known. Below what is in memory, idle models leave at once and others when
        they are given back.
        """
        with self._lock:
            self._policy.budget, self._policy.physical = budget, physical
            todo = self._trim("The memory set aside for models was made smaller") + self._pump()
        run_all(todo)

    def rebook(self, ref: ModelRef, bytes: int) -> bool | None:
        """A loaded model wants to take so many bytes from now on. Less is granted always; more only while nobody waits for
        memory and as much again stays free, so that nothing is evicted for it: else False, and nothing changes. None while
        its load is not over.
        """
        key = key_of(ref)
        with self._lock:
            entry = self._policy.entries.get(key)
            if entry is None or entry.state is State.UNLOADING:
                return False
            if entry.state is State.LOADING:
                return None
            more = bytes - entry.bytes
            if more > 0 and (self._queue or self._policy.total + 2 * more > self._policy.budget):
                return False
            self._policy.measured(key, bytes)
            todo = self._pump()
        run_all(todo)
        return True

    def pin(self, key: Key, pinned: bool = True) -> bool:
        """Keeps a resident model (`Resident.key`) and its base from eviction, or no longer. False where it is not in
        memory, or is leaving. Raises TooLarge where all that is pinned would not fit into the budget together.
        """
        with self._lock:
            found = self._policy.pin(key, pinned)
            todo = self._pump()
        run_all(todo)
        return found

    def pin_all(self, refs: Sequence[ModelRef]) -> None:
        """Loads these in the background, errors only logged; from the moment of its reservation each stays in memory.

        Raises TooLarge at once, and loads nothing, where these and all that is pinned already (with their bases, each
        once) do not fit into the budget together; ModelError where a size cannot be told. A model whose load fails stays
        meant to be pinned: it is from the next time it is loaded.
        """
        needs = self._needs(refs)
        with self._lock:
            self._policy.pin_all(needs, [key_of(ref) for ref in refs])
        for ref in refs:
            self.acquire((ref,), _warmed)

    def warm(self, refs: Sequence[ModelRef]) -> None:
        """Loads these in the background; errors are only logged."""
        for ref in refs:
            self.acquire((ref,), _warmed)

    def unload(self, key: Key | None = None) -> int:
        """For the owner: unloads a model that is idle (`Resident.key`) with what stands on it, or (None) everything idle.
        Returns how many go: 0 where it is in use, pinned, or not here.
        """
        return self._evict(None if key is None else [key], Why.OWNER, "Unloaded by the owner", wait=False)

    def close(self) -> None:
        """Fails whoever waits, waits for loads under way (their next report ends them), and drops everything."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            waiting = list(self._queue) + list(self._tickets)
            self._left.notify_all()
        for ticket in waiting:
            self._give_up(ticket, Busy(SHUTTING_DOWN))
        for threads in (self._loaders, self._unloaders, self._janitor):
            threads.close()
        with self._lock:
            self._slots.clear()
            self._leaving.clear()
            self._out.clear()
            self._policy.forget_all()


def _warmed(leases: tuple[Lease, ...], error: Exception | None) -> None:
    if error is not None:
        log.warning("warming up: %s", error)
    for lease in leases:
        lease.release()
