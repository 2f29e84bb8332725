"""The real runtime at its limits: what it says of itself, whom it lets go first, and when it stops. Tiny real models."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from playground.core.calls import Classify, Embed
from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, TooLarge
from playground.core.events import LAST, Cancelled, Failed, Finished, Queued
from playground.core.status import RuntimeReport, Why
from playground.core.streams import iterate
from playground.engine.models._transformers import building
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import eventually


@pytest.fixture
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def ask(runtime, call, cancel=None):
    return list(iterate(lambda emit: runtime.submit(call, emit, cancel or Cancel(30))))


class Hold:
    """Keeps the device busy between two steps."""

    def __init__(self, runtime):
        self._go, entered = threading.Event(), threading.Event()

        def block():
            entered.set()
            assert self._go.wait(30)

        self._thread = threading.Thread(target=lambda: runtime._on_device(block))
        self._thread.start()
        assert entered.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._go.set()
        self._thread.join(10)


class Calls:
    """Calls sent without waiting, and their last words."""

    def __init__(self, runtime):
        self.runtime, self.last, self.lock = runtime, {}, threading.Lock()

    def send(self, name, call, cancel=None):
        def emit(event):
            if isinstance(event, LAST):
                with self.lock:
                    self.last[name] = event

        return self.runtime.submit(call, emit, cancel or Cancel(30))

    def wait(self, count, seconds=30.0):
        eventually(lambda: len(self.last) >= count, seconds)


def leases(runtime):
    return sum(row.leases for row in runtime.status())


# -- what it says of itself


def test_a_report_tells_device_queue_and_totals_and_waits_for_nobody(runtime, tiny):
    before = runtime.report()
    assert isinstance(before, RuntimeReport)
    assert before.device.dtype is None  # no model was wanted yet
    assert before.queue.wait_seconds is None
    assert (before.totals.steps, before.residents) == (0, ())
    for _ in range(3):
        ask(runtime, Classify(tiny.adapter_ref(0), text="good film"))
    with Hold(runtime):
        calls = Calls(runtime)
        for number in range(4):
            calls.send(number, Classify(tiny.adapter_ref(0), text="good film", user=str(number)))
        busy = runtime.report()  # it returns, though the device is held for as long as this block lasts
        assert (busy.queue.waiting, busy.queue.loading) == (4, 0)
        assert busy.queue.wait_seconds > 0
    calls.wait(4)
    eventually(lambda: runtime.report().queue.running == runtime.report().queue.waiting == 0)
    after = runtime.report()
    assert after.device.name == "cpu"
    assert (after.device.dtype, after.device.threads) == ("float32", 1)
    assert after.device.budget == 64 * 2**20
    assert after.device.used == sum(row.bytes for row in after.residents) > 0
    assert 0 < after.device.free < after.device.total
    assert after.device.process > 10 * 2**20
    assert after.totals.rows == 7
    assert 4 <= after.totals.steps <= 7
    assert after.totals.step_seconds > 0
    assert after.totals.loads == len(after.residents) == 2
    assert {row.model for row in after.loads} == {"tiny/encoder", "tiny/lora0"}
    key = next(row.key for row in after.residents if row.model == "tiny/lora0")
    assert runtime.unload(key) == 1
    eventually(lambda: len(runtime.report().residents) == 1)
    assert [(row.model, row.why) for row in runtime.report().departures] == [("tiny/lora0", Why.OWNER)]


def test_who_waits_is_told_how_many_are_before_him_and_for_how_long(runtime, tiny):
    call = Classify(tiny.scratch_ref, text="good film", user="me")
    first = ask(runtime, call)[0]
    assert (first.ahead, first.seconds) == (0, None)  # nothing was measured yet
    again = ask(runtime, call)[0]
    assert (again.ahead, again.seconds) == (0, 0.0)
    with Hold(runtime):
        calls = Calls(runtime)
        for number in range(50):
            calls.send(number, Classify(tiny.scratch_ref, text="good film", user="crowd"))
        told = []
        runtime.submit(call, told.append, Cancel(30))
        assert isinstance(told[0], Queued)
        assert told[0].ahead == 1, "a turn of the crowd's, and not its fifty works"
        assert 0 < told[0].seconds <= runtime.expected_wait("somebody else")  # before whom I am now as well
        assert runtime.expected_wait("crowd") > runtime.expected_wait("newcomer")
    calls.wait(50)


def test_warming_with_pins_keeps_them_or_refuses_at_once(tiny):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        runtime.warm([tiny.adapter_ref(0)], pin=True)
        eventually(lambda: len(runtime.status()) == 2 and {row.state for row in runtime.status()} == {"ready"}, 30)
        assert all(row.pinned for row in runtime.status() if row.model == "tiny/lora0")
        assert runtime.unload() == 0
        key = next(row.key for row in runtime.status() if row.model == "tiny/lora0")
        assert runtime.pin(key, False)
        eventually(lambda: runtime.unload() > 0)
        assert not runtime.pin("unknown", True)
        runtime._cache.resize(1000, 10**9)
        with pytest.raises(TooLarge):
            runtime.warm([tiny.adapter_ref(0)], pin=True)
    finally:
        runtime.close()


# -- whose turn it is


def test_a_single_request_beside_another_users_200_items_waits_at_most_two_steps(runtime, tiny):
    """Counted in steps, and in rows of work against what it takes alone, so that no clock of a busy machine matters."""
    for ref in tiny.all_refs:
        ask(runtime, Classify(ref, text="good film"))
    steps, op = [], runtime._ops.get("Classify")
    real = op.step

    def counted(works):
        steps.append([work.user for work in works])
        time.sleep(0.002 * (1 + len(works)))  # as a device that takes 4 ms for one row and 2 ms for each more
        return real(works)

    runtime._ops.get("Classify").__dict__["step"] = counted
    try:
        calls = Calls(runtime)
        for number in range(200):
            calls.send(number, Classify(tiny.scratch_ref, text="good film", user="crowd"))
        waited, worst = [], 0.0
        for number, ref in enumerate([*tiny.all_refs, *tiny.all_refs]):
            at = len(steps)
            eventually(lambda at=at: len(steps) > at)
            at = len(steps)
            last = ask(runtime, Classify(ref, text="good film", user=f"single {number}"))[-1]
            assert isinstance(last, Finished)
            place = next(i for i in range(at - 1, len(steps)) if f"single {number}" in steps[i])
            waited.append(place - at + 1)
            rows = sum(1 + len(step) for step in steps[at - 1 : place + 1])
            worst = max(worst, rows / (1 + 1))  # in units of a step of one row
        assert len(calls.last) < 200, "the crowd was there all the time"
        assert max(waited) <= 2, waited
        calls.wait(200, 60)
        assert max(len(step) for step in steps) > 2, "the crowd's own works went together"
        assert worst <= 10, worst  # two steps of the crowd's at its limit and the own one
    finally:
        del runtime._ops.get("Classify").__dict__["step"]


# -- stopping: in every state a request can be in


def slow_load(monkeypatch, runtime):
    """Loads that go on until told; they report, as real ones do."""
    go, entered, real = threading.Event(), threading.Event(), runtime._models.load

    def load(ref, base, report):
        entered.set()
        while not go.is_set():
            report("reading the weights", 0.1)
            time.sleep(0.005)
        return real(ref, base, report)

    monkeypatch.setattr(runtime._models, "load", load)
    return go, entered


def slow_step(monkeypatch, runtime):
    go, entered, op = threading.Event(), threading.Event(), runtime._ops.get("Classify")
    real = op.step

    def step(works):
        entered.set()
        assert go.wait(30)
        return real(works)

    monkeypatch.setattr(op, "step", step, raising=False)
    return go, entered


@pytest.mark.parametrize("by", ["cancel", "deadline"])
@pytest.mark.parametrize("state", ["loading", "waiting for memory", "waiting for the device", "in a step"])
def test_a_request_ends_in_whatever_state_it_is(runtime, tiny, monkeypatch, state, by):
    token = Cancel(0.4 if by == "deadline" else 30)
    calls, call = Calls(runtime), Classify(tiny.scratch_ref, text="good film")
    if state not in ("loading", "waiting for memory"):
        ask(runtime, call)
        token = Cancel(0.4 if by == "deadline" else 30)
    go = entered = threading.Event()
    hold = None
    if state == "loading":
        go, entered = slow_load(monkeypatch, runtime)
    elif state == "waiting for memory":
        ask(runtime, Classify(tiny.classifier_ref, text="good"))
        runtime._cache.resize(runtime._cache.total_bytes + 10, 10**9)
        go, entered = slow_step(monkeypatch, runtime)
        calls.send("holder", Classify(tiny.classifier_ref, text="good"))
        assert entered.wait(10)
    elif state == "waiting for the device":
        hold = Hold(runtime)
        entered.set()
    else:
        go, entered = slow_step(monkeypatch, runtime)
    token = Cancel(0.4 if by == "deadline" else 30)
    try:
        handle = calls.send("mine", call, token)
        assert entered.wait(10)
        if by == "cancel":
            time.sleep(0.05)
            handle.cancel()
        eventually(lambda: "mine" in calls.last, 3)  # although nothing else moves
        last = calls.last["mine"]
        if by == "cancel":
            assert isinstance(last, Cancelled)
        else:
            assert isinstance(last, Failed)
            expected = "busy" if state == "waiting for memory" else "deadline_exceeded"
            assert last.error.kind == expected
    finally:
        go.set()
        if hold is not None:
            hold.__exit__()
    eventually(lambda: leases(runtime) == 0)
    monkeypatch.undo()
    assert isinstance(ask(runtime, call)[-1], Finished)


def test_who_holds_a_model_too_long_is_told_to_stop(tiny, monkeypatch):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, max_hold=0.3))
    try:
        ask(runtime, Classify(tiny.scratch_ref, text="good"))
        go, entered = slow_step(monkeypatch, runtime)
        calls = Calls(runtime)
        calls.send("mine", Classify(tiny.scratch_ref, text="good"))
        assert entered.wait(10)
        calls.wait(1, 5)
        assert isinstance(calls.last["mine"], Cancelled)
        assert leases(runtime) == 1, "its model is in use until the step has ended"
        go.set()
        eventually(lambda: leases(runtime) == 0)
    finally:
        go.set()
        runtime.close()


def test_many_at_once_leave_nothing_behind(runtime, tiny):
    def one(number):
        token = Cancel(30)
        call = Classify(tiny.all_refs[number % 4], text="good film", user=str(number % 7))
        if number % 5:
            return ask(runtime, call, token)[-1]
        calls = Calls(runtime)
        calls.send(0, call, token).cancel()
        calls.wait(1)
        return calls.last[0]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, range(200)))
    assert [event.error for event in found if isinstance(event, Failed)] == []
    eventually(lambda: leases(runtime) == 0)
    eventually(lambda: runtime._scheduler._here == {})


@pytest.mark.parametrize("kind", ["adapter", "whole", "scratch"])
def test_a_model_is_built_while_no_other_is_and_answers_go_on(runtime, tiny, kind):
    """transformers and peft change torch for the whole process while they build."""
    ref = {"adapter": tiny.adapter_ref(1), "whole": tiny.classifier_ref, "scratch": tiny.scratch_ref}[kind]
    other = tiny.scratch_ref if kind != "scratch" else tiny.classifier_ref
    ask(runtime, Classify(other, text="good"))
    ask(runtime, Embed(tiny.encoder_ref, texts=("good",)))
    calls = Calls(runtime)
    with building:
        calls.send(0, Classify(ref, text="good"))
        for _ in range(3):
            assert isinstance(ask(runtime, Classify(other, text="good"))[-1], Finished)
        time.sleep(0.3)
        assert 0 not in calls.last
    calls.wait(1)
    assert isinstance(calls.last[0], Finished)


def test_a_late_answer_says_so_once(runtime, tiny, monkeypatch):
    ask(runtime, Classify(tiny.scratch_ref, text="good"))
    go, entered = slow_step(monkeypatch, runtime)
    events = []
    runtime.submit(Classify(tiny.scratch_ref, text="good"), events.append, Cancel(0.1))
    assert entered.wait(10)
    eventually(lambda: any(isinstance(event, Failed) for event in events), 3)
    assert isinstance(events[-1].error, DeadlineExceeded)
    go.set()
    eventually(lambda: leases(runtime) == 0)
    assert sum(isinstance(event, LAST) for event in events) == 1
