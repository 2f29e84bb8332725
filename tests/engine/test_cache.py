"""The cache with loaders that load nothing: one load for all, failures that poison nothing, no loss under load."""

import gc
import re
import threading
import time
import weakref
from dataclasses import asdict, replace

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, InternalError, LoadFailed, OutOfMemory, TooLarge
from playground.core.status import Why
from playground.engine.cache import Cancelled, ModelCache, key_of

from .conftest import Answer, FakeBackend, eventually, ref, token
from .strike import strike


@pytest.fixture
def make():
    made = []

    def build(budget=100, physical=1000, **how):
        backend = how.pop("backend", None) or FakeBackend(**{k: how.pop(k) for k in list(how) if k not in LIMITS})
        cache = ModelCache(backend, budget, physical, **how)
        made.append(cache)
        return cache, backend

    yield build
    for cache in made:
        cache.close()


LIMITS = ("max_wait", "max_hold", "loaders")


def test_32_first_requests_are_one_load(make):
    cache, backend = make(seconds=0.05)
    answers = [Answer() for _ in range(32)]
    start = threading.Barrier(32)

    def ask(answer):
        start.wait()
        cache.acquire([ref("m")], answer, token())

    threads = [threading.Thread(target=ask, args=(answer,)) for answer in answers]
    for thread in threads:
        thread.start()
    for answer in answers:
        assert answer.wait().error is None
        assert answer.leases[0].value == "model m"
    assert backend.loads == ["m"]
    assert cache.snapshot()[0].leases == 32
    for answer in answers:
        answer.leases[0].release()
        answer.leases[0].release()  # twice does no harm
    assert cache.snapshot()[0].leases == 0
    for thread in threads:
        thread.join()


def test_a_hit_is_granted_at_once_and_costs_little(make):
    cache, _ = make()
    with cache.lease(ref("m")):
        pass
    m = ref("m")
    took = []
    for _ in range(2000):
        started = time.perf_counter()
        cache.acquire([m], lambda leases, error: leases[0].release())
        took.append(time.perf_counter() - started)
    assert sorted(took)[1000] < 50e-6
    assert cache.snapshot()[0].hits == 2000


def test_a_key_is_short_stable_and_says_which_weights(make):
    base = replace(ref("base"), revision="r1", digests=(("w", "12"),))
    child = ref("child", base)
    assert re.fullmatch("[0-9a-f]{24}", key_of(child))
    assert (
        key_of(child)
        == key_of(ref("child", replace(base)))
        == key_of(replace(child, id="x", labels=("a",), max_length=9))
    )
    others = [
        replace(child, folder="/elsewhere"),
        replace(child, loader="other"),
        replace(child, revision="r2"),
        replace(child, digests=(("w", "13"),)),
        replace(child, base=None),
        replace(child, base=replace(base, revision="r2")),
        base,
    ]
    assert len({key_of(other) for other in [child, *others]}) == 1 + len(others)
    assert child == ref("child", base)  # which has not been asked for its key
    assert "_cache_key" not in repr(child)
    assert "_cache_key" not in asdict(child)


def test_a_failed_load_tells_all_who_wait_and_the_next_call_tries_again(make):
    cache, backend = make(seconds=0.02)
    backend.faults = [LoadFailed("It is broken: mend it.")]
    answers = [Answer() for _ in range(8)]
    for answer in answers:
        cache.acquire([ref("m")], answer, token())
    errors = {id(answer.wait().error) for answer in answers}
    assert len(errors) == 1
    assert str(answers[0].error) == "It is broken: mend it."
    assert cache.snapshot() == []
    assert cache.total_bytes == 0
    with cache.lease(ref("m")) as value:
        assert value == "model m"
    assert backend.loads == ["m", "m"]


def test_a_failed_base_fails_its_adapters_and_both_can_be_loaded_later(make):
    cache, backend = make()
    backend.faults = [LoadFailed("no base")]
    base = ref("base")
    with pytest.raises(LoadFailed), cache.lease(ref("child", base)):
        pass
    assert cache.snapshot() == []
    with cache.lease(ref("child", base)):
        assert [row.model for row in cache.snapshot()] == ["base", "child"]


def test_a_failed_adapter_leaves_its_base_usable(make):
    cache, backend = make()
    base = ref("base")
    backend.fault = lambda name: LoadFailed("no") if name == "child" else None
    with pytest.raises(LoadFailed), cache.lease(ref("child", base)):
        pass
    assert [row.model for row in cache.snapshot()] == ["base"]
    with cache.lease(ref("other", base)):
        assert backend.loads == ["base", "child", "other"]


