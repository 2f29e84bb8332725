"""The cache's inner life: leases, the queue of misses, and the clock. Loads are in `cacheloads.py`, the door is `cache.py`.

One lock guards all state. What follows from a change (callbacks, loads, unloads) is collected under it as a list of
functions, and done once it is off. It knows no torch.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Sequence

from playground.core.cancel import Cancel
from playground.core.errors import PlaygroundError
from playground.core.status import Why
from playground.core.types import ModelRef
from playground.engine.cacheentries import Admitted, Evict, Key, State, Wait, in_words
from playground.engine.cacherecords import Leaver, Records
from playground.engine.cachethreads import Action, Janitor, Workers, run_all
from playground.engine.leases import Backend, Lease, Slot, Ticket, hand_over, too_late, with_bases
from playground.engine.policy import Policy

log = logging.getLogger(__name__)


class CacheWork(ABC):
    """Budget and physical memory in bytes. `max_wait`: seconds after which a waiting miss closes busy models to new leases;
    `max_hold`: seconds after which the token of who still holds a lease is set.
    """

    def __init__(
        self,
        backend: Backend,
        budget: int,
        physical: int,
        *,
        device: str = "cpu",
        max_wait: float = 5.0,
        max_hold: float = 300.0,
        loaders: int = 2,
    ) -> None:
        self._backend = backend
        self._policy = Policy(budget, physical)
        self._slots: dict[Key, Slot] = {}
        self._queue: deque[Ticket] = deque()
        self._tickets: list[Ticket] = []  # admitted, waiting for loads
        self._out: dict[Lease, None] = {}  # the leases not given back, the oldest first
        self._hits: Counter[Key] = Counter()
        self._loads: Counter[Key] = Counter()
        self._estimates: dict[Key, int] = {}  # bytes, as the backend last said
        self._learnt: dict[Key, tuple[int, int]] = {}  # bytes as estimated before a load, and as measured after it
        self._leaving: deque[tuple[Key, Slot]] = deque()  # to be unloaded, in this order
        self._records = Records()
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)  # an entry is gone
        self._unload_order = threading.Lock()
        self._loaders = Workers("cache-loader", loaders)
        self._unloaders = Workers("cache-unloader", 1)
        self._janitor = Janitor("cache-janitor", self._look)
        self._held = threading.local()
        self._max_wait = max_wait
        self._max_hold = max_hold
        self._over: float | None = None  # since when memory has been over the budget
        self._closed = False
        self.device = device

    # -- under the lock

    def _grant(self, ref: ModelRef, key: Key, cancel: Cancel, now: float, hit: bool) -> Lease:
        """A lease on an entry that is claimed already."""
        entry = self._policy.entries[key]
        value = self._slots[key].value
        lease = Lease(ref, key, value, entry.bytes, entry.load_seconds, hit, cancel, now, self._release)
        self._out[lease] = None
        return lease

    def _admit(self, ticket: Ticket) -> None:
        """Joins what is already here or on its way."""
        for key in ticket.claims:
            self._policy.claim(key)
        ticket.admitted = True
        self._tickets.append(ticket)

    def _pump(self) -> list[Action]:
        """Serves the queue as far as memory goes. Returns what to do once the lock is off."""
        todo: list[Action] = []
        while self._queue and not self._closed:
            ticket = self._queue[0]
            try:
                step = self._policy.admit(ticket.needs, ticket.claims)
            except PlaygroundError as error:
                todo += self._leave_queue(ticket) + self._finish(ticket, (), error)
                continue
            match step:
                case Wait():
                    break
                case Evict(victims, missing):
                    cause = f"Made room for {ticket.names}, for which {in_words(missing)} were missing"
                    todo += self._leave(victims, Why.ROOM, cause)
                    break
                case Admitted(load):
                    todo += self._leave_queue(ticket)
                    ticket.admitted = True
                    self._tickets.append(ticket)
                    nodes = with_bases(ticket.refs)
                    self._slots |= {need.key: Slot(nodes[need.key]) for need in load}
                    todo += self._start_loads() + self._complete()
        return todo

    def _leave_queue(self, ticket: Ticket) -> list[Action]:
        if ticket not in self._queue:
            return []
        if self._queue[0] is ticket:
            self._policy.undrain()
        self._queue.remove(ticket)
        return [self._janitor.wake]  # the new head may have waited long already

    def _start_loads(self) -> list[Action]:
        """Loads not yet begun whose base is ready."""
        todo: list[Action] = []
        for key, slot in self._slots.items():
            entry = self._policy.entries[key]
            if entry.state is not State.LOADING or slot.started is not None:
                continue
            if entry.parent is None or self._policy.state(entry.parent) is State.READY:
                slot.started = time.monotonic()
                todo.append(self._loading(key, slot))
        return todo

    def _complete(self) -> list[Action]:
        """Tickets that now have everything."""
        todo: list[Action] = []
        for ticket in list(self._tickets):
            if all(self._policy.state(key) in (State.READY, State.DRAINING) for key in ticket.claims):
                now = time.monotonic()
                pairs = zip(ticket.refs, ticket.claims, strict=True)
                leases = tuple(self._grant(ref, key, ticket.cancel, now, False) for ref, key in pairs)
                todo += self._finish(ticket, leases, None)
        return todo

    def _finish(self, ticket: Ticket, leases: tuple[Lease, ...], error: Exception | None) -> list[Action]:
        ticket.finished = True
        if ticket in self._tickets:
            self._tickets.remove(ticket)
        return [ticket.forget, lambda: hand_over(ticket.done, leases, error)]

    def _leave(self, victims: Sequence[Key], why: Why, cause: str) -> list[Action]:
        """Writes down why these leave, and queues them to be unloaded."""
        now = time.monotonic()
        for key in victims:
            entry, slot = self._policy.entries[key], self._slots[key]
            slot.leaving = True
            idle = self._idle_seconds(key, now)
            self._records.left(Leaver(slot.ref.id, entry.bytes, entry.load_seconds, idle), why, cause)
            log.info("%s leaves: %s", slot.ref.id, self._records.departures[0].reason)
            self._leaving.append((key, slot))
        return [self._unload_all] if victims else []

    def _idle_seconds(self, key: Key, now: float) -> float | None:
        """Since the last use of it or of what stands on it; None where there was none. 0 while it is in use."""
        family = self._policy.family(key)
        if any(self._policy.entries[member].leases for member in family):
            return 0.0
        ends = [used for member in family if (used := self._slots[member].used) is not None]
        return now - max(ends) if ends else None

    def _trim(self, cause: str) -> list[Action]:
        """Unloads what is idle, as far as memory is over budget; the janitor sees to what is in use."""
        todo = self._leave(self._policy.trim(), Why.OVER_BUDGET, cause)
        return [*todo, self._janitor.wake] if self._policy.over or self._over is not None else todo

    def _close_excess(self, now: float) -> list[Action]:
        """Memory over the budget for too long: what has to leave takes no new leases. Within it: what is left is open."""
        if not self._policy.over:
            if self._over is None:
                return []
            self._over = None
            self._policy.open_excess()
            return self._pump()
        self._over = now if self._over is None else self._over
        if now - self._over >= self._max_wait:
            self._policy.close_excess()
        return []

    # -- the effects, done elsewhere

    @abstractmethod
    def _loading(self, key: Key, slot: Slot) -> Action:
        """What loads this slot."""

    @abstractmethod
    def _unload_all(self) -> None:
        """Unloads what is leaving, one after the other."""

    # -- what happens

    def _release(self, lease: Lease) -> None:
        with self._lock:
            if lease not in self._out:
                return  # given back before, or closed
            del self._out[lease]
            if not self._policy.release(lease.key).leases:
                self._slots[lease.key].used = time.monotonic()
            todo = self._pump() if self._queue else []
            if self._policy.total > self._policy.budget:
                todo += self._trim("Models in use were measured to take more than their estimates")
        if todo:
            run_all(todo)

    def _give_up(self, ticket: Ticket, error: Exception) -> None:
        """Takes back a ticket that is cancelled or too late. A load under way goes on only while somebody wants it."""
        with self._lock:
            if ticket.finished:
                return
            todo = self._leave_queue(ticket)
            if ticket.admitted:
                for key in ticket.claims:
                    self._policy.release(key)
            todo += self._finish(ticket, (), error) + self._pump()
        run_all(todo)

    # -- the clock

    def _look(self) -> float:
        """The janitor's look: deadlines of whoever waits, draining for a head that has waited too long or for memory that is over
        the budget, and leases held for too long. Returns the seconds until the next; a lease granted meanwhile cannot be overheld
        before that.
        """
        with self._lock:
            if self._closed:
                return self._max_hold
            now = time.monotonic()
            waiting = [*self._queue, *self._tickets]
            late = [ticket for ticket in waiting if ticket.deadline is not None and ticket.deadline <= now]
            ends = [ticket.deadline for ticket in waiting if ticket.deadline is not None and ticket.deadline > now]
            overheld = self._overheld(now)
            ends.append(now + self._max_hold)
            oldest = next((lease for lease in self._out if not lease.overheld), None)
            if oldest is not None:
                ends.append(oldest.since + self._max_hold)
            todo = self._close_excess(now)
            if self._over is not None:
                ends.append(now + self._max_wait)
            if self._queue:
                head = self._queue[0]
                if now - head.since >= self._max_wait:
                    self._policy.drain(head.needs)
                else:
                    ends.append(head.since + self._max_wait)
        for lease in overheld:
            log.warning("%s has been held for %.0f s: its request is told to stop", lease.ref.id, now - lease.since)
        run_all([*todo, *(lease.cancel.set for lease in overheld)])
        for ticket in late:
            self._give_up(ticket, too_late(ticket))
        return max(0.001, min(ends) - time.monotonic())

    def _overheld(self, now: float) -> list[Lease]:
        """Leases held too long whose holder has not been told; from now on he has."""
        found: list[Lease] = []
        for lease in self._out:  # the oldest first
            if now - lease.since < self._max_hold:
                break
            if not lease.overheld:
                lease.overheld = True
                found.append(lease)
        return found
