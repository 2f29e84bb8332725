"""The cache's decisions: Hypothesis tries any order of requests, releases, loads, failures and unloads."""

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
    """One thread plays all parts. The model beside the policy: who holds what, and what the last admitted request was."""

    def __init__(self):
        super().__init__()
        self.policy = Policy(BUDGET, PHYSICAL)
        self.held = []
        self.alone = set()
        self.over_by_measure = False

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
    def ask(self, keys):
        wanted = needs(*keys)
        before = {key: entry.state for key, entry in self.policy.entries.items()}
        total = sum(self.policy.entries[n.key].bytes if n.key in before else n.bytes for n in wanted)
        try:
            step = self.policy.admit(wanted, keys)
        except TooLarge:
            assert before == {key: entry.state for key, entry in self.policy.entries.items()}, "it evicted for nothing"
            assert total > PHYSICAL or any(entry.pinned for entry in self.policy.entries.values())
            return
        assert total <= PHYSICAL
        match step:
            case Admitted(load):
                assert [need.key for need in load] == [need.key for need in wanted if need.key not in before]
                self.held.extend(keys)
                if self.policy.total > BUDGET and load:
                    assert self.policy.entries.keys() == {need.key for need in wanted}, "over-size, and not alone"
                if load:
                    self.alone = {need.key for need in wanted}
            case Evict(victims):
                self.check_victims(victims, before, wanted)
            case Wait():
                pass

    def check_victims(self, victims, before, wanted):
        gone = set()
        for key in victims:
            entry = self.policy.entries[key]
            assert before[key] is State.READY
            assert entry.state is State.UNLOADING
            assert key not in self.held
            assert not entry.pinned
            assert key not in {need.key for need in wanted}
            children = [e.key for e in self.policy.entries.values() if e.parent == key]
            assert all(before[child] is State.UNLOADING or child in gone for child in children), (
                "a child was left behind"
            )
            # GreedyDual-Size: nothing that could have gone first was worth less
            for other in self.policy.entries.values():
                if other.key in gone or other.key == key or before[other.key] is not State.READY:
                    continue
                could = (
                    other.key not in self.held
                    and not other.pinned
                    and other.key not in {need.key for need in wanted}
                    and all(
                        e.key in gone or before[e.key] is State.UNLOADING
                        for e in self.policy.entries.values()
                        if e.parent == other.key
                    )
                )
                if could:
                    assert (entry.credit, entry.used) <= (other.credit, other.used)
            assert self.policy.floor >= entry.credit
            gone.add(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data):
        key = data.draw(st.sampled_from(self.held))
        self.held.remove(key)
        self.policy.release(key)

    @rule(data=st.data(), ok=st.integers(0, 4), seconds=st.floats(0, 10), extra=st.integers(-3, 3))
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
            self.policy.loaded(key, max(1, self.policy.entries[key].bytes + extra), seconds)
            self.over_by_measure |= self.policy.total > BUDGET
            for victim in self.policy.trim():
                assert victim not in self.held
            return
        lost = [e.key for e in self.policy.entries.values() if e.parent == key] + [key]
        for child in lost:
            for _ in range(self.held.count(child)):
                self.policy.release(child)
            self.held = [held for held in self.held if held != child]
            self.policy.gone(child)

    @rule(data=st.data())
    def unload_ends(self, data):
        leaving = [e.key for e in self.policy.entries.values() if e.state is State.UNLOADING and not e.children]
        if leaving:
            self.policy.gone(data.draw(st.sampled_from(leaving)))

    @rule(data=st.data(), pinned=st.booleans())
    def pin(self, data, pinned):
        ready = [e for e in self.policy.entries.values() if e.state is State.READY]
        if ready:
            data.draw(st.sampled_from(ready)).pinned = pinned

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=1))
    def drain_and_give_up(self, keys):
        """A draining entry is never one that is needed or pinned; and giving up opens everything again."""
        for key in self.policy.drain(needs(*keys)):
            assert key not in {need.key for need in needs(*keys)}
            assert not self.policy.entries[key].pinned
        self.policy.undrain()
        assert not any(e.state is State.DRAINING for e in self.policy.entries.values())

    @invariant()
    def leases_are_what_is_held(self):
        for key, entry in self.policy.entries.items():
            assert entry.leases == self.held.count(key)
        assert set(self.held) <= self.policy.entries.keys()

    @invariant()
    def children_are_counted_and_have_parents(self):
        for key, entry in self.policy.entries.items():
            assert entry.children == sum(e.parent == key for e in self.policy.entries.values())
            if entry.parent is not None:
                assert entry.parent in self.policy.entries

    @invariant()
    def nothing_in_use_leaves(self):
        for entry in self.policy.entries.values():
            if entry.state is State.UNLOADING:
                assert entry.leases == 0
                held = [e for e in self.policy.entries.values() if e.parent == entry.key]
                assert all(e.state is State.UNLOADING for e in held)

    @invariant()
    def within_the_budget_or_alone(self):
        if self.policy.total > BUDGET and not self.over_by_measure:
            assert self.policy.entries.keys() <= self.alone
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
