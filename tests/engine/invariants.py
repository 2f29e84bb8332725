"""The cache's invariants, one check each: what has to hold, in a sentence, and a situation in which it could break.

`CHECKS` names them. A check builds its own caches, takes no longer than its own deadlines, and fails with an AssertionError
(or is stuck, which `failure_of` sees). `test_invariants.py` runs them; `test_mutants.py` shows that each of them can fail.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, InternalError, LoadFailed, OutOfMemory, TooLarge
from playground.core.status import Why
from playground.engine.cache import Cancelled, ModelCache, key_of
from playground.engine.policy import Policy

from .conftest import Answer, FakeBackend, ref

patience = 5.0  # seconds that a check waits for what has to come; the mutants' tests make it shorter
HARD = 10.0  # seconds after which a check counts as stuck

Check = Callable[[], None]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    def add(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return add


def failure_of(function: Check, hard: float = HARD) -> str | None:
    """Why a check fails, or None. It runs in a daemon thread, so that one that is stuck holds up nobody."""
    found: list[str | None] = []

    def run() -> None:
        try:
            function()
            found.append(None)
        except BaseException as error:
            found.append(f"{type(error).__name__}: {error}"[:300])

    before = set(_made)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(hard)
    if not found:
        for cache in set(_made) - before:  # a stuck check never comes to its end, where it would do this itself
            end_threads(cache)
    return found[0] if found else f"stuck after {hard} s"


_made: weakref.WeakSet[ModelCache] = weakref.WeakSet()


def end_threads(cache: ModelCache) -> None:
    """Also where a mutant cannot close: its threads outlive no test."""
    for threads in (cache._loaders, cache._unloaders, cache._janitor):
        threads._closed = True
    cache._janitor._wake.set()


# -- what the checks are made of


class WatchedPolicy(Policy):
    """Looks at the sum of all bytes whenever it changes. `wrong`: what it saw. Over budget it may only shrink (the budget was
    made smaller), unless all that is there belongs to the one request that is being admitted.
    """

    def __init__(self, budget: int, physical: int) -> None:
        self.wrong: list[str] = []
        self.excused = False  # while more is measured than was estimated
        self.asked: set[object] = set()
        self._total = 0
        super().__init__(budget, physical)

    def admit(self, needs, claims):
        self.asked = {need.key for need in needs}
        return super().admit(needs, claims)

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        before, self._total = self._total, total
        true = sum(entry.bytes for entry in self.entries.values())
        if total != true:
            self.wrong.append(f"{total} bytes are booked and {true} are there")
        if true > max(self.budget, before) and not self.excused and not self.entries.keys() <= self.asked:
            self.wrong.append(f"{true} of {self.budget} bytes: {sorted(map(str, self.entries))}")


@contextmanager
def cache_with(budget: int = 100, physical: int = 1000, **how) -> Iterator[tuple[ModelCache, FakeBackend]]:
    """A cache over a FakeBackend, watched: at the end neither may have anything to complain of."""
    limits = {name: how.pop(name) for name in ("max_wait", "max_hold", "loaders") if name in how}
    backend = how.pop("backend", None) or FakeBackend(**how)
    cache = ModelCache(backend, budget, physical, **limits)
    cache._policy = policy = WatchedPolicy(budget, physical)
    _made.add(cache)
    try:
        yield cache, backend
    finally:
        for gate in (backend.gate, backend.unload_gate):
            if gate is not None:
                gate.set()
        closing = threading.Thread(target=lambda: failure_of(cache.close), daemon=True)
        closing.start()
        closing.join(patience)
        end_threads(cache)
    assert backend.wrong == []
    assert policy.wrong == []
    assert not closing.is_alive(), "it does not close"


def come(condition: Callable[[], object], what: str = "it") -> None:
    until = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < until, f"{what} never came true"
        time.sleep(0.002)


def ask(cache: ModelCache, *refs, cancel: Cancel | None = None, timeout: float | None = None) -> Answer:
    answer = Answer()
    cache.acquire(refs, answer, cancel, timeout=timeout)
    return answer


def taken(answer: Answer):
    """The leases, which have to come."""
    answer.wait(patience)
    assert answer.error is None, repr(answer.error)
    return answer.leases


def error_of(answer: Answer) -> Exception:
    answer.wait(patience)
    assert answer.leases == ()
    assert answer.times == 1
    assert answer.error is not None
    return answer.error


def give(answer: Answer) -> None:
    for lease in taken(answer):
        lease.release()


def use(cache: ModelCache, *names: str) -> None:
    """Loads these, or uses them once more, and gives them back."""
    for name in names:
        give(ask(cache, ref(name)))


def here(cache: ModelCache) -> list[str]:
    return [row.model for row in cache.snapshot() if row.state != "unloading"]


def row_of(cache: ModelCache, name: str):
    return next(row for row in cache.snapshot() if row.model == name)


def quiet(cache: ModelCache, backend: FakeBackend) -> None:
    """At quiescence nobody holds or waits, and the books, the report and the backend agree."""
    come(lambda: all(row.state == "ready" for row in cache.snapshot()) and cache.waiting == 0, "quiet")
    report = cache.report()
    assert [row.model for row in report.residents if row.leases] == []
    assert not cache._out
    assert report.used == sum(row.bytes for row in report.residents) == cache.total_bytes
    assert backend.alive == {row.model for row in report.residents}


# -- the invariants


@check("I1")
def a_leased_model_is_never_unloaded() -> None:
    """A leased model is never unloaded: not for room, not by the owner, not for lack of memory, nor its base."""
    with cache_with(sizes={"base": 40, "child": 20, "big": 80, "small": 10}, max_wait=0.05) as (cache, backend):
        child = ref("child", ref("base"))
        held = ask(cache, child)
        taken(held)
        backend.enter(child)
        assert isinstance(error_of(ask(cache, ref("big"), timeout=0.2)), Busy)
        assert cache.evict_idle(wait=True) == 0
        assert cache.unload() == 0
        assert cache.unload(key_of(child)) == cache.unload(key_of(ref("base"))) == 0
        give(ask(cache, ref("idle", ref("base"))))
        assert cache.unload(key_of(ref("base"))) == 0  # nor then what could go with it
        assert cache.unload() == 1
        come(lambda: backend.unloads == ["idle"], "idle leaves")
        backend.faults = [OutOfMemory("full")]
        use(cache, "small")
        cache.resize(50, 1000)
        assert isinstance(error_of(ask(cache, ref("other"), timeout=0.1)), Busy)
        assert {"child", "base"} <= backend.alive
        assert set(backend.unloads) == {"idle", "small"}
        cache.resize(100, 1000)
        backend.leave(child)
        give(held)
        use(cache, "big")
        assert {"child", "base"} <= set(backend.unloads)

    class Slow(FakeBackend):
        """Takes its time to give a load up."""

        def load(self, ref_, base, report):
            def slowly(what, fraction) -> None:
                try:
                    report(what, fraction)
                except BaseException:
                    self.stopping.set()
                    assert self.may_stop.wait(10)
                    raise

            return super().load(ref_, base, slowly)

    backend = Slow()
    backend.stopping, backend.may_stop = threading.Event(), threading.Event()
    with cache_with(30, backend=backend) as (cache, _):
        use(cache, "base")
        backend.gate = threading.Event()
        cancel = Cancel()
        answer = ask(cache, ref("child", ref("base")), cancel=cancel)
        come(lambda: "child" in backend.alive, "the child loads")
        cancel.set()
        backend.gate.set()
        assert isinstance(error_of(answer), Cancelled)
        assert backend.stopping.wait(patience)
        head = ask(cache, ref("x"), ref("y"), ref("z"))  # which need all there is
        assert cache.unload() == 0
        time.sleep(0.02)
        assert "base" not in backend.unloads  # what still loads stands on it
        backend.may_stop.set()
        give(head)
        assert backend.unloads == ["base"]


@check("I2")
def one_load_for_all_who_ask() -> None:
    """At most one load of a key is under way: N requests at once are one load, and two adapters load their base once."""
    with cache_with(gate=threading.Event()) as (cache, backend):
        base = ref("base")
        wanted = [ref("m")] * 8 + [ref("a", base), ref("b", base), base] * 2
        start = threading.Barrier(len(wanted))
        answers = [Answer() for _ in wanted]

        def work(model, answer) -> None:
            start.wait(patience)
            cache.acquire([model], answer)

        for model, answer in zip(wanted, answers, strict=True):
            threading.Thread(target=work, args=(model, answer), daemon=True).start()
        come(lambda: cache.waiting == len(wanted), "all wait")
        assert len(cache.snapshot()) == 4
        backend.gate.set()
        for answer in answers:
            give(answer)
        assert sorted(backend.loads) == ["a", "b", "base", "m"]
        quiet(cache, backend)


@check("I3")
def memory_stays_within_the_budget() -> None:
    """Ready, loading and unloading together stay within the budget, or exactly one oversize request has it all to itself."""
    sizes = {"a": 60, "b": 60, "c": 40, "huge": 150}
    with cache_with(sizes=sizes, gate=threading.Event(), unload_gate=threading.Event()) as (cache, backend):
        first, second, third = (ask(cache, ref(name)) for name in "abc")
        come(lambda: backend.loads, "a begins")
        assert here(cache) == ["a"]  # b does not fit beside its reservation, and c is behind b
        backend.gate.set()
        give(first)
        come(lambda: backend.unloads, "a leaves")
        time.sleep(0.02)
        assert backend.loads == ["a"]  # a has not left yet
        backend.unload_gate.set()
        taken(second)
        taken(third)
        big = ask(cache, ref("huge"))
        give(second)
        time.sleep(0.02)
        assert not big.ready.is_set()
        give(third)
        taken(big)
        assert here(cache) == ["huge"]
        other = ask(cache, ref("c"))
        time.sleep(0.02)
        assert not other.ready.is_set()
        assert backend.alive == {"huge"}
        give(big)
        give(other)
        assert here(cache) == ["c"]
        quiet(cache, backend)
    _a_smaller_budget_is_kept_among_busy_models()


def _a_smaller_budget_is_kept_among_busy_models() -> None:
    """None of them is ever idle: what has to leave takes no new leases, until it is gone; then all is open again."""
    costs = {"pinned": 0.0, "dear": 9.0, "cheap": 1.0}
    with cache_with(sizes={"pinned": 40, "dear": 30, "cheap": 30, "other": 20}, costs=costs, max_wait=0.05) as (
        cache,
        backend,
    ):
        use(cache, *costs)
        assert cache.pin(row_of(cache, "pinned").key)
        held = {name: [ask(cache, ref(name))] for name in costs}

        def turn() -> None:
            """One lease after the other, without a gap."""
            for name, answers in held.items():
                answers.append(ask(cache, ref(name)))
                if answers[0].ready.is_set():
                    give(answers.pop(0))
            time.sleep(0.002)

        def until(condition: Callable[[], object], what: str) -> None:
            come(lambda: (turn(), condition())[1], what)

        cache.resize(70, 1000)
        come(lambda: row_of(cache, "cheap").state == "draining", "the least worth is closed")
        cache.resize(100, 1000)
        come(lambda: row_of(cache, "cheap").state == "ready", "it is open again")
        cache.resize(70, 1000)
        come(lambda: row_of(cache, "cheap").state == "draining", "it is closed again")
        for _ in range(3):  # whoever waits at the head and gives up opens nothing
            assert isinstance(error_of(ask(cache, ref("other"), timeout=0.02)), Busy)
            assert row_of(cache, "cheap").state == "draining"
        assert len(here(cache)) == 3
        until(lambda: "cheap" in backend.unloads, "the least worth leaves")
        assert cache.total_bytes <= 70
        assert "pinned" not in backend.unloads
        cache.resize(100, 1000)
        until(lambda: {row.model for row in cache.snapshot() if row.state == "ready"} == set(costs), "all are open")
        cache.resize(30, 1000)  # less than what is pinned: all else leaves
        come(lambda: {row.model for row in cache.snapshot() if row.state == "draining"} == {"dear", "cheap"}, "closed")
        for answer in [*held["dear"], *held["cheap"]]:
            give(answer)
        come(lambda: here(cache) == ["pinned"], "only what is pinned is left")
        for answer in held["pinned"]:
            give(answer)
        quiet(cache, backend)


@check("I4")
def a_failed_load_leaves_nothing() -> None:
    """A failed or cancelled load leaves no entry, its waiters get the same error, and the next call tries afresh: also
    where the loader's thread dies, and where an unload does.
    """
    with cache_with(gate=threading.Event()) as (cache, backend):
        base, broken = ref("base"), LoadFailed("It is broken: mend it.")
        backend.faults = [broken]
        answers = [ask(cache, ref("a", base)), ask(cache, base), ask(cache, ref("b", base))]
        backend.gate.set()
        assert {id(error_of(answer)) for answer in answers} == {id(broken)}
        come(lambda: cache.snapshot() == [], "nothing left")
        assert cache.total_bytes == 0
        for death in (SystemExit(1), KeyboardInterrupt(), ValueError("a bug")):
            backend.faults = [death]
            answers = [ask(cache, ref("a", base)), ask(cache, ref("a", base))]
            for answer in answers:
                assert isinstance(error_of(answer), InternalError)
            come(lambda: cache.snapshot() == [], "nothing left")
        give(ask(cache, ref("a", base)))
        assert here(cache) == ["base", "a"]
        backend.faults = [LoadFailed("no")]
        assert isinstance(error_of(ask(cache, ref("b", base))), LoadFailed)
        assert here(cache) == ["base", "a"]
        backend.unload_faults = [SystemExit(2)]
        assert cache.unload() == 2
        come(lambda: cache.snapshot() == [], "unloaded")
        assert backend.alive == set()
        backend.gate = threading.Event()
        cancel = Cancel()
        answer = ask(cache, ref("a", base), cancel=cancel)
        come(lambda: backend.alive == {"base"}, "it loads")
        cancel.set()
        backend.gate.set()
        assert isinstance(error_of(answer), Cancelled)
        come(lambda: cache.snapshot() == [], "abandoned")
        give(ask(cache, ref("a", base)))
        assert len(cache.report().loads) == 5 + 2 + 2  # failed; two with their bases; not the abandoned
        quiet(cache, backend)


@check("I5")
def everybody_gets_an_answer_by_his_deadline() -> None:
    """Every acquire is answered once, or fails with Busy, DeadlineExceeded or Cancelled, by its deadline: waiting for memory
    or for a load, with the janitor dead, with a callback that fails, when the cache is closed.
    """

    def dying() -> float:
        raise SystemExit

    with cache_with(budget=10, gate=threading.Event()) as (cache, backend):
        cache._janitor._thread = threading.Thread(target=int)  # which is not alive
        started = time.monotonic()
        loading = ask(cache, ref("slow"), timeout=0.1)
        waiting = ask(cache, ref("other"), cancel=Cancel(0.15))
        token = Cancel()
        cancelled = ask(cache, ref("other"), cancel=token)
        token.set()
        assert isinstance(error_of(cancelled), Cancelled)
        assert isinstance(error_of(loading), DeadlineExceeded)
        assert isinstance(error_of(waiting), Busy)
        assert time.monotonic() - started < 0.15 + patience / 2
        assert isinstance(error_of(ask(cache, ref("other"), cancel=token)), Cancelled)
        look, cache._janitor._look = cache._look, dying
        failed = ask(cache, ref("other"), timeout=0.1)  # which wakes it
        time.sleep(0.02)
        cache._janitor._look = look  # from now on nobody wakes it
        assert isinstance(error_of(failed), Busy)

        def failing(leases, error) -> None:
            raise ValueError("the receiver is broken")

        cache.acquire([ref("slow")], failing)
        last = ask(cache, ref("slow"))
        come(lambda: cache.waiting >= 2, "both wait")
        backend.gate.set()
        taken(last)
        closed = ask(cache, ref("third"))
        assert cache.waiting == 1
        threading.Thread(target=cache.close, daemon=True).start()
        assert isinstance(error_of(closed), Busy)


@check("I6")
def a_miss_does_not_starve() -> None:
    """A miss waits at most max_wait, the longest lease, the unloads and its load: hits do not keep it out for ever, later
    misses do not overtake it, and what was closed for it opens again when it gives up.
    """
    with cache_with(sizes={"busy": 60, "head": 60, "small": 40}, max_wait=0.05) as (cache, backend):
        use(cache, "busy")
        held = [ask(cache, ref("busy"))]
        head = ask(cache, ref("head"))
        small = ask(cache, ref("small"))  # would fit beside busy, but has to wait its turn
        until = time.monotonic() + patience
        while not head.ready.is_set():  # one lease after the other, without a gap
            assert time.monotonic() < until, "the head starves"
            held.append(ask(cache, ref("busy")))
            if held[0].ready.is_set():
                give(held.pop(0))
            if not head.ready.is_set() and "head" not in backend.loads:
                assert "small" not in backend.loads, "it was overtaken"
            time.sleep(0.005)
        give(head)
        give(small)
        for answer in held:
            give(answer)
        use(cache, "busy")
        holder = ask(cache, ref("busy"))
        gives_up = ask(cache, ref("head"), timeout=0.15)
        come(lambda: row_of(cache, "busy").state == "draining", "draining")
        late = ask(cache, ref("busy"))
        assert isinstance(error_of(gives_up), Busy)
        give(late)
        give(holder)
        assert row_of(cache, "busy").state == "ready"
        quiet(cache, backend)
    costs = {"a": 0.0, "b": 9.0, "first": 99.0}
    with cache_with(sizes=dict.fromkeys(("a", "b", "first", "second"), 50), costs=costs, max_wait=0.05) as (
        cache,
        backend,
    ):
        use(cache, "a", "b")
        holder, held = ask(cache, ref("a")), [ask(cache, ref("b"))]
        first, second = ask(cache, ref("first")), ask(cache, ref("second"))
        come(lambda: row_of(cache, "a").state == "draining", "a drains for the first")
        give(holder)
        taken(first)
        until = time.monotonic() + patience
        while not second.ready.is_set():  # and then it is the second's turn, who has waited long already
            assert time.monotonic() < until, "the second starves"
            held.append(ask(cache, ref("b")))
            if held[0].ready.is_set():
                give(held.pop(0))
            time.sleep(0.005)
        give(first)
        give(second)
        for answer in held:
            give(answer)
        quiet(cache, backend)


@check("I7")
def nobody_holds_and_waits() -> None:
    """A nested lease raises at once, and who waits for memory holds no model meanwhile."""
    with cache_with(sizes={"a": 30, "b": 60, "c": 60}) as (cache, backend):
        with cache.lease(ref("a"), timeout=patience):
            started = time.monotonic()
            with pytest.raises(RuntimeError, match="lease_many"), cache.lease(ref("b"), timeout=patience):
                pass
            with pytest.raises(RuntimeError, match="lease_many"), cache.lease_many([ref("a")], timeout=patience):
                pass
            assert time.monotonic() - started < patience / 2
        with cache.lease(ref("a"), timeout=patience):
            pass  # and after it, all is as before
        holder = ask(cache, ref("c"))
        taken(holder)
        both = ask(cache, ref("a"), ref("b"))
        assert row_of(cache, "a").leases == 0
        assert not both.ready.is_set()
        give(holder)
        give(both)
        quiet(cache, backend)


@check("I8")
def at_quiescence_nothing_is_held_and_the_books_are_right() -> None:
    """At quiescence leases are 0 and bytes match their sum; giving back twice is giving back once."""
    sizes, measured = {"a": 30, "b": 30, "base": 20, "child": 10}, {"a": 25, "child": 12}
    with cache_with(sizes=sizes, measured=measured) as (cache, backend):
        one, other = ask(cache, ref("a")), ask(cache, ref("a"))
        (lease,) = taken(one)
        taken(other)
        assert row_of(cache, "a").leases == 2
        lease.release()
        lease.release()
        assert row_of(cache, "a").leases == 1
        give(other)
        backend.faults = [LoadFailed("no")]
        error_of(ask(cache, ref("a"), ref("b")))
        token = Cancel()
        token.set()
        error_of(ask(cache, ref("b"), cancel=token))
        with suppress(ValueError), cache.lease_many([ref("a"), ref("child", ref("base"))], timeout=patience):
            assert {row.leases for row in cache.snapshot()} == {0, 1}
            raise ValueError

        def failing(leases, error) -> None:
            raise ValueError

        with suppress(ValueError):
            cache.acquire([ref("a")], failing)
        quiet(cache, backend)
        assert {row.model: row.bytes for row in cache.snapshot()} == {"a": 25, "base": 20, "child": 12}
        cache.unload()
        come(lambda: cache.snapshot() == [], "unloaded")
        quiet(cache, backend)
        assert cache.total_bytes == 0


@check("I9")
def the_least_worth_goes_first() -> None:
    """The victim has the lowest H = L + load seconds / bytes, ties by least recent use; L becomes the victim's H, so that
    what is not used again ages out.
    """
    costs = {"dear": 3.0, "cheap": 0.3, "middle": 1.5, "big": 3.0, "old": 0.9, "new": 0.9}
    with cache_with(sizes=dict.fromkeys("abcd", 25) | {"big": 60}, costs=costs | dict.fromkeys("abcd", 1.0)) as (
        cache,
        _,
    ):

        def leaves(*names: str) -> None:
            before = len(cache.report().departures)
            use(cache, names[0])
            left = cache.report().departures
            assert [gone.model for gone in reversed(left[: len(left) - before])] == list(names[1:])

        cache.resize(30, 1000)
        leaves("dear")  # H = 3/10
        leaves("cheap")  # 0.3/10
        leaves("middle")  # 1.5/10
        leaves("old", "cheap")  # L = 0.03, H = 0.03 + 0.09
        assert row_of(cache, "old").credit == pytest.approx(0.12)
        leaves("old")  # a use renews it, at the same L
        leaves("new", "old")  # L = 0.12, so H = 0.21
        assert row_of(cache, "new").credit == pytest.approx(0.21)
        leaves("cheap", "middle")  # 0.15 is now less than what came later
        leaves("middle", "cheap")  # L = 0.15, H = 0.15 + 0.03 = 0.18 < 0.21
        assert cache._policy.floor == pytest.approx(0.18)
        cache.resize(100, 1000)
        cache.unload()
        come(lambda: here(cache) == [], "empty")
        assert cache._policy.floor == pytest.approx(0.18)  # the owner's choice says nothing of worth
        for name in "abc":
            use(cache, name)
        use(cache, "a")
        leaves("big", "b", "c")  # of equal worth: the least recently used
        assert all(gone.why in (Why.ROOM, Why.OWNER) for gone in cache.report().departures)


@check("I10")
def what_can_never_fit_evicts_nobody() -> None:
    """What exceeds the physical memory fails before anything is evicted; what exceeds only the budget runs alone."""
    sizes = {"idle": 90, "monster": 301, "base": 200, "child": 101, "big": 250}
    with cache_with(100, 300, sizes=sizes) as (cache, backend):
        use(cache, "idle")
        for wanted in ([ref("monster")], [ref("child", ref("base"))], [ref("base"), ref("child", ref("base"))]):
            error = error_of(ask(cache, *wanted))
            assert isinstance(error, TooLarge)
            assert "choose a smaller one" in str(error)
        assert backend.unloads == []
        assert backend.loads == here(cache) == ["idle"]
        held = ask(cache, ref("big"))
        taken(held)
        assert here(cache) == ["big"]
        assert isinstance(error_of(ask(cache, ref("idle"), timeout=0.05)), Busy)
        give(held)
        use(cache, "big", "idle")
        assert backend.loads == ["idle", "big", "idle"]
        use(cache, "base")
        assert isinstance(error_of(ask(cache, ref("child", ref("base")))), TooLarge)
        assert here(cache) == ["base"]


@check("I11")
def pinned_models_stay() -> None:
    """What is pinned stays, with its base, whoever needs room; pins that do not fit together are refused at once."""
    base = ref("base")
    sizes = {"base": 30, "a": 10, "b": 10, "c": 10, "wide": 45, "big": 75}
    costs = {"base": 0.0, "a": 0.0, "b": 0.0, "wide": 9.0, "x": 9.0, "y": 9.0}  # what is pinned is worth the least
    with cache_with(sizes=sizes, costs=costs, gate=threading.Event(), max_wait=0.05) as (cache, backend):
        with pytest.raises(TooLarge, match="pin fewer"):
            cache.pin_all([ref("big"), ref("a", base)])
        assert cache.snapshot() == []
        assert backend.loads == []
        cache.pin_all([ref("a", base), ref("b", base)])  # 50, since the base counts once
        with pytest.raises(TooLarge, match="pin fewer"):
            cache.pin_all([ref("wide"), ref("c", base)])  # 45 + 10 more: nothing is loaded of those yet
        backend.gate.set()
        come(lambda: [row.pinned for row in cache.snapshot()] == [False, True, True], "pinned")
        come(lambda: cache.waiting == 0, "warm")
        assert here(cache) == ["base", "a", "b"]
        assert cache.evict_idle(wait=True) == cache.unload() == cache.unload(key_of(base)) == 0
        error = error_of(ask(cache, ref("big")))
        assert isinstance(error, TooLarge)
        assert "unpin" in str(error)
        use(cache, "wide", "x", "y")  # x and y of 10: wide goes
        assert cache.report().departures[0].model == "wide"
        cache.resize(40, 1000)
        use_ = ask(cache, ref("a", base))
        give(use_)
        assert {"base", "a", "b"} <= backend.alive
        cache.resize(100, 1000)
        assert cache.pin(key_of(ref("a", base)), False)
        assert cache.pin(key_of(ref("b", base)), False)
        assert not cache.pin(key_of(ref("nobody")), True)
        use(cache, "big")
        come(lambda: backend.alive == {"big"}, "gone")
        assert cache.pin(key_of(ref("big")))
        assert isinstance(error_of(ask(cache, ref("wide"))), TooLarge)
        assert cache.pin(key_of(ref("big")), False)
    with cache_with(sizes=dict.fromkeys("uvw", 50), costs={"u": 0.0, "v": 9.0}, max_wait=0.05) as (cache, backend):
        busy, other = ask(cache, ref("u")), ask(cache, ref("v"))
        taken(other)
        head = ask(cache, ref("w"))
        come(lambda: row_of(cache, "u").state == "draining", "draining")
        assert cache.pin(key_of(ref("u")))  # the owner wants it after all
        assert row_of(cache, "u").state == "ready"
        give(busy)
        give(other)
        give(head)
        assert here(cache) == ["u", "w"]
    with cache_with(physical=300, sizes={"huge": 150}) as (cache, backend):
        use(cache, "huge")
        with pytest.raises(TooLarge, match="pin fewer"):
            cache.pin(key_of(ref("huge")))


@check("I12")
def out_of_memory_is_tried_once_more() -> None:
    """Where memory runs out, the failed load's frames are dropped, what is idle leaves, memory is given back, and the load is
    tried once more; then its error is clear.
    """

    class Tensor:
        pass

    class Full(FakeBackend):
        """Says that memory is full while anything but what it loads is alive, or a failed load's tensor is."""

        def load(self, ref_, base, report):
            tensor = Tensor()
            if self.tensors and self.tensors[-1]() is not None:
                self.wrong.append("the first try is still in memory")
            self.tensors.append(weakref.ref(tensor))
            if ref_.id == "m":
                self.faults = [OutOfMemory("full")] if self.alive or self.always else []
            return super().load(ref_, base, report)

        def unload(self, ref_, value):
            time.sleep(0.02)
            super().unload(ref_, value)

        def reclaim(self):
            super().reclaim()
            gc.collect()
            if self.tensors[-1]() is not None:
                self.wrong.append("it is still in memory when memory is given back")

    backend = Full()
    backend.tensors, backend.always = [], False
    with cache_with(backend=backend) as (cache, _):
        use(cache, "idle", "other")
        given_back = backend.reclaimed
        use(cache, "m")
        assert backend.loads == ["idle", "other", "m", "m"]
        assert sorted(backend.unloads) == ["idle", "other"]
        assert backend.reclaimed > given_back + 2  # after each unload, and before the second try
        assert {gone.why for gone in cache.report().departures} == {Why.OUT_OF_MEMORY}
        cache.unload()
        come(lambda: here(cache) == [], "empty")
        backend.always = True
        error = error_of(ask(cache, ref("m")))
        assert isinstance(error, OutOfMemory)
        assert error.__traceback__ is None
        assert backend.loads[4:] == ["m", "m"]
        assert cache.snapshot() == []


