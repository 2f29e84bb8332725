"""The cache's decisions: Hypothesis tries any order of requests, releases, loads, failures and unloads."""

import copy
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from playground.core.errors import TooLarge
from playground.engine.policy import Admitted, Evict, Need, Policy, State, Wait

BUDGET, PHYSICAL = 100, 160
BASES = {"A": 40, "B": 50, "C": 30, "huge": 130, "impossible": 200}
CHILDREN = {"A1": ("A", 10), "A2": ("A", 20), "B1": ("B", 10), "C1": ("C", 5), "C2": ("C", 90)}
KEYS = [*BASES, *CHILDREN]


def needs(*keys):
    found = {}
    for key in keys:
        parent, size = CHILDREN.get(key, (None, BASES.get(key)))
        if parent is not None:
            found[parent] = Need(parent, None, BASES[parent])
        found[key] = Need(key, parent, size)
    return tuple(found.values())


class CacheMachine(RuleBasedStateMachine):
    """One thread plays all parts. The model beside the policy: who holds what, what the last admitted request was, who is
    closed for whom, and what L was.
    """

    def __init__(self):
        super().__init__()
        self.policy = Policy(BUDGET, PHYSICAL)
        self.held = []
        self.asked = set()  # by the last request with something to load
        self.over_by_measure = False
        self.floor = 0.0
        self.drained = set()

    def evictable(self, keep=(), gone=(), entries=None):
        """What may leave now, worked out anew: ready, idle, not pinned, not wanted, and nothing stands on it that stays."""
        entries = (self.policy.entries if entries is None else entries).values()

        def stays(entry):
            return entry.key not in gone and (entry.state is not State.UNLOADING or entry.abandoned)

        return [
            e
            for e in entries
            if e.key not in gone
            and e.state in (State.READY, State.DRAINING)
            and e.key not in self.held
            and not e.pinned
            and e.key not in keep
            and not any(stays(child) for child in entries if child.parent == e.key)
        ]

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
    def ask(self, keys):
        wanted = needs(*keys)
        names = {need.key for need in wanted}
        before = {key: (entry.state, entry.credit, entry.used) for key, entry in self.policy.entries.items()}
        total = sum(self.policy.entries[n.key].bytes if n.key in before else n.bytes for n in wanted)
        pinned = sum(e.bytes for e in self.policy.entries.values() if e.key not in names and self.holds_a_pin(e.key))
        twin = copy.deepcopy(self.policy.entries)
        try:
            step = self.policy.admit(wanted, keys)
        except TooLarge:
            after = {key: (entry.state, entry.credit, entry.used) for key, entry in self.policy.entries.items()}
            assert before == after, "it evicted for nothing"
            assert total > PHYSICAL or (pinned and pinned + total > BUDGET)
            return
        assert total <= PHYSICAL
        assert not (pinned and pinned + total > BUDGET)
        match step:
            case Admitted(load):
                assert [need.key for need in load] == [need.key for need in wanted if need.key not in before]
                assert not any(before[key][0] in (State.DRAINING, State.UNLOADING) for key in names & before.keys())
                self.held.extend(keys)
                if self.policy.total > BUDGET and load:
                    assert self.policy.entries.keys() == names, "over-size, and not alone"
                if load:
                    self.asked = names
                for need in load:
                    assert self.policy.entries[need.key].pinned == (need.key in self.policy.pins)
            case Evict(victims):
                self.check_victims(victims, names, twin)
                assert self.policy.floor == max([self.floor, *(before[key][1] for key in victims)])
                staying = sum(e.bytes for e in self.policy.entries.values() if e.state is not State.UNLOADING)
                more = sum(need.bytes for need in wanted if need.key not in before)
                last = self.policy.entries[victims[-1]].bytes
                assert staying + more <= BUDGET or total > BUDGET, "not enough"
                assert staying + more + last > BUDGET, "more than needed"
            case Wait():
                pass

    def holds_a_pin(self, key):
        entries = self.policy.entries.values()
        return self.policy.entries[key].pinned or any(self.holds_a_pin(e.key) for e in entries if e.parent == key)

    def check_victims(self, victims, keep, before):
        """I9, on a copy of the entries from before: each victim in turn is the least of what may leave then."""
        gone = []
        for key in victims:
            open_ = self.evictable(keep, gone, before)
            assert key in [entry.key for entry in open_]
            assert before[key].rank == min(entry.rank for entry in open_)
            gone.append(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data):
        key = data.draw(st.sampled_from(self.held))
        self.held.remove(key)
        self.policy.release(key)
        if self.policy.total > BUDGET:
            self.trim()

    def trim(self):
        """I13: the least goes first, until memory is within the budget, nobody idle is left, or one model is alone."""
        before = copy.deepcopy(self.policy.entries)
        victims = self.policy.trim()
        self.check_victims(victims, (), before)
        if self.policy.total - sum(self.policy.entries[key].bytes for key in self.leaving()) > BUDGET:
            staying = [e for e in self.policy.entries.values() if e.state is not State.UNLOADING]
            chain = all(child.parent == parent.key for parent, child in pairwise(staying))
            assert chain or not self.evictable()

    def leaving(self):
        return [key for key, entry in self.policy.entries.items() if entry.state is State.UNLOADING]

    @rule(data=st.data(), ok=st.integers(0, 4), seconds=st.floats(0, 10), extra=st.integers(-3, 30))
    def load_ends(self, data, ok, seconds, extra):
        """One of the loads under way ends: mostly well, and with other bytes than estimated."""
        under_way = [
            e.key
            for e in self.policy.entries.values()
            if e.state is State.LOADING and (e.parent is None or self.policy.state(e.parent) is State.READY)
        ]
        if not under_way:
            return
        key = data.draw(st.sampled_from(under_way))
        if ok:
            size = max(1, self.policy.entries[key].bytes + extra)
            self.policy.measured(key, size)
            self.over_by_measure |= self.policy.total > BUDGET
            self.trim()
            self.policy.loaded(key, size, seconds)
            entry = self.policy.entries[key]
            assert entry.bytes == size
            assert entry.credit == self.policy.floor + seconds / size
            return
        lost = [e.key for e in self.policy.entries.values() if e.parent == key] + [key]
        for child in lost:
            for _ in range(self.held.count(child)):
                self.policy.release(child)
            self.held = [held for held in self.held if held != child]
            self.policy.gone(child)

    @rule(data=st.data())
    def load_is_given_up(self, data):
        """Nobody wants it any more: it keeps its bytes and its base until it is gone."""
        idle = [
            e.key for e in self.policy.entries.values() if e.state is State.LOADING and not self.policy.wanted(e.key)
        ]
        if idle:
            key = data.draw(st.sampled_from(idle))
            before = self.policy.total
            self.policy.abandon(key)
            assert self.policy.total == before
            parent = self.policy.entries[key].parent
            assert parent is None or not self.policy.clear([parent])

    @rule(data=st.data())
    def unload_ends(self, data):
        leaving = [e.key for e in self.policy.entries.values() if e.state is State.UNLOADING and not e.children]
        if leaving:
            self.policy.gone(data.draw(st.sampled_from(leaving)))

    @rule(data=st.data(), pinned=st.booleans())
    def pin(self, data, pinned):
        if not self.policy.entries:
            return
        entry = data.draw(st.sampled_from(list(self.policy.entries.values())))
        try:
            found = self.policy.pin(entry.key, pinned)
        except TooLarge:
            assert not entry.pinned
            return
        assert found == (entry.state is not State.UNLOADING)
        assert entry.pinned == (pinned and found)
        if pinned and found:
            assert entry.state is not State.DRAINING
            self.drained.discard(entry.key)

    @rule(keys=st.lists(st.sampled_from(KEYS[:-3]), min_size=1, max_size=2, unique=True))
    def pin_all(self, keys):
        """I11: all or none, and only what fits together, with bases once."""
        before = dict(self.policy.pins)
        chains = [need for pinned in before.values() for need in pinned] + list(needs(*keys))
        entries = self.policy.entries
        size = sum({n.key: entries[n.key].bytes if n.key in entries else n.bytes for n in chains}.values())
        try:
            self.policy.pin_all(needs(*keys), keys)
        except TooLarge:
            assert size > BUDGET
            assert self.policy.pins == before
            return
        assert size <= BUDGET
        assert self.policy.pins.keys() == before.keys() | set(keys)
        self.drained -= set(keys)

    @rule()
    def unpin_all(self):
        for key in list(self.policy.pins):
            self.policy.pin(key, False)
        assert not any(entry.pinned for entry in self.policy.entries.values())

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=1))
    def drain(self, keys):
        """A draining entry is never one that is needed or pinned, and what drains makes room enough once given back."""
        wanted = {need.key for need in needs(*keys)}
        leaving = self.policy.drain(needs(*keys))
        for key in leaving:
            assert key not in wanted
            assert not self.policy.entries[key].pinned
            assert self.policy.state(key) is State.DRAINING
        self.drained |= set(leaving)

    @rule()
    def undrain(self):
        """Giving up opens everything again."""
        self.policy.undrain()
        self.drained.clear()

    @rule(keys=st.none() | st.lists(st.sampled_from(KEYS), min_size=1, max_size=1))
    def clear(self, keys):
        """The owner unloads what is idle: all of it, or a model with all that stands on it, or nothing."""
        floor = self.policy.floor
        gone = self.policy.clear(keys)
        assert self.policy.floor == floor
        for key in gone:
            assert key not in self.held
            assert not self.policy.entries[key].pinned
        if keys is None:
            assert not self.evictable()
        elif gone:
            assert gone[-1] == keys[0]

    @invariant()
    def l_only_grows(self):
        assert self.policy.floor >= self.floor
        self.floor = self.policy.floor

    @invariant()
    def leases_are_what_is_held(self):
        for key, entry in self.policy.entries.items():
            assert entry.leases == self.held.count(key)
        assert set(self.held) <= self.policy.entries.keys()

    @invariant()
    def the_sum_is_the_sum(self):
        assert self.policy.total == sum(entry.bytes for entry in self.policy.entries.values())

    @invariant()
    def children_are_counted_and_have_parents(self):
        for key, entry in self.policy.entries.items():
            assert entry.children == sum(e.parent == key for e in self.policy.entries.values())
            if entry.parent is not None:
                assert entry.parent in self.policy.entries

    @invariant()
    def nothing_in_use_or_pinned_leaves(self):
        for entry in self.policy.entries.values():
            if entry.state is State.UNLOADING:
                assert entry.leases == 0
                assert not entry.pinned
                standing = [e for e in self.policy.entries.values() if e.parent == entry.key]
                assert all(e.state is State.UNLOADING for e in standing)
                assert entry.abandoned or not any(e.abandoned for e in standing)

    @invariant()
    def only_what_was_drained_drains(self):
        self.drained &= self.policy.entries.keys()
        for key, entry in self.policy.entries.items():
            assert entry.state is not State.DRAINING or key in self.drained

    @invariant()
    def within_the_budget_or_alone(self):
        if self.policy.total > BUDGET and not self.over_by_measure:
            assert self.policy.entries.keys() <= self.asked
        if self.policy.total <= BUDGET:
            self.over_by_measure = False


