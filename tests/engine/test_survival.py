"""Nothing that happens on the device's thread ends it: who was in hand gets an error, the others their answers."""

import logging
import random
import threading
import time

import pytest

from playground.core.calls import Classify
from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InternalError
from playground.core.types import ModelRef
from playground.engine.lasting import LastingThread
from playground.engine.scheduler import Outcome, Scheduler, Work

from .conftest import eventually
from .strike import Struck, strike

REF = ModelRef("m", "fake", "/nowhere")


class Busy:
    """Steps that last until `gate` is set, in slices so that a strike is felt. `bad`: what to raise, by text and place."""

    def __init__(self, gate=None, bad=None):
        self.gate, self.bad, self.entered, self.steps = gate, bad or {}, threading.Event(), 0

    def _trip(self, text, place):
        if (text, place) in self.bad:
            raise self.bad[text, place]

    def prepare(self, work):
        self._trip(work.call.text, "prepare")
        work.size = 5

    def step(self, works):
        self.steps += 1
        self.entered.set()
        while self.gate is not None and not self.gate.is_set():
            time.sleep(0.001)
        for work in works:
            self._trip(work.call.text, "step")
        return [Outcome(work.call.text) for work in works]

    def drop(self, work):
        pass


class Desk:
    def __init__(self, scheduler):
        self.scheduler, self.answers, self.told, self.lock = scheduler, {}, [], threading.Lock()

    def put(self, op, text, user="u", cancel=None, bad_receiver=None):
        def done(work, outcome, error):
            with self.lock:
                self.answers[text] = outcome.output if outcome is not None else error
            if bad_receiver is not None:
                raise bad_receiver

        work = Work(
            Classify(REF, user=user, text=text),
            op,
            None,
            cancel or Cancel(20),
            lambda event: None,
            done,
            late=lambda error: self.told.append((text, error)),
            user=user,
            group=id(op),
        )
        self.scheduler.put(work)
        return work

    def wait(self, *texts, seconds=5.0):
        eventually(lambda: all(text in self.answers for text in texts), seconds)


@pytest.fixture
def desk():
    scheduler = Scheduler(max_batch=8)
    yield Desk(scheduler)
    scheduler.close()
    assert scheduler._here == {}


def device(desk):
    return desk.scheduler._thread.ident