def test_two_adapters_share_one_base_and_pin_it(make):
    cache, backend = make(budget=60, sizes={"base": 40, "a": 5, "b": 5, "big": 50})
    base = ref("base")
    with cache.lease_many([ref("a", base), ref("b", base)]) as values:
        assert values == ("model a", "model b")
        late = Answer()
        cache.acquire([ref("big")], late, token(0.2))
        assert isinstance(late.wait().error, Busy)
        assert backend.unloads == []
    with cache.lease(ref("big")):
        assert set(backend.unloads[:2]) == {"a", "b"}
        assert backend.unloads[2] == "base"
    assert backend.loads.count("base") == 1


def test_over_size_runs_alone_and_beyond_the_device_is_refused(make):
    cache, backend = make(budget=100, physical=300, sizes={"big": 200, "monster": 400})
    with cache.lease(ref("small")):
        pass
    with pytest.raises(TooLarge), cache.lease(ref("monster")):
        pass
    assert backend.unloads == []
    with cache.lease(ref("big")):
        assert [row.model for row in cache.snapshot()] == ["big"]
        late = Answer()
        cache.acquire([ref("small")], late, token(0.15))
        assert isinstance(late.wait().error, Busy)
    with cache.lease(ref("small")):
        assert [row.model for row in cache.snapshot()] == ["small"]


def test_measured_bytes_take_the_place_of_the_estimate(make):
    cache, backend = make(budget=100, sizes={"a": 30, "b": 30}, measured={"b": 80})
    with cache.lease(ref("a")):
        pass
    with cache.lease(ref("b")):
        eventually(lambda: [(row.model, row.bytes) for row in cache.snapshot()] == [("b", 80)])
    assert backend.unloads == ["a"]


def test_cancel_while_loading_gives_up_at_once_and_the_load_is_abandoned(make):
    cache, backend = make(gate=threading.Event())
    cancel, answer = Cancel(), Answer()
    cache.acquire([ref("child", ref("base"))], answer, cancel)
    eventually(lambda: backend.loads == ["base"])
    cancel.set()
    assert isinstance(answer.wait(20).error, Cancelled)
    backend.gate.set()
    eventually(lambda: cache.snapshot() == [])
    assert backend.loads == ["base"]  # the child's never began
    assert backend.alive == set()


def test_a_load_abandoned_by_one_serves_the_other(make):
    cache, backend = make(gate=threading.Event())
    cancel, one, other = Cancel(), Answer(), Answer()
    cache.acquire([ref("m")], one, cancel)
    cache.acquire([ref("m")], other, token())
    cancel.set()
    backend.gate.set()
    assert isinstance(one.wait().error, Cancelled)
    assert other.wait().error is None
    other.leases[0].release()
    assert backend.loads == ["m"]


def test_joining_a_load_needs_no_memory_and_so_no_place_in_the_queue(make):
    cache, backend = make(budget=10, gate=threading.Event())
    first, blocked, joining = Answer(), Answer(), Answer()
    cache.acquire([ref("m")], first, token())
    cache.acquire([ref("other")], blocked, token(1))
    cache.acquire([ref("m")], joining, token())
    backend.gate.set()
    assert joining.wait(20).error is None
    assert not blocked.ready.is_set()
    for answer in (first.wait(), joining):
        answer.leases[0].release()
    assert blocked.wait().error is None
    blocked.leases[0].release()


def test_who_asks_while_a_load_is_being_abandoned_gets_a_new_one(make):
    cache, backend = make()
    gate = backend.gate = threading.Event()
    reported = []
    cancel, one, other = Cancel(), Answer(), Answer()
    cache.acquire([ref("m")], one, cancel, lambda what, fraction: reported.append(fraction))
    eventually(lambda: reported)
    cancel.set()
    cache._policy.abandon(next(iter(cache._policy.entries)))  # as the next report will find
    cache.acquire([ref("m")], other, token())
    gate.set()
    assert other.wait().error is None
    other.leases[0].release()
    assert backend.loads == ["m", "m"]
    assert backend.wrong == []


def test_deadlines_are_kept_while_loading_and_while_waiting_for_memory(make):
    cache, backend = make(budget=10, gate=threading.Event())
    loading, waiting = Answer(), Answer()
    started = time.monotonic()
    cache.acquire([ref("slow")], loading, Cancel(0.1))
    cache.acquire([ref("other")], waiting, Cancel(0.2))
    assert isinstance(loading.wait().error, DeadlineExceeded)
    assert isinstance(waiting.wait().error, Busy)
    assert time.monotonic() - started < 5
    backend.gate.set()


