"""Every invariant's check can fail: each mutant breaks one mechanism of the cache, and its invariant's check must see it.

A mutant replaces text in the source of a real method, which has to occur in it exactly once, and runs in its place.
"""

from __future__ import annotations
import __future__

import inspect
import textwrap
from collections import Counter
from dataclasses import dataclass

import pytest

from playground.engine.cache import ModelCache
from playground.engine.cacheloads import CacheLoads
from playground.engine.cachethreads import Janitor, Workers
from playground.engine.cachework import CacheWork
from playground.engine.leases import Handover
from playground.engine.policy import Policy

from . import invariants

OWNERS = {owner.__name__: owner for owner in (CacheLoads, CacheWork, Handover, Janitor, ModelCache, Policy, Workers)}
ALL = {f"I{number}" for number in range(1, 15)} | {"lease_many", "cancellation"}


@dataclass(frozen=True)
class Mutant:
    """`where`: class and method. `breaks`: what it does wrong."""

    invariant: str
    where: str
    old: str
    new: str
    breaks: str


ONCE = "if lease not in self._out:\n            return  # given back before, or closed\n        del self._out[lease]"
KEEP = "except OutOfMemory as error:\n        self.kept = error"

MUTANTS = (
    # I1: leased models stay
    Mutant("I1", "Policy._victims", "and (leased or entry.leases == 0)", "", "room is made of what is leased"),
    Mutant("I1", "Policy._can_leave", "or entry.leases or", "or", "what is leased counts as idle"),
    Mutant("I1", "Policy._victims", "and children[key] == 0", "", "a base leaves before its child"),
    Mutant("I1", "Policy._idle", "and not entry.leases", "", "the owner unloads what stands under a leased model"),
    Mutant(
        "I1", "Policy.abandon", "= State.UNLOADING, True", "= State.UNLOADING, False", "a base leaves a load's side"
    ),
    Mutant("I1", "CacheLoads._unload_queued", "popleft()", "pop()", "what leaves does not leave children first"),
    # I2: one load
    Mutant("I2", "CacheWork._start_loads", "or slot.started is not None", "", "a load that has begun begins again"),
    Mutant(
        "I2", "CacheWork._start_loads", "slot.started = time.monotonic()", "pass", "nobody notes that a load has begun"
    ),
    Mutant("I2", "Policy.admit", "if need.key not in self.entries]", "]", "what is on its way is loaded once more"),
    # I3: the budget
    Mutant(
        "I3", "Policy.admit", "self.total + more <= self.budget", "more <= self.budget", "what is there does not count"
    ),
    Mutant(
        "I3", "Policy.admit", "alone = self.entries.keys() <= wanted", "alone = True", "the oversize one is not alone"
    ),
    Mutant("I3", "CacheWork._close_excess", "self._policy.close_excess()", "pass", "a smaller budget waits for ever"),
    Mutant(
        "I3", "CacheWork._close_excess", "self._policy.open_excess()", "pass", "what was closed for it stays closed"
    ),
    Mutant("I3", "Policy._excess", "not entry.pinned", "True", "a smaller budget takes what is pinned"),
    Mutant("I3", "Policy._victims", "if everything:", "if False:", "an oversize request never gets its room"),
    Mutant(
        "I3",
        "CacheLoads._unload_queued",
        "self._take_out(slot)",
        "self._after_unload(key, slot)",
        "bytes are free before they are given back",
    ),
    # I4: failures leave nothing
    Mutant("I4", "CacheLoads._after_loss", "self._gone(member)", "pass", "a failed load leaves its entry"),
    Mutant("I4", "CacheLoads._after_loss", "for need in t.needs)]", "for need in t.needs)][:1]", "one waiter is told"),
    Mutant("I4", "CacheLoads._load_lost", "if not ready:", "if False:", "a dead loader's load stays under way"),
    Mutant("I4", "Workers._run", "_tell(lost, error)", "pass", "nobody hears of a dead job"),
    Mutant("I4", "CacheLoads._after_loss", "for member in lost:", "for member in lost[-1:]:", "what stood on it stays"),
    Mutant("I4", "CacheLoads._abandon_unless_wanted", "raise Abandoned", "return", "a cancelled load goes on"),
    # I5: answers by the deadline
    Mutant("I5", "CacheWork._look", "self._give_up(ticket, too_late(ticket))", "pass", "deadlines are not kept"),
    Mutant("I5", "ModelCache.acquire", "min(ends, default=None)", "cancel.deadline", "the timeout is not kept"),
    Mutant("I5", "CacheWork._look", "and ticket.deadline > now]", "and ticket.deadline < now]", "the clock is not set"),
    Mutant("I5", "Janitor.wake", "or not self._thread.is_alive()", "", "a dead janitor is not replaced"),
    Mutant("I5", "Janitor._run", "except BaseException as error:", "except Exception as error:", "the janitor dies"),
    Mutant("I5", "ModelCache.close", "self._give_up(ticket, Busy(SHUTTING_DOWN))", "pass", "closing tells nobody"),
    # I6: nobody starves
    Mutant("I6", "CacheWork._look", "self._policy.drain(head.needs)", "pass", "busy models are never closed"),
    Mutant("I6", "CacheWork._leave_queue", "self._policy.undrain()", "pass", "what was closed stays closed"),
    Mutant(
        "I6", "ModelCache._enter", "self._queue.append(ticket)", "self._queue.appendleft(ticket)", "later ones overtake"
    ),
    Mutant("I6", "ModelCache._hit", "is not State.READY", "is State.LOADING", "a closed model takes new leases"),
    Mutant(
        "I6", "CacheWork._leave_queue", "return [self._janitor.wake]", "return []", "the next head's wait is not seen"
    ),
    # I7: no hold and wait
    Mutant("I7", "ModelCache.lease_many", 'if getattr(self._held, "lease", False):', "if False:", "leases nest"),
    Mutant("I7", "ModelCache.lease_many", "self._held.lease = True", "pass", "nobody knows that a lease is held"),
    Mutant("I7", "ModelCache.lease_many", "self._held.lease = False", "pass", "one lease for ever"),
    Mutant(
        "I7",
        "ModelCache._enter",
        "self._queue.append(ticket)",
        "self._queue.append(ticket); [self._policy.claim(key) for key in ticket.claims if self._policy.state(key)]",
        "who waits for memory holds what is ready",
    ),
    # I8: the books
    Mutant("I8", "CacheWork._release", ONCE, "self._out.pop(lease, None)", "a lease is given back twice"),
    Mutant("I8", "CacheLoads._after_loss", "self._policy.release(claim)", "pass", "a failed request keeps its claims"),
    Mutant("I8", "Policy.gone", "self.total -= entry.bytes", "pass", "bytes of the gone stay booked"),
    Mutant("I8", "Policy.measured", "self.total += more", "pass", "the sum keeps the estimate"),
    Mutant("I8", "Handover.close", "lease.release()", "pass", "a blocking lease is never given back"),
    Mutant("I8", "CacheWork._release", "del self._out[lease]", "pass", "leases given back stay in the list"),
    # I9: the victim
    Mutant("I9", "Policy._victims", "min(open_", "max(open_", "the dearest goes first"),
    Mutant("I9", "Policy._touch", "self.floor + ", "", "nothing ages"),
    Mutant("I9", "Policy._touch", "self._tick += 1", "pass", "ties do not go by last use"),
    Mutant("I9", "Policy._touch", "/ max(1, entry.bytes)", "", "size does not count"),
    Mutant("I9", "Policy._unload", "self.floor = max(self.floor, entry.credit)", "pass", "L stays 0"),
    Mutant(
        "I9", "Policy.clear", "entry.state = State.UNLOADING", "self._unload(entry.key)", "the owner's choice moves L"
    ),
    # I10: what can never fit
    Mutant("I10", "Policy.admit", "self._refuse_impossible(size, wanted)", "pass", "the impossible evicts everybody"),
    Mutant("I10", "Policy._refuse_impossible", "size > self.physical", "size > self.budget", "oversize is refused"),
    Mutant(
        "I10", "Policy.admit", "size = more + sum(", "size = more + 0 * sum(", "what is there already does not count"
    ),
    # I11: pins
    Mutant("I11", "Policy._victims", "and not entry.pinned", "", "room is made of what is pinned"),
    Mutant("I11", "Policy._can_leave", "or entry.pinned", "", "what is pinned counts as idle"),
    Mutant("I11", "Policy.pin_all", "if size > self.budget:", "if False:", "too many pins are accepted"),
    Mutant(
        "I11", "Policy._add", "pinned=need.key in self.pins", "pinned=False", "a warm model is not pinned when it comes"
    ),
    Mutant(
        "I11", "Policy.pin_all", "for pinned in self.pins.values()", "for pinned in ()", "earlier pins do not count"
    ),
    Mutant(
        "I11", "Policy._held_by_pin", "for k in self.family(key)", "for k in [key]", "a pinned adapter's base is free"
    ),
    Mutant("I11", "Policy.pin_all", "entry.state = State.READY", "pass", "a closed model that is pinned stays closed"),
    # I12: out of memory
    Mutant("I12", "CacheLoads._attempt", "self._evict(", "(lambda *a, **k: None)(", "idle models stay"),
    Mutant("I12", "CacheLoads._attempt", "wait=True", "wait=False", "it tries again before they are gone"),
    Mutant("I12", "CacheLoads._attempt", "except OutOfMemory:", KEEP, "the failed try's frames are kept"),
    Mutant(
        "I12",
        "CacheLoads._attempt",
        "self._reclaim()\n    return self._backend.load(slot.ref, base, report)",
        'raise OutOfMemory("full")',
        "there is no second try",
    ),
    # I13: measured bytes
    Mutant(
        "I13", "CacheLoads._book", "self._policy.measured(key, bytes)", "pass", "nothing leaves for what was measured"
    ),
    Mutant("I13", "CacheLoads._book", "self._wait_until_left()", "pass", "it is served beside what has to leave"),
    Mutant("I13", "ModelCache._needs", "measured if before == estimate else estimate", "estimate", "nothing is learnt"),
    Mutant("I13", "CacheWork._release", "self._policy.total > self._policy.budget", "False", "over budget for ever"),
    Mutant(
        "I13", "Policy._excess", "while self._exceeds(list(staying.values())):", "while False:", "nothing is trimmed"
    ),
    # I14: the longest hold
    Mutant(
        "I14",
        "CacheWork._look",
        "run_all([*todo, *(lease.cancel.set for lease in overheld)])",
        "pass",
        "nobody is told",
    ),
    Mutant("I14", "CacheWork._look", "lease.cancel.set for", "lease.release for", "the model is taken away"),
    Mutant("I14", "CacheWork._overheld", "lease.overheld = True", "pass", "the same lease is told for ever"),
    Mutant("I14", "CacheWork._overheld", "now - lease.since < self._max_hold", "False", "everybody is told"),
    Mutant("I14", "ModelCache._hit", "ref, key, cancel, now", "ref, key, Cancel(), now", "a hit has another's token"),
    Mutant("I14", "CacheWork._complete", "key, ticket.cancel, now", "key, Cancel(), now", "a miss has another's token"),
    # atomic leases
    Mutant("lease_many", "CacheWork._complete", "if all(", "if any(", "it is served when the first is there"),
    Mutant(
        "lease_many", "CacheLoads._after_loss", "self._policy.release(claim)", "pass", "the ready half stays leased"
    ),
    Mutant(
        "lease_many",
        "CacheWork._pump",
        "self._policy.admit(ticket.needs, ticket.claims)",
        "self._policy.admit(ticket.needs, ticket.claims[:1])",
        "only the first is claimed",
    ),
    # cancellation
    Mutant(
        "cancellation", "ModelCache.acquire", "ticket.forget = cancel.on_set(", "cancel.on_set(", "the token keeps it"
    ),
    Mutant("cancellation", "CacheWork._give_up", "self._policy.release(key)", "pass", "its claims stay"),
    Mutant("cancellation", "Policy.wanted", "return any(", "return not any(", "a load is taken away from others"),
    Mutant("cancellation", "CacheWork._give_up", "self._leave_queue(ticket)", "[]", "it keeps its place in the queue"),
)


