"""The books of the cache's policy: which models are in memory, who uses them, what has to stay. Plain data.

States of an entry: `loading -> ready -> (draining) -> unloading`; then it is gone, and leaves nothing behind. A failed
load goes straight to gone. An entry may have a parent (an adapter's backbone), which cannot leave before its children.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from playground.core.errors import TooLarge
from playground.engine.cacheentries import Entry, Key, Need, State, in_words


class Ledger:
    """`budget`, `physical` and `total` (what all entries take, reservations included) are in bytes."""

    def __init__(self, budget: int, physical: int) -> None:
        self.budget = budget
        self.physical = physical
        self.entries: dict[Key, Entry] = {}
        self.pins: dict[Key, tuple[Need, ...]] = {}  # what has to stay once it is loaded, with its bases
        self.total = 0
        self.floor = 0.0  # L
        self._tick = 0

    # -- questions

    def state(self, key: Key) -> State | None:
        entry = self.entries.get(key)
        return None if entry is None else entry.state

    def claimable(self, keys: Iterable[Key]) -> bool:
        """Whether all are here or on their way, so that no memory is needed."""
        return all(self.state(key) in (State.READY, State.LOADING) for key in keys)

    def wanted(self, key: Key) -> bool:
        """Whether anybody holds or waits for it, or for a child of it."""
        return any(self.entries[k].leases or self.entries[k].pinned for k in self.family(key))

    def family(self, key: Key) -> list[Key]:
        """It and everything that stands on it, children first."""
        found = {key}
        for entry in self.entries.values():  # parents come before their children
            if entry.parent in found:
                found.add(entry.key)
        return [k for k in reversed(self.entries) if k in found]

    # -- use

    def claim(self, key: Key) -> Entry:
        entry = self.entries[key]
        assert entry.state in (State.READY, State.LOADING), entry.state
        entry.leases += 1
        self._touch(entry)
        if entry.parent is not None:
            self._touch(self.entries[entry.parent])  # a used adapter is a used backbone
        return entry

    def release(self, key: Key) -> Entry:
        entry = self.entries[key]
        assert entry.leases > 0
        entry.leases -= 1
        return entry

    def _touch(self, entry: Entry) -> None:
        self._tick += 1
        entry.used = self._tick
        entry.credit = self.floor + entry.load_seconds / max(1, entry.bytes)

    # -- pins

    def pin(self, key: Key, pinned: bool) -> bool:
        """Keeps an entry from eviction, or no longer. False where it is not here. Raises TooLarge."""
        entry = self.entries.get(key)
        here = entry is not None and entry.state is not State.UNLOADING
        if not pinned:
            self.pins.pop(key, None)
            if entry is not None:
                entry.pinned = False
        elif entry is not None and here and not entry.pinned:
            chain = [entry]
            while chain[0].parent is not None:
                chain.insert(0, self.entries[chain[0].parent])
            self.pin_all([Need(e.key, e.parent, e.bytes) for e in chain], [key])
        return here

    def pin_all(self, needs: Sequence[Need], keys: Sequence[Key]) -> None:
        """From now on these stay, once loaded. `needs`: they and their bases. Raises TooLarge, and then pins none, where
        all that is pinned does not fit into the budget together (what several share counts once).
        """
        sizes = {need.key: need.bytes for pinned in self.pins.values() for need in pinned}
        sizes |= {need.key: need.bytes for need in needs}
        size = sum(self.entries[key].bytes if key in self.entries else bytes for key, bytes in sizes.items())
        if size > self.budget:
            raise TooLarge(
                f"The pinned models take {in_words(size)} together and {in_words(self.budget)} are set aside for models: "
                "pin fewer or smaller ones, or raise PLAYGROUND_CACHE_BUDGET_MB."
            )
        for key in keys:
            self.pins[key] = _chain(key, needs)
            entry = self.entries.get(key)
            if entry is not None and entry.state is not State.UNLOADING:
                entry.pinned = True
                if entry.state is State.DRAINING:
                    entry.excess = False
                    entry.state = State.READY

    def _held_by_pin(self, key: Key) -> bool:
        return any(self.entries[k].pinned for k in self.family(key))

    # -- what happened

    def measured(self, key: Key, bytes: int) -> None:
        """What was loaded takes this much: it takes the place of the estimate, and may go over the budget (`trim`)."""
        entry = self.entries[key]
        more = bytes - entry.bytes
        entry.bytes = bytes
        self.total += more

    def loaded(self, key: Key, bytes: int, seconds: float) -> None:
        """A load has ended, and is open to leases. `bytes` as measured."""
        self.measured(key, bytes)
        entry = self.entries[key]
        entry.load_seconds, entry.state = seconds, State.READY
        self._touch(entry)

    def abandon(self, key: Key) -> None:
        """A load that nobody wants any more is being given up, with what waits for it; it counts until `gone`."""
        for member in self.family(key):
            self.entries[member].state, self.entries[member].abandoned = State.UNLOADING, True

    def gone(self, key: Key) -> None:
        """An unload or a failed load has ended."""
        entry = self.entries.pop(key)
        self.total -= entry.bytes
        if entry.parent is not None and entry.parent in self.entries:
            self.entries[entry.parent].children -= 1

    def forget_all(self) -> None:
        """The cache is closed."""
        self.entries.clear()
        self.pins.clear()
        self.total = 0


def _chain(key: Key, needs: Sequence[Need]) -> tuple[Need, ...]:
    """A need and those it stands on."""
    by_key = {need.key: need for need in needs}
    found = [by_key[key]]
    while (parent := found[-1].parent) is not None:
        found.append(by_key[parent])
    return tuple(found)
