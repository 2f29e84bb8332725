"""The device's thread with operations that compute nothing: turns, batches, faults, Stop."""

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from playground.core.calls import Classify
from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InternalError, LoadFailed, OutOfMemory
from playground.core.events import Partial
from playground.core.types import ModelRef
from playground.engine.fair import FairQueue
from playground.engine.scheduler import Outcome, Scheduler, Work

from .conftest import eventually


@dataclass
class FakeOp:
    """Answers with the text in capitals. `bad`: texts that break a step. `steps` needed per work; `gate` holds a step."""

    seconds: float = 0.0
    steps: int = 1
    bad: dict = field(default_factory=dict)
    gate: threading.Event | None = None
    batches: list = field(default_factory=list)
    dropped: list = field(default_factory=list)
    threads: set = field(default_factory=set)

    def prepare(self, work):
        if work.call.text == "unreadable":
            raise LoadFailed("I cannot read this.")
        work.size = len(work.call.text)
        work.state = 0

    def step(self, works):
        self.threads.add(threading.get_ident())
        self.batches.append([work.call.text for work in works])
        if self.gate is not None:
            assert self.gate.wait(5)
        time.sleep(self.seconds)
        for work in works:
            if work.call.text in self.bad:
                raise self.bad[work.call.text]
            work.state += 1
            if self.steps > 1:
                work.emit(Partial(delta=str(work.state)))
        return [Outcome(work.call.text.upper()) if work.state >= self.steps else None for work in works]

    def drop(self, work):
        self.dropped.append(work.call.text)


@dataclass
class Desk:
    """Puts works and collects what comes back, in order."""

    scheduler: Scheduler
    op: FakeOp
    answers: dict = field(default_factory=dict)
    order: list = field(default_factory=list)
    events: list = field(default_factory=list)

    def put(self, text, user="u", group="g", cancel=None, op=None):
        def done(work, outcome, error):
            self.answers[text] = outcome.output if outcome else error
            self.order.append(text)

        call = Classify(ModelRef("m", "fake", "/nowhere"), user=user, text=text)
        work = Work(
            call,
            op or self.op,
            None,
            cancel or Cancel(20),
            lambda event: self.events.append((text, event)),
            done,
            user=user,
            group=group,
        )
        self.scheduler.put(work)
        return work

    def wait(self, count, seconds=30.0):
        eventually(lambda: len(self.answers) >= count, seconds)


@pytest.fixture
def desk():
    op = FakeOp()
    scheduler = Scheduler(max_batch=8)
    yield Desk(scheduler, op)
    if op.gate:
        op.gate.set()
    scheduler.close()


def hold(desk):
    """Keeps the device in a step, so that what is put now waits together."""
    gate = FakeOp(gate=threading.Event())
    desk.put("gate", user="gatekeeper", group="gate", op=gate)
    eventually(lambda: gate.batches)
    return gate.gate


def test_a_lone_request_goes_at_once(desk):
    taken = []
    for number in range(1, 21):
        started = time.perf_counter()
        desk.put(f"hello {number}")
        desk.wait(number)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.05  # of many, since others use the machine too
    assert desk.answers["hello 1"] == "HELLO 1"


def test_what_waits_together_goes_together_and_everybody_gets_his_own(desk):
    gate = hold(desk)
    for n in range(20):
        desk.put(f"text {n:02}")
    gate.set()
    desk.wait(21)
    assert [len(batch) for batch in desk.op.batches] == [8, 8, 4]
    assert all(desk.answers[f"text {n:02}"] == f"TEXT {n:02}" for n in range(20))
    assert len(desk.op.threads) == 1


def test_groups_and_lengths_are_not_mixed(desk):
    gate = hold(desk)
    long = "x" * 40
    for n in range(2):
        desk.put(f"a{n}", group="a")
        desk.put(f"b{n}", group="b")
        desk.put(f"{long}{n}", group="a")
    gate.set()
    desk.wait(7)
    assert sorted(map(sorted, desk.op.batches)) == [["a0", "a1"], ["b0", "b1"], [f"{long}0", f"{long}1"]]


def test_200_requests_of_one_do_not_delay_anothers_single_one(desk):
    desk.op.seconds = 0.02
    for n in range(200):
        desk.put(f"crowd {n}", user="crowd", group="crowd")
    eventually(lambda: desk.op.batches)
    desk.put("single", user="other", group="other")
    desk.wait(1)
    eventually(lambda: "single" in desk.answers)
    place = next(i for i, batch in enumerate(desk.op.batches) if "single" in batch)
    before = list(desk.op.batches[:place])
    assert place <= 2, before  # the step under way, and at most the crowd's own turn
    desk.wait(201, 20)


def test_another_users_request_joins_the_next_batch_of_its_group(desk):
    gate = hold(desk)
    for n in range(30):
        desk.put(f"crowd {n}", user="crowd")
    desk.put("late", user="other")
    gate.set()
    desk.wait(32)
    assert "late" in desk.op.batches[0]