@check("I13")
def measured_bytes_take_the_place_of_the_estimate() -> None:
    """After a load its measured bytes count: over budget, what is idle leaves before the new model is served, or when it is
    given back; and the next time the measurement is the estimate.
    """
    sizes, measured = {"a": 30, "b": 30, "c": 30, "less": 60}, {"b": 80, "less": 50}
    with cache_with(sizes=sizes, measured=measured, unload_gate=threading.Event()) as (cache, backend):
        cache._policy.excused = True
        use(cache, "a")
        seen = []

        def done(leases, error) -> None:
            seen.append((cache.total_bytes, here(cache), leases))

        cache.acquire([ref("b")], done)
        come(lambda: backend.unloads == ["a"], "a leaves")
        time.sleep(0.02)
        assert seen == []  # it is not served beside what has to leave
        assert row_of(cache, "b").bytes == 80
        backend.unload_gate.set()
        come(lambda: seen, "b is served")
        assert seen[0][:2] == (80, ["b"])
        assert cache.report().departures[0].why is Why.OVER_BUDGET
        seen[0][2][0].release()
        cache.unload()
        come(lambda: here(cache) == [], "empty")
        cache._policy.excused = False  # from now on it is known
        use(cache, "a", "b")
        assert here(cache) == ["b"]
        cache.unload()
        come(lambda: here(cache) == [], "empty")
        use(cache, "less")
        assert cache.total_bytes == 50
    with cache_with(sizes={"a": 30, "b": 30}, measured={"b": 80}) as (cache, backend):
        cache._policy.excused = True
        first = ask(cache, ref("a"))
        taken(first)
        second = ask(cache, ref("b"))
        taken(second)  # nothing is idle: it is over for as long as both are in use
        assert cache.total_bytes == 110
        give(first)
        come(lambda: cache.total_bytes <= 100, "a goes when it is given back")
        assert here(cache) == ["b"]


