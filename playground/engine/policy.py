"""Which models are in memory, and which must go: pure decisions on plain data. No lock, no clock, no effect, no torch.

States of an entry: `loading -> ready -> (draining) -> unloading`; then it is gone, and leaves nothing behind. A failed
load goes straight to gone. An entry may have a parent (an adapter's backbone), which cannot leave before its children.

Eviction is GreedyDual-Size (Cao & Irani 1997, "Cost-Aware WWW Proxy Caching Algorithms", section 4): an entry's credit is
H = L + load seconds / bytes, set anew by every use; the victim is the lowest H, ties by least recent use; L becomes
the victim's H. So what is dear to load and small stays longest, and what is never used again ages out.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from playground.core.errors import TooLarge

Key = Hashable


class State(StrEnum):
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"  # in use, but takes no new leases: it leaves when the last one is given back
    UNLOADING = "unloading"


@dataclass
class Entry:
    """`leases` counts claims too: whoever waits for a load already holds his share of it."""

    key: Key
    parent: Key | None
    bytes: int
    state: State = State.LOADING
    leases: int = 0
    children: int = 0
    pinned: bool = False
    load_seconds: float = 0.0
    credit: float = 0.0  # H
    used: int = 0  # tick of the last use


@dataclass(frozen=True)
class Need:
    """One entry that a request wants, with the bytes it is estimated to take."""

    key: Key
    parent: Key | None
    bytes: int


@dataclass(frozen=True)
class Admitted:
    """All is claimed; `load` are the new entries, parents first."""

    load: tuple[Need, ...]


@dataclass(frozen=True)
class Evict:
    """Unload these (children first; they are marked `unloading`), then ask again."""

    victims: tuple[Key, ...]


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something is released or gone."""


