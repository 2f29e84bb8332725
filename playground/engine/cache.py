"""The one cache of models that every tab and every user shares. It knows no torch: what loads and unloads is handed in.

What to evict is `policy.py`'s to decide; here are the lock, the queue, the threads and the callbacks. A hit is granted
at once. A miss takes a place in a FIFO queue; only its head evicts and reserves memory, then loads run in parallel.
Loading, unloading and callbacks happen outside the lock, so nobody waits for another's load.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, InternalError, OutOfMemory, PlaygroundError
from playground.core.types import ModelRef, Resident
from playground.engine.policy import Admitted, Evict, Need, Policy, State, Wait

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
class _Slot:
    """The effects' side of an entry."""

    ref: ModelRef
    value: Any = None
    started: float = 0.0
    fraction: float = 0.0


def key_of(ref: ModelRef) -> Hashable:
    """What makes two references the same weights in memory; names of labels and limits of length do not."""
    base = None if ref.base is None else key_of(ref.base)
    return (ref.loader, ref.folder, ref.revision, ref.digests, base)


class ModelCache:
    """Budget and physical memory in bytes. `max_wait`: seconds after which a waiting miss closes busy models to new leases."""

    def __init__(self, backend: Backend, budget: int, physical: int, *, device: str = "cpu", max_wait: float = 5.0,
                 loaders: int = 2) -> None:
        self._backend = backend
        self._policy = Policy(budget, physical)
        self._slots: dict[Hashable, _Slot] = {}
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

    # -- asking

    def acquire(self, refs: Sequence[ModelRef], done: Done, cancel: Cancel | None = None,
                report: Report = lambda what, fraction: None) -> None:
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
            done((), _presentable(error))
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
        _run(todo)
        ticket.forget = cancel.on_set(lambda: self._give_up(ticket, Cancelled()))
        if ticket.finished:
            ticket.forget()

    @contextmanager
    def lease_many(self, refs: Sequence[ModelRef], cancel: Cancel | None = None,
                   timeout: float | None = None) -> Iterator[tuple[Any, ...]]:
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
                        self._slots[need.key] = _Slot(_find(ticket.refs, need.key))
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
        _run(todo)

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
        _run(todo)

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
            shown = _presentable(error)
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
        _run(todo)

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
                self._give_up(ticket, _too_late(ticket))

    # -- the owner's side

    def snapshot(self) -> list[Resident]:
        """What is in memory or on its way, backbones before their adapters."""
        with self._changed:
            return [
                Resident(
                    model=slot.ref.id, state=str(entry.state), bytes=entry.bytes, leases=entry.leases,
                    hits=self._hits[key], loads=self._loads[key], load_seconds=entry.load_seconds,
                    base=slot.ref.base.id if slot.ref.base else None, device=self.device, pinned=entry.pinned,
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
        _run(todo)

    def pin(self, ref: ModelRef, pinned: bool = True) -> bool:
        """Keeps a resident model from eviction, or no longer. False where it is not in memory."""
        with self._changed:
            entry = self._policy.entries.get(key_of(ref))
            if entry is not None:
                entry.pinned = pinned
            todo = self._pump()
        _run(todo)
        return entry is not None

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


def _find(refs: Sequence[ModelRef], key: Hashable) -> ModelRef:
    for ref in refs:
        node: ModelRef | None = ref
        while node is not None:
            if key_of(node) == key:
                return node
            node = node.base
    raise KeyError(key)


def _too_late(ticket: Ticket) -> PlaygroundError:
    waited = time.monotonic() - ticket.since
    if ticket.admitted:
        return DeadlineExceeded(f"The model was still loading after {waited:.0f} s: run again, it may be ready now.")
    return Busy(f"Other models kept the memory busy for {waited:.0f} s: run again in a moment.")


def _presentable(error: Exception) -> Exception:
    """An error a user may see, without the frames that would keep a half-loaded model in memory."""
    if isinstance(error, PlaygroundError | Cancelled):
        return error.with_traceback(None)
    log.error("a load failed", exc_info=error)
    return InternalError()


def _run(todo: Sequence[Callable[[], None]]) -> None:
    for action in todo:
        action()