@pytest.mark.parametrize("kind", [SystemExit, Struck, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_a_killed_step_is_one_error_and_the_next_request_is_answered(desk, kind):
    op, other = Busy(threading.Event()), Busy()
    desk.put(op, "a")
    assert op.entered.wait(5)
    for text in ("b", "c"):
        desk.put(other, text, user=text)
    strike(device(desk), kind)
    if kind is MemoryError:  # an ordinary fault: tried once more
        eventually(lambda: op.steps == 2)
        op.gate.set()
    desk.wait("a", "b", "c")
    assert desk.answers["a"] == "a" if kind is MemoryError else isinstance(desk.answers["a"], InternalError)
    assert desk.answers["b"] == "b"
    assert desk.answers["c"] == "c"
    op.gate.set()
    desk.put(op, "d")
    desk.wait("d")
    assert desk.answers["d"] == "d"
    eventually(lambda: desk.scheduler.counts.running == desk.scheduler.counts.waiting == 0)


@pytest.mark.parametrize("place", ["prepare", "step"])
@pytest.mark.parametrize("kind", [SystemExit("bye"), Struck(), ValueError("boom")])
def test_whatever_an_operation_raises_is_its_own_works_error(desk, place, kind):
    op = Busy(bad={("bad", place): kind})
    desk.put(op, "bad")
    desk.wait("bad")
    assert isinstance(desk.answers["bad"], InternalError)
    desk.put(op, "good")
    desk.wait("good")
    assert desk.answers["good"] == "good"


@pytest.mark.parametrize("kind", [SystemExit("bye"), Struck(), ValueError("boom")])
def test_a_receiver_that_is_killed_takes_nobody_along(desk, kind):
    op = Busy()
    desk.put(op, "one", bad_receiver=kind)
    desk.put(op, "two")
    desk.wait("one", "two")
    assert desk.answers["two"] == "two"
    desk.put(op, "three")
    desk.wait("three")


def test_a_killed_function_on_the_device_is_its_callers_error(desk):
    def leave():
        raise SystemExit

    with pytest.raises(InternalError):
        desk.scheduler.on_device(leave)
    assert desk.scheduler.on_device(lambda: 3) == 3
    caught, entered = [], threading.Event()

    def wait():
        entered.set()
        while True:
            time.sleep(0.001)

    def call():
        try:
            desk.scheduler.on_device(wait)
        except BaseException as error:
            caught.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    assert entered.wait(5)
    strike(device(desk))
    caller.join(5)
    assert isinstance(caught[0], Struck | InternalError)
    assert desk.scheduler.on_device(lambda: 4) == 4


def test_struck_while_idle_it_answers_what_woke_it(desk):
    op = Busy()
    desk.put(op, "before")
    desk.wait("before")
    time.sleep(0.05)
    strike(device(desk))
    desk.put(op, "after")
    desk.wait("after")
    assert desk.answers["after"] == "after"


def test_a_thread_that_died_is_followed_by_another(desk):
    scheduler, faults, threads = desk.scheduler, [Struck(), Struck()], set()
    prepare, recover = scheduler._prepare, scheduler._recover

    def struck(then):
        def function(*args):
            threads.add(threading.current_thread())
            if faults:
                raise faults.pop()  # the second falls while it recovers from the first
            then(*args)

        return function

    scheduler._prepare, scheduler._thread._recover = struck(prepare), struck(recover)
    op = Busy()
    desk.put(op, "a")
    desk.wait("a")  # the successor finds it waiting
    assert desk.answers["a"] == "a"
    assert len(threads) == 2
    desk.put(op, "b")
    desk.wait("b")
    assert desk.answers["b"] == "b"
    assert desk.scheduler.on_device(lambda: 5) == 5


def test_what_breaks_every_turn_ends_with_an_error_and_not_for_ever(desk):
    op = Busy()
    calls = []

    def broken(*args):
        calls.append(time.monotonic())
        if len(calls) < 50:
            raise ZeroDivisionError("a bug of the queue's")

    desk.scheduler._queue.take = broken
    desk.put(op, "a")
    desk.wait("a")
    desk.put(op, "b")
    desk.wait("b")
    assert desk.answers["b"] == "b"  # a new queue
    assert len(calls) < 5


@pytest.mark.parametrize("seed", range(4))
def test_struck_at_any_moment_every_work_is_answered_and_nothing_is_left(seed, caplog):
    """The device's thread is struck again and again at random moments, under load from four users."""
    caplog.set_level(
        logging.CRITICAL + 1
    )  # nothing is said, since most strikes would fall while a traceback is written
    chance = random.Random(seed)
    scheduler = Scheduler(max_batch=4)
    desk = Desk(scheduler)
    op = Busy()
    names = [f"{user} {number}" for user in "abcd" for number in range(150)]
    stop, struck = threading.Event(), []

    def visitor(user):
        for number in range(150):
            desk.put(op, f"{user} {number}", user=user)
            if number % 4 == 0:
                time.sleep(0.002)

    def executioner():
        while not stop.is_set():
            time.sleep(0.002 + chance.random() * 0.004)
            struck.append(strike(scheduler._thread.ident))

    threads = [threading.Thread(target=visitor, args=(user,)) for user in "abcd"]
    killer = threading.Thread(target=executioner)
    for thread in (*threads, killer):
        thread.start()
    try:
        for thread in threads:
            thread.join(20)
        eventually(lambda: len(desk.answers) == len(names), 20)
    finally:
        stop.set()
        killer.join(5)
    assert all(answer == name or isinstance(answer, InternalError) for name, answer in desk.answers.items())
    assert sum(struck) > 10
    desk.put(op, "after")
    desk.wait("after")
    eventually(lambda: scheduler._here == {} and scheduler.counts.running == scheduler.counts.waiting == 0)
    scheduler.close()


# -- time


def test_a_deadline_is_said_while_a_long_step_goes_on(desk):
    op = Busy(threading.Event())
    desk.put(op, "in the step", cancel=Cancel(0.1))
    assert op.entered.wait(5)
    desk.put(Busy(), "waiting", cancel=Cancel(0.1))
    desk.wait("waiting", seconds=2)
    assert isinstance(desk.answers["waiting"], DeadlineExceeded)
    eventually(lambda: desk.told, 2)
    text, error = desk.told[0]
    assert text == "in the step"
    assert isinstance(error, DeadlineExceeded)
    assert "in the step" not in desk.answers, "its model is in use until the step has ended"
    op.gate.set()
    desk.wait("in the step")


# -- the thread itself


def test_a_lasting_thread_goes_on_starts_anew_and_ends_when_told():
    struck, turns, stop = [], [], threading.Event()

    def turn():
        turns.append(threading.get_ident())
        time.sleep(0.002)
        if len(turns) == 3:
            raise SystemExit
        return not stop.is_set()

    thread = LastingThread("t", turn, lambda error, again: struck.append(error))
    eventually(lambda: len(turns) > 10)
    assert [type(error) for error in struck] == [SystemExit]
    assert len(set(turns)) == 1
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    thread.ensure()
    assert not thread.is_alive(), "it ended because it was told to"
