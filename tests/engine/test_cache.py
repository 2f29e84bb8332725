"""The cache with loaders that load nothing: one load for all, failures that poison nothing, no loss under load."""

import gc
import threading
import time
import weakref

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import Busy, DeadlineExceeded, LoadFailed, OutOfMemory, TooLarge
from playground.engine.cache import Cancelled, ModelCache

from .conftest import Answer, FakeBackend, eventually, ref, token


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


LIMITS = ("max_wait", "loaders")


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
    assert isinstance(answer.wait(0.5).error, Cancelled)
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
    assert joining.wait(0.5).error is None
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
    assert time.monotonic() - started < 1
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
    with cache.lease(ref("other"), timeout=5):
        assert time.monotonic() - started < 2
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