TestCacheMachine = CacheMachine.TestCase
TestCacheMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def resident(policy, key, size, seconds, parent=None):
    found = [Need(parent, None, policy.entries[parent].bytes)] if parent else []
    assert isinstance(policy.admit([*found, Need(key, parent, size)], [key]), Admitted)
    policy.loaded(key, size, seconds)
    policy.release(key)


def test_the_cheapest_per_byte_goes_first_and_age_counts():
    policy = Policy(100, 1000)
    resident(policy, "dear", 30, 3.0)  # H = 0.1
    resident(policy, "cheap", 30, 0.3)  # H = 0.01
    resident(policy, "middle", 30, 1.5)  # H = 0.05
    assert policy.admit([Need("new", None, 20)], ["new"]) == Evict(("cheap",))
    policy.gone("cheap")
    assert policy.floor == pytest.approx(0.01)
    resident(policy, "new", 30, 0.9)  # H = L + 0.03 = 0.04
    assert policy.entries["new"].credit == pytest.approx(0.04)
    assert policy.admit([Need("other", None, 20)], ["other"]) == Evict(("new",))


def test_equal_worth_goes_by_least_recent_use():
    policy = Policy(100, 1000)
    for key in "abc":
        resident(policy, key, 30, 1.0)
    policy.claim("a")
    policy.release("a")
    assert policy.admit([Need("new", None, 30)], ["new"]) == Evict(("b",))


