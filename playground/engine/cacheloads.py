"""The cache's effects: loads and unloads on threads of their own, and what follows from how they end. It knows no torch."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from functools import partial
from typing import Any

from playground.core.errors import Busy, OutOfMemory
from playground.core.status import Why
from playground.core.types import ModelRef
from playground.engine.cacheentries import Key, State, in_words
from playground.engine.cachethreads import Action, run_all
from playground.engine.cachework import CacheWork
from playground.engine.leases import Abandoned, Loaded, Report, Slot, Ticket, key_of, presentable

log = logging.getLogger(__name__)

UNLOAD_SECONDS = 10.0  # the longest wait for what others are unloading already
SHUTTING_DOWN = "The server is shutting down: run again once it is back."


class CacheLoads(CacheWork):
    # -- loads

    def _loading(self, key: Key, slot: Slot) -> Action:
        load, lost = partial(self._load, key, slot), partial(self._load_lost, key, slot)
        return lambda: self._loaders.submit(load, lost)

    def _load(self, key: Key, slot: Slot) -> None:
        """In a loader's thread. Runs out of memory once: idle models go, and it tries again.

        Where more was measured than estimated, what is idle leaves before the model is served, so that memory is over
        budget only as long as that takes, or as long as all the rest is in use; and the next estimate is the measurement.
        """
        with self._lock:
            parent = self._policy.entries[key].parent
            base = None if parent is None else self._slots[parent].value
            slot.started = started = time.monotonic()
        try:
            loaded = self._attempt(key, slot, base)
        except Abandoned:
            self._after_loss(key, None)
            return
        except Exception as error:
            shown = presentable(error)
        else:
            seconds = time.monotonic() - started
            slot.value = loaded.value
            self._book(key, slot, loaded.bytes)
            self._after_load(key, slot, loaded, seconds)
            return
        self._reclaim()
        self._after_loss(key, shown)

    def _book(self, key: Key, slot: Slot, bytes: int) -> None:
        """Measured bytes take the place of the estimate, and what is idle leaves where they do not fit."""
        with self._lock:
            estimate = self._policy.entries[key].bytes
            self._policy.measured(key, bytes)
            self._learnt[key] = (self._estimates[key], bytes)
            more = in_words(max(0, bytes - estimate))
            todo = self._trim(f"{slot.ref.id} was measured to take {more} more than its estimate")
            over = self._policy.total > self._policy.budget
        run_all(todo)
        if over:
            self._wait_until_left()

    def _attempt(self, key: Key, slot: Slot, base: Any) -> Loaded:
        report = self._reporter(key, slot)
        self._abandon_unless_wanted(key)  # whoever wanted it may have left before a thread was free
        try:
            return self._backend.load(slot.ref, base, report)
        except OutOfMemory:
            log.warning("out of memory while loading %s: evicting what is idle", slot.ref.id)
        self._evict(None, Why.OUT_OF_MEMORY, f"Memory ran out while {slot.ref.id} was being loaded", wait=True)
        self._reclaim()
        return self._backend.load(slot.ref, base, report)

    def _reporter(self, key: Key, slot: Slot) -> Report:
        def report(what: str, fraction: float | None) -> None:
            self._abandon_unless_wanted(key)
            with self._lock:
                slot.fraction = fraction or 0.0
                told = [(t.report, self._fraction(t)) for t in self._tickets if any(n.key == key for n in t.needs)]
            run_all([partial(tell, what, share) for tell, share in told])

        return report

    def _abandon_unless_wanted(self, key: Key) -> None:
        with self._lock:
            if self._closed or not self._policy.wanted(key):
                self._policy.abandon(key)
                raise Abandoned

    def _fraction(self, ticket: Ticket) -> float:
        """How much of what a ticket needs is there, by bytes."""
        total = sum(need.bytes for need in ticket.needs) or 1
        done = 0.0
        for need in ticket.needs:
            ready = self._policy.state(need.key) is State.READY
            slot = self._slots.get(need.key)
            done += need.bytes * (1.0 if ready else slot.fraction if slot else 0.0)
        return min(1.0, done / total)

    def _after_load(self, key: Key, slot: Slot, loaded: Loaded, seconds: float) -> None:
        with self._lock:
            self._loads[key] += 1
            self._records.loaded(slot.ref.id, seconds)
            self._policy.loaded(key, loaded.bytes, seconds if loaded.seconds is None else loaded.seconds)
            todo = self._start_loads() + self._complete() + self._pump()
        run_all(todo)

    def _after_loss(self, key: Key, error: Exception | None) -> None:
        """A load has failed, or (None) was abandoned. Nothing stays behind: who waited gets the error, and who asks next
        starts afresh.
        """
        with self._lock:
            slot, lost = self._slots[key], self._policy.family(key)  # what stands on it cannot have begun
            todo: list[Action] = []
            for ticket in [t for t in self._tickets if any(need.key in lost for need in t.needs)]:
                for claim in ticket.claims:
                    self._policy.release(claim)
                todo += self._finish(ticket, (), error or Busy(SHUTTING_DOWN))
            for member in lost:
                self._gone(member)
            if error is not None:
                self._records.loaded(slot.ref.id, time.monotonic() - (slot.started or 0.0), str(error))
            todo += self._pump()
        run_all(todo)

    def _load_lost(self, key: Key, slot: Slot, error: BaseException) -> None:
        """The thread of a load died of something that no load raises, wherever it was: it counts as a failed load."""
        with self._lock:
            if self._slots.get(key) is not slot or slot.leaving:
                return
            ready = self._policy.state(key) in (State.READY, State.DRAINING)
            todo = self._start_loads() + self._complete() + self._pump() if ready else []
        run_all(todo)
        if not ready:
            if slot.value is not None:
                self._take_out(slot)
            self._reclaim()
            self._after_loss(key, presentable(error))

    # -- unloads

    def _unload_all(self) -> None:
        """Submits the unloading of what `_leave` has queued, to be called once the lock is off."""
        self._unloaders.submit(self._unload_queued, lambda error: self._unload_queued())

    def _unload_queued(self) -> None:
        """One after the other in the order of the decisions, so that children come before what they stand on. What fails
        in it is logged: the entry goes either way, and with it our last reference.
        """
        with self._unload_order:
            while True:
                with self._lock:
                    if not self._leaving:
                        return
                    key, slot = self._leaving.popleft()
                try:
                    self._take_out(slot)
                    self._reclaim()
                finally:
                    self._after_unload(key, slot)

    def _take_out(self, slot: Slot) -> None:
        value, slot.value = slot.value, None
        try:
            self._backend.unload(slot.ref, value)
        except BaseException as error:
            log.error("unloading %s failed", slot.ref.id, exc_info=error)

    def _after_unload(self, key: Key, slot: Slot) -> None:
        with self._lock:
            if self._slots.get(key) is not slot:
                return
            self._gone(key)
            todo = self._pump()
        run_all(todo)

    def _gone(self, key: Key) -> None:
        self._policy.gone(key)
        del self._slots[key]
        self._left.notify_all()

    def _reclaim(self) -> None:
        try:
            self._backend.reclaim()
        except BaseException as error:
            log.error("giving memory back failed", exc_info=error)

    def evict_idle(self, refs: Collection[ModelRef] | None = None, *, wait: bool = False) -> int:
        """Unloads everything idle (of `refs`) because the device's memory ran out; returns how many go. `wait`: until
        they are gone, at most 10 s.
        """
        keys = None if refs is None else [key_of(ref) for ref in refs]
        return self._evict(keys, Why.OUT_OF_MEMORY, "The device ran out of memory", wait=wait)

    def _evict(self, keys: Collection[Key] | None, why: Why, cause: str, *, wait: bool) -> int:
        with self._lock:
            victims = self._policy.clear(keys)
            todo = self._leave(victims, why, cause)
        run_all(todo)
        if wait:
            self._wait_until_left()
        return len(victims)

    def _wait_until_left(self) -> None:
        with self._lock:
            leaving = [slot for slot in self._slots.values() if slot.leaving]
            here = lambda: any(slot in leaving for slot in self._slots.values())  # noqa: E731
            if leaving and not self._left.wait_for(lambda: self._closed or not here(), UNLOAD_SECONDS):
                log.warning("what leaves memory takes longer than %.0f s", UNLOAD_SECONDS)