def mutated(mutant: Mutant):
    """The method with the mutant's text, of the same module; fails where the text is not there just once."""
    owner_name, name = mutant.where.split(".")
    method = inspect.getattr_static(OWNERS[owner_name], name)
    source = textwrap.dedent(inspect.getsource(method))
    found = source.count(mutant.old)
    assert found == 1, f"this mutant has rotted: {mutant.where} holds {mutant.old!r} {found} times"
    changed = compile(
        source.replace(mutant.old, mutant.new),
        f"<mutant of {mutant.where}>",
        "exec",
        __future__.annotations.compiler_flag,
    )
    made: dict[str, object] = {}
    exec(changed, inspect.unwrap(method).__globals__, made)
    return OWNERS[owner_name], name, made[name]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # mutants let threads die
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.invariant}: {m.breaks}")
def test_the_check_sees_the_mutant(mutant, monkeypatch):
    owner, name, method = mutated(mutant)
    monkeypatch.setattr(owner, name, method)
    monkeypatch.setattr(invariants, "patience", 0.6)
    assert invariants.failure_of(invariants.CHECKS[mutant.invariant], hard=3.0) is not None, mutant.breaks


def test_every_invariant_has_its_check_and_its_mutants():
    assert set(invariants.CHECKS) == ALL
    assert {mutant.invariant for mutant in MUTANTS} == ALL
    assert min(Counter(mutant.invariant for mutant in MUTANTS).values()) >= 3