def test_a_busy_model_is_drained_for_who_has_waited_long(make):
    """Two users keep a model leased without a gap; the third's request for another must not starve."""
    cache, backend = make(budget=10, max_wait=0.1)
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            with cache.lease(ref("busy")):
                time.sleep(0.01)

    threads = [threading.Thread(target=keep_busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: cache.snapshot() and cache.snapshot()[0].leases >= 2)
    started = time.monotonic()
    with cache.lease(ref("other"), timeout=30):
        assert time.monotonic() - started < 20
    stop.set()
    for thread in threads:
        thread.join()
    assert backend.wrong == []


def test_out_of_memory_evicts_idle_models_and_tries_once_more(make):
    cache, backend = make()
    with cache.lease(ref("idle")):
        pass
    backend.faults = [OutOfMemory("full")]
    with cache.lease(ref("m")) as value:
        assert value == "model m"
    assert backend.unloads == ["idle"]
    assert backend.loads == ["idle", "m", "m"]
    backend.faults = [OutOfMemory("full"), OutOfMemory("still full")]
    with pytest.raises(OutOfMemory, match="still full"), cache.lease(ref("n")):
        pass


def test_one_thread_does_not_hold_and_wait(make):
    cache, _ = make()
    with cache.lease(ref("a")), pytest.raises(RuntimeError, match="lease_many"), cache.lease(ref("b")):
        pass
    with cache.lease_many([ref("a"), ref("b")]) as values:
        assert values == ("model a", "model b")


def test_a_waiting_request_leaves_no_trace_on_a_long_lived_token(make):
    cache, _ = make()
    session = Cancel()
    for index in range(20):
        with cache.lease(ref(f"m{index % 3}"), session):
            pass
    assert session._callbacks == {}


def test_closing_answers_who_waits_and_ends_the_threads(make):
    before = threading.active_count()
    cache, _backend = make(budget=10)
    answer = Answer()
    with cache.lease(ref("a")):
        cache.acquire([ref("b")], answer, token())
        cache.close()
    assert isinstance(answer.wait().error, Busy)
    assert threading.active_count() <= before
    late = Answer()
    cache.acquire([ref("a")], late, token())
    assert isinstance(late.wait().error, Busy)


def test_an_unloaded_model_is_really_gone(make):
    class Model:
        pass

    class Real(FakeBackend):
        def load(self, ref_, base, report):
            loaded = super().load(ref_, base, report)
            object.__setattr__(loaded, "value", Model())
            self.last = weakref.ref(loaded.value)
            return loaded

    cache, backend = make(backend=Real())
    with cache.lease(ref("m")) as model:
        assert backend.last() is model
    del model
    assert cache.evict_idle(wait=True) == 1
    gc.collect()
    assert backend.last() is None


# -- what the owner sees


def test_the_report_says_who_left_and_why_and_how_every_load_went(make):
    cache, backend = make(
        sizes={"a": 60 * 2**20, "b": 50 * 2**20}, budget=100 * 2**20, physical=2**30, costs={"a": 1.5}
    )
    for name in "ab":
        with cache.lease(ref(name)):
            pass
    with cache.lease(ref("b")):
        pass
    backend.faults = [LoadFailed("It is broken: mend it.")]
    with pytest.raises(LoadFailed), cache.lease(ref("c")):
        pass
    assert cache.unload() == 1
    eventually(lambda: cache.snapshot() == [])
    report = cache.report()
    owner, room = report.departures
    assert (room.model, room.why, room.bytes) == ("a", Why.ROOM, 60 * 2**20)
    assert room.reason == (
        "Made room for b, for which 10 MB were missing: it was worth the least of what was idle (1.5 s to load 60 MB) "
        "and was last used 0 s ago."
    )
    assert (owner.model, owner.why) == ("b", Why.OWNER)
    assert owner.reason == "Unloaded by the owner: it was idle and was last used 0 s ago."
    assert room.at.tzinfo is not None
    assert owner.at >= room.at
    assert [(load.model, load.error) for load in report.loads] == [
        ("c", "It is broken: mend it."),
        ("b", None),
        ("a", None),
    ]
    totals = report.totals
    assert (totals.hits, totals.misses, totals.loads, totals.failed_loads) == (1, 3, 2, 1)
    assert totals.load_seconds == pytest.approx(sum(load.seconds for load in report.loads))
    assert dict(totals.evictions) == {Why.ROOM: 1, Why.OVER_BUDGET: 0, Why.OUT_OF_MEMORY: 0, Why.OWNER: 1}
    assert (report.used, report.budget, report.waiting, report.residents) == (0, 100 * 2**20, 0, ())


def test_only_the_last_fifty_are_kept(make):
    cache, _ = make(budget=10)
    for number in range(60):
        with cache.lease(ref(f"m{number}")):
            pass
    report = cache.report()
    assert [load.model for load in report.loads] == [f"m{number}" for number in range(59, 9, -1)]
    assert [gone.model for gone in report.departures] == [f"m{number}" for number in range(58, 8, -1)]
    assert report.totals.loads == 60


def test_a_row_tells_of_the_load_under_way_of_idleness_and_of_worth(make):
    cache, backend = make(gate=threading.Event(), costs={"m": 2.0}, seconds=0.02)
    answer = Answer()
    cache.acquire([ref("m")], answer)
    eventually(lambda: [row.fraction for row in cache.snapshot()] == [0.0])
    backend.gate.set()
    answer.wait()
    (row,) = cache.snapshot()
    assert (row.key, row.fraction, row.idle_seconds, row.leases) == (key_of(ref("m")), None, 0.0, 1)
    assert row.credit == pytest.approx(0.2)
    answer.leases[0].release()
    time.sleep(0.02)
    (row,) = cache.snapshot()
    assert 0.01 < row.idle_seconds < 5
    assert row.hits == 0
    assert row.loads == 1


def test_a_used_adapter_is_a_used_base(make):
    cache, _ = make()
    with cache.lease(ref("base")):
        pass
    time.sleep(0.02)
    with cache.lease(ref("child", ref("base"))):
        assert [row.idle_seconds for row in cache.snapshot()] == [0.0, 0.0]
    base, child = cache.snapshot()
    assert base.idle_seconds == child.idle_seconds


# -- what dies


def kill(thread: threading.Thread, error: type[BaseException]) -> None:
    """Raises in another thread at its next step, as a debugger or a job scheduler may."""
    assert strike(thread, error)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, MemoryError])