@check("I14")
def who_holds_too_long_is_told_once() -> None:
    """A lease held longer than max_hold has its request's token set, once, and keeps its model; others are left alone."""
    with cache_with(max_hold=0.25, max_wait=30) as (cache, backend), logged("playground.engine.cachework") as log:
        miss, hit, short = Cancel(), Cancel(), Cancel()
        times: list[str] = []
        miss.on_set(lambda: times.append("miss"))
        hit.on_set(lambda: times.append("hit"))
        started = time.monotonic()
        holders = [ask(cache, ref("m"), cancel=miss)]
        taken(holders[0])
        holders.append(ask(cache, ref("m"), cancel=hit))
        give(ask(cache, ref("m"), cancel=short))
        assert [lease.cancel for answer in holders for lease in taken(answer)] == [miss, hit]
        come(lambda: hit.is_set and miss.is_set, "told")
        took = time.monotonic() - started
        assert 0.25 <= took < 0.25 + patience / 2
        late = Cancel()
        holders.append(ask(cache, ref("m"), cancel=late))
        taken(holders[2])
        cache._look()
        assert not late.is_set
        come(lambda: late.is_set, "told")
        assert not short.is_set
        assert sorted(times) == ["hit", "miss"]
        come(lambda: len([line for line in log if "has been held" in line]) >= 3, "logged")
        time.sleep(0.05)
        assert len([line for line in log if "has been held" in line]) == 3
        assert row_of(cache, "m").leases == 3
        assert backend.unloads == []
        assert cache.evict_idle(wait=True) == 0
        for answer in holders:
            give(answer)
        blocking = Cancel()
        with cache.lease(ref("m"), blocking, timeout=patience):
            come(lambda: blocking.is_set, "told")
        quiet(cache, backend)