def test_a_backbone_stays_while_a_child_is_leased_and_leaves_after_its_idle_children():
    policy = Policy(100, 1000)
    resident(policy, "base", 60, 0.1)
    resident(policy, "child", 10, 9.0, parent="base")
    policy.claim("child")
    assert policy.admit([Need("new", None, 80)], ["new"]) == Wait()
    policy.release("child")
    assert policy.admit([Need("new", None, 80)], ["new"]) == Evict(("child", "base"))


def test_measured_bytes_over_the_budget_trim_what_is_idle():
    policy = Policy(100, 1000)
    resident(policy, "idle", 40, 1.0)
    assert isinstance(policy.admit([Need("new", None, 50)], ["new"]), Admitted)
    policy.loaded("new", 90, 1.0)
    assert policy.trim() == ("idle",)


def test_pins_that_leave_no_room_refuse_at_once():
    policy = Policy(100, 1000)
    resident(policy, "pinned", 60, 1.0)
    policy.entries["pinned"].pinned = True
    with pytest.raises(TooLarge, match="pinned models leave"):
        policy.admit([Need("new", None, 50)], ["new"])


def test_what_the_device_cannot_hold_evicts_nobody():
    policy = Policy(100, 200)
    resident(policy, "idle", 90, 1.0)
    with pytest.raises(TooLarge, match="choose a smaller one"):
        policy.admit([Need("new", None, 201)], ["new"])
    assert policy.state("idle") is State.READY


def test_to_pin_again_what_grew_over_the_budget_changes_nothing():
    policy = Policy(100, 1000)
    resident(policy, "a", 60, 1.0)
    resident(policy, "b", 40, 1.0)
    assert policy.pin("a", True)
    assert policy.pin("b", True)
    policy.measured("b", 50)
    assert policy.pin("b", True)
    with pytest.raises(TooLarge):
        policy.pin_all([Need("c", None, 1)], ["c"])