def test_users_take_turns():
    class W:
        def __init__(self, user, name):
            self.user, self.name, self.group = user, name, name
            self.size, self.rows, self.ready, self.begun, self.alone = 5, 1, True, False, False

    queue = FairQueue()
    for user, count in (("a", 3), ("b", 2), ("c", 1)):
        for n in range(count):
            queue.put(W(user, f"{user}{n}"))
    order = []
    while len(queue):
        order += [work.name for work in queue.take(8)]
    assert order == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_a_batch_is_sized_to_what_a_step_may_take(monkeypatch):
    """On a clock that only the steps move: 30 ms for one text and 10 for each more, so that 90 ms are seven texts."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    monkeypatch.setattr("playground.engine.steps.time", clock)
    op = FakeOp()
    real = op.step

    def step(works):
        now[0] += 0.02 + 0.01 * len(works)
        return real(works)

    op.step = step
    desk = Desk(Scheduler(max_batch=32), op)
    gate = hold(desk)
    for n in range(100):
        desk.put(f"text number {n:03}")
    gate.set()
    desk.wait(101, 20)
    desk.scheduler.close()
    sizes = [len(batch) for batch in op.batches]
    assert sizes[:5] == [8, 1, 3, 3, 3], (
        "unknown at first; then what one takes alone, once; then larger ones, as they pay"
    )
    assert set(sizes[5:-1]) <= {5, 6, 7}, "as many as 90 ms hold, judged by what the last ones took"


def test_one_bad_request_does_not_fail_its_neighbours(desk):
    desk.op.bad = {"bad": ValueError("boom")}
    gate = hold(desk)
    for text in ("one", "bad", "two"):
        desk.put(text)
    gate.set()
    desk.wait(4)
    assert desk.answers["one"] == "ONE"
    assert desk.answers["two"] == "TWO"
    assert isinstance(desk.answers["bad"], InternalError)
    assert "boom" not in str(desk.answers["bad"])
    desk.put("after")
    desk.wait(5)
    assert desk.answers["after"] == "AFTER"


def test_a_request_that_cannot_be_read_fails_alone(desk):
    desk.put("unreadable")
    desk.put("fine")
    desk.wait(2)
    assert str(desk.answers["unreadable"]) == "I cannot read this."
    assert desk.answers["fine"] == "FINE"


def test_out_of_memory_frees_and_tries_again_once():
    freed = []
    op = FakeOp()
    desk = Desk(Scheduler(on_memory=lambda: freed.append(True)), op)
    real, failures = op.step, [RuntimeError("CUDA error: out of memory")]

    def step(works):
        if failures:
            raise failures.pop()
        return real(works)

    op.step = step
    desk.put("hello")
    desk.wait(1)
    assert (desk.answers["hello"], freed) == ("HELLO", [True])
    failures.extend(RuntimeError("out of memory") for _ in range(2))
    desk.put("again")
    desk.wait(2)
    assert isinstance(desk.answers["again"], OutOfMemory)
    desk.scheduler.close()


def test_streams_of_one_group_step_together_between_other_work(desk):
    """What a generator will do: a token a step, classifiers in between."""
    writer = FakeOp(steps=5)
    gate = hold(desk)
    for n in range(2):
        desk.put(f"story {n}", user=f"writer {n}", group="stories", op=writer)
    desk.put("quick", user="reader")
    gate.set()
    desk.wait(4)
    assert desk.order.index("quick") < desk.order.index("story 0")
    assert [sorted(batch) for batch in writer.batches] == [["story 0", "story 1"]] * 5
    deltas = [event.delta for text, event in desk.events if text == "story 0"]
    assert deltas == ["1", "2", "3", "4", "5"]


def test_stop_ends_a_stream_within_a_step_and_frees_its_state(desk):
    writer = FakeOp(steps=10_000, seconds=0.005)
    cancel = Cancel(20)
    desk.put("story", cancel=cancel, op=writer)
    eventually(lambda: len(writer.batches) > 2)
    cancel.set()
    desk.wait(1, 0.5)
    assert desk.answers["story"] is None
    assert writer.dropped == ["story"]


def test_a_work_that_waits_can_be_taken_back(desk):
    gate = hold(desk)
    work = desk.put("changed my mind")
    assert desk.scheduler.discard(work)
    assert not desk.scheduler.discard(work)
    gate.set()
    desk.put("next")
    eventually(lambda: "next" in desk.answers)
    assert "changed my mind" not in desk.answers
    eventually(lambda: desk.scheduler.counts.waiting + desk.scheduler.counts.running == 0)


def test_a_work_past_its_deadline_is_not_begun(desk):
    gate = hold(desk)
    desk.put("late", cancel=Cancel(0.05))
    time.sleep(0.1)
    gate.set()
    desk.wait(2)
    assert isinstance(desk.answers["late"], DeadlineExceeded)
    assert desk.op.batches == []


def test_a_receiver_that_fails_takes_nobody_down(desk, caplog):
    def broken(work, outcome, error):
        raise ValueError("a bug of the receiver")

    call = Classify(ModelRef("m", "fake", "/nowhere"), text="hello")
    desk.scheduler.put(Work(call, desk.op, None, Cancel(), lambda event: None, broken, group="g"))
    desk.put("next")
    desk.wait(1)
    assert desk.answers["next"] == "NEXT"


def test_functions_run_on_the_device_thread_between_steps(desk):
    assert desk.scheduler.on_device(threading.get_ident) == desk.scheduler._thread.ident
    with pytest.raises(ZeroDivisionError):
        desk.scheduler.on_device(lambda: 1 / 0)


def test_closing_ends_what_waits_and_the_thread(desk):
    gate = hold(desk)
    desk.put("waits")
    threading.Timer(0.05, gate.set).start()
    desk.scheduler.close()
    assert not desk.scheduler._thread.is_alive()
    assert desk.answers["waits"] is None
    desk.put("too late")
    assert desk.answers["too late"] is None
    with pytest.raises(RuntimeError):
        desk.scheduler.on_device(lambda: None)