@check("lease_many")
def all_or_none() -> None:
    """`lease_many` is atomic: all are leased or none is, and requests for the same models in another order do not block one
    another.
    """
    with cache_with(50, sizes={"a": 20, "b": 20, "c": 20}, max_wait=0.05) as (cache, backend):
        use(cache, "a")
        backend.faults = [LoadFailed("no")]
        with pytest.raises(LoadFailed), cache.lease_many([ref("a"), ref("b")], timeout=patience):
            pass
        assert row_of(cache, "a").leases == 0
        backend.gate = threading.Event()
        answer = ask(cache, ref("a"), ref("b"))
        come(lambda: backend.loads == ["a", "b", "b"], "b begins")
        assert not answer.ready.is_set()  # a is here, b is not
        assert row_of(cache, "a").leases == 1  # and will stay
        backend.gate.set()
        assert [lease.value for lease in taken(answer)] == ["model a", "model b"]
        give(answer)
        counts: list[int] = []

        def work(*names: str) -> None:
            for _ in range(10):
                with suppress(Busy), cache.lease_many([ref(name) for name in names], timeout=patience) as values:
                    if values == tuple(f"model {name}" for name in names):
                        counts.append(1)

        orders = (("a", "b"), ("b", "a"), ("b", "c"), ("c", "a"))
        threads = [threading.Thread(target=work, args=order, daemon=True) for order in orders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(patience)
        assert len(counts) == 40
        quiet(cache, backend)


@check("cancellation")
def who_cancels_is_gone_at_once() -> None:
    """Who cancels is answered at once with Cancelled, waiting for memory or for a load; he gives back what he claimed, leaves
    nothing on his token, and takes no load away from others.
    """
    with cache_with(budget=30, gate=threading.Event()) as (cache, backend):
        session = Cancel()
        one, two = session.child(), session.child()
        first, second = ask(cache, ref("m"), cancel=one), ask(cache, ref("m"), cancel=two)
        third = ask(cache, ref("m"))
        one.set()
        assert isinstance(error_of(first), Cancelled)
        assert not third.ready.is_set()
        assert row_of(cache, "m").leases == 2
        two.set()
        assert isinstance(error_of(second), Cancelled)
        backend.gate.set()
        give(third)
        assert backend.loads == ["m"]
        backend.gate = threading.Event()
        three = session.child()
        stopped = ask(cache, ref("n"), cancel=three)
        come(lambda: backend.loads == ["m", "n"], "n begins")
        three.set()
        assert isinstance(error_of(stopped), Cancelled)
        backend.gate.set()
        come(lambda: here(cache) == ["m"], "n is abandoned")
        with cache.lease(ref("m"), session, timeout=patience):
            pass
        give(ask(cache, ref("n"), cancel=session))
        holder, queued = ask(cache, ref("m")), session.child()
        behind = ask(cache, ref("x"), ref("y"), ref("z"), cancel=queued)
        assert cache.waiting == 1
        queued.set()
        assert isinstance(error_of(behind), Cancelled)
        assert cache.waiting == 0
        give(holder)
        assert "x" not in backend.loads
        assert session._callbacks == {}
        quiet(cache, backend)


@contextmanager
def logged(name: str) -> Iterator[list[str]]:
    """What one logger says meanwhile."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
