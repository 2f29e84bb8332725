"""Which models are in memory, and which must go: pure decisions on plain data. No lock, no clock, no effect, no torch.

Eviction is GreedyDual-Size (Cao & Irani 1997, "Cost-Aware WWW Proxy Caching Algorithms", section 4): an entry's credit is
H = L + load seconds / bytes, set anew by every use; the victim is the lowest H, ties by least recent use; L becomes
the victim's H. So what is dear to load and small stays longest, and what is never used again ages out.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from playground.core.errors import TooLarge
from playground.engine.cacheentries import Admitted, Entry, Evict, Key, Need, State, Wait, in_words
from playground.engine.ledger import Ledger

__all__ = ["Admitted", "Entry", "Evict", "Key", "Need", "Policy", "State", "Wait"]


class Policy(Ledger):
    """Invariants: an entry with leases or children never becomes a victim; the bytes of all entries are within `budget`,
    or all of them belong to one request that is larger than the budget and has the memory to itself. (A measurement
    may exceed an estimate: then `trim` names what has to go.)
    """

    # -- the request at the head of the queue

    def admit(self, needs: Sequence[Need], claims: Sequence[Key]) -> Admitted | Evict | Wait:
        """`needs`: everything wanted, parents first; `claims`: the keys among them to be leased.

        Raises TooLarge, before anything is evicted, where it can never fit.
        """
        wanted = {need.key for need in needs}
        missing = [need for need in needs if need.key not in self.entries]
        more = sum(need.bytes for need in missing)
        size = more + sum(self.entries[key].bytes for key in wanted & self.entries.keys())
        self._refuse_impossible(size, wanted)
        if any(self.state(key) in (State.UNLOADING, State.DRAINING) for key in wanted):
            return Wait()
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
        return Evict(tuple(self._unload(key) for key in victims), self.total + more - self.budget)

    def drain(self, needs: Sequence[Need]) -> tuple[Key, ...]:
        """Closes to new leases what has to leave for a request that has waited too long. Returns what was closed."""
        wanted = {need.key for need in needs}
        more = sum(need.bytes for need in needs if need.key not in self.entries)
        size = more + sum(self.entries[key].bytes for key in wanted & self.entries.keys())
        victims = self._victims(more, wanted, everything=size > self.budget, leased=True) or ()
        closed = [key for key in victims if self.entries[key].state is State.READY]
        for key in closed:
            self.entries[key].state = State.DRAINING
        return tuple(closed)

    def undrain(self) -> None:
        """The request that drained has what it wanted, or has given up."""
        for entry in self.entries.values():
            if entry.state is State.DRAINING and not entry.excess:
                entry.state = State.READY

    def open_excess(self) -> None:
        """Memory is within the budget again."""
        for entry in self.entries.values():
            entry.excess = False
        self.undrain()

    def _refuse_impossible(self, size: int, wanted: Collection[Key]) -> None:
        if size > self.physical:
            raise TooLarge(
                f"This model needs {in_words(size)} of memory and this device has {in_words(self.physical)}: "
                "choose a smaller one."
            )
        pinned = sum(entry.bytes for key, entry in self.entries.items() if key not in wanted and self._held_by_pin(key))
        if pinned and pinned + size > self.budget:
            raise TooLarge(
                f"This model needs {in_words(size)} of memory and pinned models leave "
                f"{in_words(max(0, self.budget - pinned))}: choose a smaller one, or ask the owner to unpin."
            )

    def _add(self, need: Need) -> None:
        self.entries[need.key] = Entry(need.key, need.parent, need.bytes, pinned=need.key in self.pins)
        self.total += need.bytes
        if need.parent is not None:
            self.entries[need.parent].children += 1

    def _victims(self, more: int, keep: Collection[Key], *, everything: bool, leased: bool) -> list[Key] | None:
        """The least valuable entries whose going makes room for `more` bytes, children before parents; None where
        there is no such set. Empty: room is already being made. `everything`: all but `keep` have to go.
        `leased`: entries in use count as well, since they will be given back; those already draining first.
        """
        staying = {k: e for k, e in self.entries.items() if e.state is not State.UNLOADING}
        children = dict.fromkeys(self.entries, 0)
        for entry in self.entries.values():
            if entry.parent is not None and entry.stays:
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
            victim = min(open_, key=lambda entry: (leased and entry.state is State.READY, entry.rank))
            del staying[victim.key]
            if victim.parent is not None:
                children[victim.parent] -= 1
            victims.append(victim.key)
        return victims

    def _unload(self, key: Key) -> Key:
        entry = self.entries[key]
        entry.state = State.UNLOADING
        self.floor = max(self.floor, entry.credit)
        return key

    # -- too much in memory

    def trim(self) -> tuple[Key, ...]:
        """Idle entries to unload because memory is over the budget (a measurement exceeded its estimate, the budget was
        lowered); they are marked `unloading`. One model that is larger than the budget stays, alone with its base.
        """
        return tuple(self._unload(entry.key) for entry in self._excess(leased=False))

    @property
    def over(self) -> bool:
        """Whether something has to leave for memory to be within the budget again."""
        return self._exceeds([entry for entry in self.entries.values() if entry.state is not State.UNLOADING])

    def close_excess(self) -> tuple[Key, ...]:
        """Closes to new leases what `trim` would unload if it were idle: among many users a model may never be. Returns
        what was closed; `open_excess` opens what is left of it.
        """
        closed = self._excess(leased=True)
        for entry in closed:
            entry.state, entry.excess = State.DRAINING, True
        return tuple(entry.key for entry in closed)

    def _excess(self, *, leased: bool) -> list[Entry]:
        """What has to leave for memory to be within the budget, as far as it can, children before parents. `leased`:
        entries in use count as well, those already draining first.
        """
        staying = {key: entry for key, entry in self.entries.items() if entry.state is not State.UNLOADING}
        found: list[Entry] = []
        while self._exceeds(list(staying.values())):
            held = {e.parent for e in self.entries.values() if e.stays and e not in found}
            open_ = [
                entry
                for key, entry in staying.items()
                if entry.state is not State.LOADING
                and not entry.pinned
                and key not in held
                and (leased or entry.leases == 0)
            ]
            if not open_:
                break
            found.append(min(open_, key=lambda entry: (leased and entry.state is State.READY, entry.rank)))
            del staying[found[-1].key]
        return found

    def _exceeds(self, staying: Sequence[Entry]) -> bool:
        """Whether these are more than the budget, and not one model and its bases, which may be."""
        if sum(entry.bytes for entry in staying) <= self.budget:
            return False
        return any(after.parent != before.key for before, after in pairwise(staying))

    def clear(self, keys: Collection[Key] | None = None) -> tuple[Key, ...]:
        """Everything idle to unload, children first; marked `unloading`. Of `keys`: each that is idle with all that
        stands on it goes with that, else nothing of it. L stays, since nobody was chosen for his worth.
        """
        if keys is not None:
            idle = [self.family(key) for key in keys if all(map(self._idle, self.family(key)))]
            keys = {member for family in idle for member in family}
        victims: list[Key] = []
        while leaving := [e for e in self.entries.values() if self._can_leave(e) and (keys is None or e.key in keys)]:
            for entry in leaving:
                entry.state = State.UNLOADING
                victims.append(entry.key)
        return tuple(victims)

    def _idle(self, key: Key) -> bool:
        entry = self.entries[key]
        return entry.state is not State.LOADING and not entry.leases and not entry.pinned

    def _can_leave(self, entry: Entry) -> bool:
        """Idle, or held only by children that are already leaving."""
        if entry.state not in (State.READY, State.DRAINING) or entry.leases or entry.pinned:
            return False
        return not any(e.stays for e in self.entries.values() if e.parent == entry.key)