def test_a_loader_that_is_killed_fails_its_load_and_the_next_request_works(make, error):
    class Slow(FakeBackend):
        def load(self, ref_, base, report):
            self.thread = threading.current_thread()
            until = time.monotonic() + self.seconds
            while time.monotonic() < until:
                time.sleep(0.001)
            return super().load(ref_, base, report)

    cache, backend = make(backend=Slow(seconds=5))
    backend.thread = None
    for _ in range(3):  # more than there are loaders
        answer = Answer()
        cache.acquire([ref("child", ref("base"))], answer)
        eventually(lambda: backend.thread is not None)
        kill(backend.thread, error)
        assert isinstance(answer.wait().error, InternalError)
        eventually(lambda: cache.snapshot() == [])
        backend.thread = None
    backend.seconds = 0
    with cache.lease(ref("child", ref("base"))) as value:
        assert value == "model child"
    assert cache.report().totals.failed_loads == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_janitor_and_loaders_that_are_killed_while_idle_are_replaced(make):
    cache, backend = make(budget=10)
    for number in range(3):
        with cache.lease(ref(f"m{number}")):
            janitor = cache._janitor._thread
            kill(janitor, SystemExit)
            cache._janitor.wake()
            answer = Answer()
            cache.acquire([ref("other")], answer, timeout=0.05)
            assert isinstance(answer.wait().error, Busy)
    assert backend.wrong == []


def test_where_no_thread_can_be_started_the_load_fails_and_the_next_may_work(make, monkeypatch):
    cache, _ = make()
    with monkeypatch.context() as patch:

        def start(thread):
            raise RuntimeError("can't start new thread")

        patch.setattr("playground.engine.cachethreads.threading.Thread.start", start)
        with pytest.raises(InternalError), cache.lease(ref("m"), timeout=5):
            pass
        assert cache.snapshot() == []
    with cache.lease(ref("m"), timeout=5) as value:
        assert value == "model m"


def test_a_waiting_thread_that_is_interrupted_leaves_no_lease(make):
    cache, backend = make(gate=threading.Event())
    waiting = []

    def wait():
        with pytest.raises(KeyboardInterrupt), cache.lease(ref("m")):
            raise AssertionError

        waiting.append("interrupted")

    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: cache.waiting == 1)
    kill(thread, KeyboardInterrupt)  # seen once it wakes
    backend.gate.set()
    thread.join(5)
    assert waiting == ["interrupted"]
    eventually(lambda: [row.leases for row in cache.snapshot()] == [0])