class Policy:
    """Invariants: an entry with leases or children never becomes a victim; the bytes of all entries are within `budget`,
    or all of them belong to one request that is larger than the budget and has the memory to itself. (A measurement
    may exceed an estimate: then `trim` names what has to go.)

    `budget` and `physical` are in bytes.
    """

    def __init__(self, budget: int, physical: int) -> None:
        self.budget = budget
        self.physical = physical
        self.entries: dict[Key, Entry] = {}
        self.floor = 0.0  # L
        self._tick = 0

    # -- questions

    @property
    def total(self) -> int:
        return sum(entry.bytes for entry in self.entries.values())

    def state(self, key: Key) -> State | None:
        entry = self.entries.get(key)
        return None if entry is None else entry.state

    def claimable(self, keys: Iterable[Key]) -> bool:
        """Whether all are here or on their way, so that no memory is needed."""
        return all(self.state(key) in (State.READY, State.LOADING) for key in keys)

    def wanted(self, key: Key) -> bool:
        """Whether anybody holds or waits for it, or for a child of it."""
        entry = self.entries[key]
        if entry.leases or entry.pinned:
            return True
        return any(child.parent == key and self.wanted(child.key) for child in self.entries.values())

    # -- use

    def claim(self, key: Key) -> None:
        entry = self.entries[key]
        assert entry.state in (State.READY, State.LOADING), entry.state
        entry.leases += 1
        self._touch(entry)
        if entry.parent is not None:
            self._touch(self.entries[entry.parent])  # a used adapter is a used backbone

    def release(self, key: Key) -> None:
        entry = self.entries[key]
        assert entry.leases > 0
        entry.leases -= 1

    def _touch(self, entry: Entry) -> None:
        self._tick += 1
        entry.used = self._tick
        entry.credit = self.floor + entry.load_seconds / max(1, entry.bytes)

    # -- the request at the head of the queue

    def admit(self, needs: Sequence[Need], claims: Sequence[Key]) -> Admitted | Evict | Wait:
        """`needs`: everything wanted, parents first; `claims`: the keys among them to be leased.

        Raises TooLarge, before anything is evicted, where it can never fit.
        """
        wanted = {need.key for need in needs}
        size = sum(self.entries[n.key].bytes if n.key in self.entries else n.bytes for n in needs)
        self._refuse_impossible(size, wanted)
        if any(self.state(key) in (State.UNLOADING, State.DRAINING) for key in wanted):
            return Wait()
        missing = [need for need in needs if need.key not in self.entries]
        more = sum(need.bytes for need in missing)
        alone = self.entries.keys() <= wanted
        if not missing or alone or self.total + more <= self.budget:
            for need in missing:
                self._add(need)
            for key in claims:
                self.claim(key)
            return Admitted(tuple(missing))
        victims = self._victims(more, wanted, everything=size > self.budget, leased=False)
        if not victims:
            return Wait()
        return Evict(tuple(self._unload(key) for key in victims))

    def drain(self, needs: Sequence[Need]) -> tuple[Key, ...]:
        """Closes to new leases what has to leave for a request that has waited too long. Returns what was closed."""
        wanted = {need.key for need in needs}
        size = sum(self.entries[n.key].bytes if n.key in self.entries else n.bytes for n in needs)
        more = sum(need.bytes for need in needs if need.key not in self.entries)
        victims = self._victims(more, wanted, everything=size > self.budget, leased=True) or ()
        closed = [key for key in victims if self.entries[key].state is State.READY]
        for key in closed:
            self.entries[key].state = State.DRAINING
        return tuple(closed)

    def undrain(self) -> None:
        """The request that drained has what it wanted, or has given up."""
        for entry in self.entries.values():
            if entry.state is State.DRAINING:
                entry.state = State.READY

    def _refuse_impossible(self, size: int, wanted: Collection[Key]) -> None:
        if size > self.physical:
            raise TooLarge(
                f"This model needs {_gb(size)} of memory and this device has {_gb(self.physical)}: choose a smaller one."
            )
        pinned = sum(entry.bytes for key, entry in self.entries.items() if key not in wanted and self._held_by_pin(key))
        if pinned and pinned + size > self.budget:
            raise TooLarge(
                f"This model needs {_gb(size)} of memory and pinned models leave {_gb(max(0, self.budget - pinned))}: "
                "choose a smaller one, or ask the owner to unpin."
            )

    def _held_by_pin(self, key: Key) -> bool:
        entry = self.entries[key]
        return entry.pinned or any(e.parent == key and self._held_by_pin(e.key) for e in self.entries.values())

    def _add(self, need: Need) -> None:
        self.entries[need.key] = Entry(need.key, need.parent, need.bytes)
        if need.parent is not None:
            self.entries[need.parent].children += 1

    def _victims(self, more: int, keep: Collection[Key], *, everything: bool, leased: bool) -> list[Key] | None:
        """The least valuable entries whose going makes room for `more` bytes, children before parents; None where
        there is no such set. Empty: room is already being made. `everything`: all but `keep` have to go.
        `leased`: entries in use count as well, since they will be given back.
        """
        staying = {k: e for k, e in self.entries.items() if e.state is not State.UNLOADING}
        children = dict.fromkeys(self.entries, 0)
        for entry in staying.values():
            if entry.parent is not None:
                children[entry.parent] += 1

        def fits() -> bool:
            if everything:
                return staying.keys() <= set(keep)
            return sum(entry.bytes for entry in staying.values()) + more <= self.budget

        victims: list[Key] = []
        while not fits():
            open_ = [
                entry
                for key, entry in staying.items()
                if entry.state in (State.READY, State.DRAINING)
                and key not in keep
                and not entry.pinned
                and children[key] == 0
                and (leased or entry.leases == 0)
            ]
            if not open_:
                return None
            victim = min(open_, key=lambda entry: (entry.credit, entry.used))
            del staying[victim.key]
            if victim.parent is not None:
                children[victim.parent] -= 1
            victims.append(victim.key)
        return victims

    # -- what happened

    def _unload(self, key: Key) -> Key:
        entry = self.entries[key]
        entry.state = State.UNLOADING
        self.floor = max(self.floor, entry.credit)
        return key

    def loaded(self, key: Key, bytes: int, seconds: float) -> None:
        """A load has ended: its measured bytes take the place of the estimate."""
        entry = self.entries[key]
        entry.bytes, entry.load_seconds, entry.state = bytes, seconds, State.READY
        self._touch(entry)

    def abandon(self, key: Key) -> None:
        """A load that nobody wants any more is being given up, with what waits for it; it counts until `gone`."""
        for entry in self.entries.values():
            if entry.key == key or entry.parent == key:
                entry.state = State.UNLOADING

    def gone(self, key: Key) -> None:
        """An unload or a failed load has ended."""
        entry = self.entries.pop(key)
        if entry.parent is not None and entry.parent in self.entries:
            self.entries[entry.parent].children -= 1

    def trim(self) -> tuple[Key, ...]:
        """Idle entries to unload because measurements went over the budget; they are marked `unloading`."""
        victims: list[Key] = []
        while self._staying() > self.budget:
            idle = [entry for entry in self.entries.values() if self._can_leave(entry)]
            if not idle:
                break
            victims.append(self._unload(min(idle, key=lambda entry: (entry.credit, entry.used)).key))
        return tuple(victims)

    def clear(self, keys: Collection[Key] | None = None) -> tuple[Key, ...]:
        """Everything idle (or what of `keys` is) to unload, children first; marked `unloading`."""
        victims: list[Key] = []
        while idle := [e for e in self.entries.values() if self._can_leave(e) and (keys is None or e.key in keys)]:
            victims.extend(self._unload(entry.key) for entry in idle)
        return tuple(victims)

    def _can_leave(self, entry: Entry) -> bool:
        """Idle, or held only by children that are already leaving."""
        if entry.state not in (State.READY, State.DRAINING) or entry.leases or entry.pinned:
            return False
        return all(e.state is State.UNLOADING for e in self.entries.values() if e.parent == entry.key)

    def _staying(self) -> int:
        return sum(entry.bytes for entry in self.entries.values() if entry.state is not State.UNLOADING)


def _gb(size: int) -> str:
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"
