"""The cache's inner life: the queue of misses, loads and unloads, and the clock. `cache.py` is its door.

One lock guards all state. What follows from a change (callbacks, loads, unloads) is collected under it as a list of
functions, and done once it is off. It knows no torch.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from playground.core.errors import OutOfMemory, PlaygroundError
from playground.core.types import ModelRef
from playground.engine.leases import (
    Abandoned,
    Backend,
    Lease,
    Loaded,
    Report,
    Slot,
    Ticket,
    find_ref,
    key_of,
    presentable,
    run_all,
    too_late,
)
from playground.engine.policy import Admitted, Evict, Policy, State, Wait

log = logging.getLogger(__name__)


class CacheWork:
    """Budget and physical memory in bytes. `max_wait`: seconds after which a waiting miss closes busy models to new leases."""

    def __init__(
        self,
        backend: Backend,
        budget: int,
        physical: int,
        *,
        device: str = "cpu",
        max_wait: float = 5.0,
        loaders: int = 2,
    ) -> None:
        self._backend = backend
        self._policy = Policy(budget, physical)
        self._slots: dict[Hashable, Slot] = {}
        self._queue: deque[Ticket] = deque()
        self._tickets: list[Ticket] = []  # admitted, waiting for loads
        self._hits: Counter[Hashable] = Counter()
        self._loads: Counter[Hashable] = Counter()
        self._changed = threading.Condition(threading.Lock())
        self._executor: Executor = ThreadPoolExecutor(loaders, thread_name_prefix="loader")
        self._janitor: threading.Thread | None = None
        self._held = threading.local()
        self._max_wait = max_wait
        self._closed = False
        self.device = device

    # -- under the lock

    def _lease(self, ref: ModelRef, key: Hashable, *, hit: bool) -> Lease:
        if hit:
            self._policy.claim(key)
            self._hits[key] += 1
        entry = self._policy.entries[key]
        return Lease(ref, self._slots[key].value, entry.bytes, entry.load_seconds, hit, lambda: self._release(key))

    def _admit(self, ticket: Ticket) -> None:
        """Joins what is already here or on its way."""
        for key in ticket.claims:
            self._policy.claim(key)
        ticket.admitted = True
        self._tickets.append(ticket)

    def _pump(self) -> list[Callable[[], None]]:
        """Serves the queue as far as memory goes. Returns what to do once the lock is off."""
        todo: list[Callable[[], None]] = []
        while self._queue:
            ticket = self._queue[0]
            try:
                step = self._policy.admit(ticket.needs, ticket.claims)
            except PlaygroundError as error:
                self._leave_queue(ticket)
                todo += self._finish(ticket, (), error)
                continue
            match step:
                case Wait():
                    break
                case Evict(victims):
                    log.info("making room: %s", ", ".join(self._slots[key].ref.id for key in victims))
                    todo.append(self._unloading(victims))
                    break
                case Admitted(load):
                    self._leave_queue(ticket)
                    ticket.admitted = True
                    self._tickets.append(ticket)
                    for need in load:
                        self._slots[need.key] = Slot(find_ref(ticket.refs, need.key))
                    todo += self._start_loads()
                    todo += self._complete()
        return todo

    def _leave_queue(self, ticket: Ticket) -> None:
        if ticket in self._queue:
            if self._queue[0] is ticket:
                self._policy.undrain()
            self._queue.remove(ticket)

    def _start_loads(self) -> list[Callable[[], None]]:
        """Loads not yet begun whose base is ready."""
        todo: list[Callable[[], None]] = []
        for key, slot in self._slots.items():
            entry = self._policy.entries[key]
            if entry.state is not State.LOADING or slot.started:
                continue
            if entry.parent is None or self._policy.state(entry.parent) is State.READY:
                slot.started = time.monotonic()
                todo.append(lambda key=key: self._submit(self._load, key))  # type: ignore[misc]
        return todo

    def _complete(self) -> list[Callable[[], None]]:
        """Tickets that now have everything."""
        todo: list[Callable[[], None]] = []
        for ticket in list(self._tickets):
            if all(self._policy.state(key) in (State.READY, State.DRAINING) for key in ticket.claims):
                leases = tuple(self._lease(ref, key_of(ref), hit=False) for ref in ticket.refs)
                todo += self._finish(ticket, leases, None)
        return todo

    def _finish(self, ticket: Ticket, leases: tuple[Lease, ...], error: Exception | None) -> list[Callable[[], None]]:
        ticket.finished = True
        if ticket in self._tickets:
            self._tickets.remove(ticket)
        forget = ticket.forget
        return [forget, lambda: ticket.done(leases, error)]

    def _watch(self) -> None:
        """Sees to it that somebody looks at the clock while tickets wait."""
        if (self._queue or self._tickets) and self._janitor is None and not self._closed:
            self._janitor = threading.Thread(target=self._mind_the_time, name="cache-janitor", daemon=True)
            self._janitor.start()
        self._changed.notify_all()

    # -- what happens

    def _release(self, key: Hashable) -> None:
        with self._changed:
            if self._closed:
                return
            self._policy.release(key)
            todo = self._pump() if self._queue else []
        run_all(todo)

    def _give_up(self, ticket: Ticket, error: Exception) -> None:
        """Takes back a ticket that is cancelled or too late. A load under way goes on only while somebody wants it."""
        with self._changed:
            if ticket.finished:
                return
            self._leave_queue(ticket)
            if ticket.admitted:
                for key in ticket.claims:
                    self._policy.release(key)
            todo = self._finish(ticket, (), error) + self._pump()
        run_all(todo)

    def _submit(self, work: Callable[..., None], *args: Any) -> None:
        try:
            self._executor.submit(work, *args)
        except RuntimeError:  # closed meanwhile: the process is going down
            log.debug("no loader thread is left for %s", work.__name__)

    def _load(self, key: Hashable) -> None:
        """In a loader thread. Runs out of memory once: idle models go, and it tries again."""
        with self._changed:
            slot, entry = self._slots[key], self._policy.entries[key]
            base = None if entry.parent is None else self._slots[entry.parent].value
        started = time.monotonic()
        try:
            loaded = self._attempt(key, slot.ref, base)
        except Abandoned:
            self._after(lambda: self._abandoned(key))
        except Exception as error:
            shown = presentable(error)
            del error
            self._backend.reclaim()
            self._after(lambda: self._failed(key, shown))
        else:
            self._after(lambda: self._loaded(key, loaded, time.monotonic() - started))

    def _attempt(self, key: Hashable, ref: ModelRef, base: Any) -> Loaded:
        report = self._reporter(key)
        try:
            return self._backend.load(ref, base, report)
        except OutOfMemory:
            log.warning("out of memory while loading %s: evicting what is idle", ref.id)
        self.evict_idle(wait=True)
        self._backend.reclaim()
        return self._backend.load(ref, base, report)

    def _reporter(self, key: Hashable) -> Report:
        def report(what: str, fraction: float | None) -> None:
            with self._changed:
                if not self._policy.wanted(key):
                    self._policy.abandon(key)
                    raise Abandoned
                self._slots[key].fraction = fraction or 0.0
                told = [(t.report, self._fraction(t)) for t in self._tickets if any(n.key == key for n in t.needs)]
            for tell, share in told:
                tell(what, share)

        return report

    def _fraction(self, ticket: Ticket) -> float:
        """How much of what a ticket needs is there, by bytes."""
        total = sum(need.bytes for need in ticket.needs) or 1
        done = 0.0
        for need in ticket.needs:
            ready = self._policy.state(need.key) is State.READY
            slot = self._slots.get(need.key)
            done += need.bytes * (1.0 if ready else slot.fraction if slot else 0.0)
        return min(1.0, done / total)

    def _after(self, change: Callable[[], list[Callable[[], None]]]) -> None:
        with self._changed:
            todo = change() + self._pump()
            self._changed.notify_all()
        run_all(todo)

    def _loaded(self, key: Hashable, loaded: Loaded, seconds: float) -> list[Callable[[], None]]:
        self._slots[key].value = loaded.value
        self._loads[key] += 1
        self._policy.loaded(key, loaded.bytes, seconds if loaded.seconds is None else loaded.seconds)
        todo = self._start_loads() + self._complete()
        victims = self._policy.trim()
        return todo + ([self._unloading(victims)] if victims else [])

    def _failed(self, key: Hashable, error: Exception) -> list[Callable[[], None]]:
        """Nothing stays behind: who waited gets the error, and who asks next starts afresh."""
        lost = {key} | {e.key for e in self._policy.entries.values() if e.parent == key}  # children cannot have begun
        todo: list[Callable[[], None]] = []
        for ticket in [t for t in self._tickets if lost & {need.key for need in t.needs}]:
            for claim in ticket.claims:
                self._policy.release(claim)
            todo += self._finish(ticket, (), error)
        for child in lost - {key}:
            self._gone(child)
        self._gone(key)
        return todo

    def _abandoned(self, key: Hashable) -> list[Callable[[], None]]:
        for child in [e.key for e in self._policy.entries.values() if e.parent == key]:
            self._gone(child)
        self._gone(key)
        return []

    def _gone(self, key: Hashable) -> None:
        self._policy.gone(key)
        del self._slots[key]

    def _unloading(self, victims: Sequence[Hashable]) -> Callable[[], None]:
        return lambda: self._submit(self._unload, tuple(victims))

    def _unload(self, victims: Sequence[Hashable]) -> None:
        """In a loader thread, children first."""
        for key in victims:
            with self._changed:
                slot = self._slots[key]
                value, slot.value = slot.value, None
            try:
                self._backend.unload(slot.ref, value)
            except Exception:
                log.exception("unloading %s failed", slot.ref.id)
            del value
            self._backend.reclaim()
            self._after(lambda key=key: self._gone(key) or [])  # type: ignore[misc,func-returns-value]

    def evict_idle(self, refs: Sequence[ModelRef] | None = None, *, wait: bool = False) -> int:
        """Unloads everything idle (of `refs`), and returns how many go. `wait`: until they are gone."""
        with self._changed:
            victims = self._policy.clear(None if refs is None else [key_of(ref) for ref in refs])
        if not victims:
            return 0
        if wait:
            self._unload(victims)
        else:
            self._submit(self._unload, victims)
        return len(victims)

    def _mind_the_time(self) -> None:
        """The janitor's thread: deadlines of whoever waits, and draining for a head that has waited too long."""
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                waiting = list(self._queue) + self._tickets
                late = [t for t in waiting if t.cancel.expired]
                ends = [t.cancel.deadline for t in waiting if t.cancel.deadline is not None]
                if self._queue:
                    head = self._queue[0]
                    if now - head.since >= self._max_wait:
                        self._policy.drain(head.needs)
                    else:
                        ends.append(head.since + self._max_wait)
                if not late:
                    self._changed.wait(None if not ends else max(0.001, min(ends) - now))
                    continue
            for ticket in late:
                self._give_up(ticket, too_late(ticket))
