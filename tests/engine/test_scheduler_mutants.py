"""The scheduler's tests can fail: each mutant breaks one rule in the real source, and that rule's check must see it.

A check is a function that passes on the real code. A mutant replaces text that occurs exactly once in one method.
"""

from __future__ import annotations
import __future__

import contextlib
import inspect
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, InternalError, OutOfMemory
from playground.engine.fair import FairQueue
from playground.engine.lasting import LastingThread
from playground.engine.pace import Pace, _Rows, turn_in
from playground.engine.scheduler import Scheduler
from playground.engine.steps import Steps

from .conftest import eventually
from .strike import Struck
from .test_pace import CPU, Waiting, queue_of, taught
from .test_scheduler import Desk, FakeOp

OWNERS = {owner.__name__: owner for owner in (FairQueue, LastingThread, Pace, Scheduler, Steps, _Rows)}
PATIENCE = 1.0  # seconds that a check waits for what should come at once


@contextlib.contextmanager
def desk(**op):
    """A scheduler whose device is held in a step until `go`; it is let go and closed whatever happens."""
    scheduler, gate = Scheduler(max_batch=8), FakeOp(gate=threading.Event())
    held = Desk(scheduler, FakeOp(**op))
    held.go = gate.gate.set
    held.put("gate", user="gatekeeper", group="gate", op=gate)
    eventually(lambda: gate.batches)
    try:
        yield held
    finally:
        gate.gate.set()
        held.op.gate = None
        closing = threading.Thread(target=scheduler.close, daemon=True)
        closing.start()
        closing.join(2)


def answered(held, *texts):
    eventually(lambda: all(text in held.answers for text in texts), PATIENCE)
    return [held.answers[text] for text in texts]


def a_newcomer_goes_next():
    queue = queue_of(("crowd", 50))
    queue.take(4)
    queue.put(Waiting("newcomer", "other"))
    assert queue.take(4)[0].user == "newcomer"


def users_take_turns():
    queue = queue_of(("a", 3), ("b", 3), ("c", 3))
    assert [queue.take(1)[0].user for _ in range(6)] == ["a", "b", "c"] * 2


def a_table_takes_little_along():
    assert len(queue_of(("table", 50), ("single", 1)).take(8, 2)) == 2


def groups_are_not_mixed():
    with desk() as held:
        for number in range(3):
            held.put(f"a{number}", group="a")
            held.put(f"b{number}", group="b")
        held.go()
        answered(held, "a0", "a1", "a2", "b0", "b1", "b2")
        assert all(len({text[0] for text in batch}) == 1 for batch in held.op.batches)


def lengths_are_not_mixed():
    with desk() as held:
        held.put("short")
        held.put("long" * 30)
        held.go()
        answered(held, "short", "long" * 30)
        assert len(held.op.batches) == 2


def a_batch_is_bounded():
    assert len(queue_of(("a", 30), ("b", 30)).take(8)) == 8


def a_cancelled_work_is_not_begun():
    with desk() as held:
        token = Cancel(20)
        held.put("stop me", cancel=token)
        token.set()
        held.go()
        assert answered(held, "stop me") == [None]
        assert held.op.batches == []


def a_late_work_is_told_so():
    with desk() as held:
        held.put("late", cancel=Cancel(0.01))
        time.sleep(0.05)
        held.go()
        assert isinstance(answered(held, "late")[0], DeadlineExceeded)


def a_deadline_is_said_while_a_step_goes_on():
    with desk() as held:
        told, slow = [], FakeOp(gate=threading.Event())
        held.go()
        work = held.put("long", cancel=Cancel(0.05), op=slow, group="slow")
        work.late = told.append
        try:
            eventually(lambda: told, PATIENCE)
        finally:
            slow.gate.set()


def memory_is_retried_once():
    with desk(bad={"big": RuntimeError("out of memory")}) as held:
        held.put("big")
        held.go()
        assert isinstance(answered(held, "big")[0], OutOfMemory)
        assert len(held.op.batches) == 2


def a_broken_step_is_an_error():
    with desk(bad={"bad": ValueError("boom")}) as held:
        held.put("bad")
        held.go()
        assert isinstance(answered(held, "bad")[0], InternalError)


def one_bad_request_spoils_no_other():
    with desk(bad={"bad": ValueError("boom")}) as held:
        held.put("good")
        held.put("bad")
        held.go()
        assert answered(held, "good") == ["GOOD"]


def a_killed_step_is_an_error_and_is_not_tried_again():
    with desk(bad={"bad": SystemExit("bye")}) as held:
        held.put("bad")
        held.put("beside")
        held.go()
        assert [type(answer) for answer in answered(held, "bad", "beside")] == [InternalError, InternalError]
        assert len(held.op.batches) == 1
        held.put("next")
        assert answered(held, "next") == ["NEXT"]


def a_thread_struck_between_steps_goes_on():
    with desk() as held:
        faults, real = [Struck()], held.scheduler._drop_late

        def drop_late():
            if faults:
                raise faults.pop()
            real()

        held.scheduler._drop_late = drop_late
        thread = held.scheduler._thread._thread
        held.put("one")
        held.go()
        assert answered(held, "one") == ["ONE"]
        assert held.scheduler._thread._thread is thread  # and needs no other in its place


def what_was_in_hand_is_answered():
    with desk() as held:
        faults, real = [Struck()], held.scheduler._pace.of_step

        def of_step(batch):
            if faults:
                raise faults.pop()
            return real(batch)

        held.scheduler._pace.of_step = of_step
        held.put("one")
        held.go()
        assert isinstance(answered(held, "one")[0], InternalError)


def the_wait_counts_the_others():
    pace = taught(CPU)
    assert turn_in(queue_of(("a", 1), ("b", 1)), pace, "me")[1] > turn_in(queue_of(), pace, "me")[1]


def the_wait_counts_turns_and_not_the_queue():
    pace = taught(CPU)
    assert turn_in(queue_of(("a", 200)), pace, "me") == turn_in(queue_of(("a", 1)), pace, "me")


def the_wait_counts_the_step_under_way():
    with desk() as held:
        held.scheduler._pace.learn("g", 5, 1, 0.1)
        assert held.scheduler.turn("me")[0] == 1
        held.scheduler._step_end = time.monotonic() + 10
        assert held.scheduler.turn("me")[1] > 5


def a_step_is_no_longer_than_a_newcomers_patience():
    assert taught({1: 0.1, 2: 0.18, 4: 0.33, 8: 0.6}).limit("g", 20) < 8


def a_step_grows_where_rows_are_cheap():
    pace = Pace(32)
    for _ in range(16):
        rows = pace.limit("g", 20)
        pace.learn("g", 20, rows, 0.005)
    assert pace.limit("g", 20) >= 31


CHECKS = (
    a_newcomer_goes_next,
    users_take_turns,
    a_table_takes_little_along,
    groups_are_not_mixed,
    lengths_are_not_mixed,
    a_batch_is_bounded,
    a_cancelled_work_is_not_begun,
    a_late_work_is_told_so,
    a_deadline_is_said_while_a_step_goes_on,
    memory_is_retried_once,
    a_broken_step_is_an_error,
    one_bad_request_spoils_no_other,
    a_killed_step_is_an_error_and_is_not_tried_again,
    a_thread_struck_between_steps_goes_on,
    what_was_in_hand_is_answered,
    the_wait_counts_the_others,
    the_wait_counts_turns_and_not_the_queue,
    the_wait_counts_the_step_under_way,
    a_step_is_no_longer_than_a_newcomers_patience,
    a_step_grows_where_rows_are_cheap,
)


@dataclass(frozen=True)
class Mutant:
    """`where`: class and method. `check`: who must see it."""

    where: str
    old: str
    new: str
    check: Callable[[], None]


STRUCK = "except BaseException as error:\n                now"

MUTANTS = (
    Mutant("FairQueue._lines", "if user != self._served]", "]", a_newcomer_goes_next),
    Mutant("FairQueue.take", "self._users.move_to_end(self._served)", "pass", users_take_turns),
    Mutant("FairQueue.take", "if hurry and place", "if False", a_table_takes_little_along),
    Mutant("FairQueue.take", "work.group == head.group and ", "", groups_are_not_mixed),
    Mutant("FairQueue.take", " and bucket(work.size) == width", "", lengths_are_not_mixed),
    Mutant("FairQueue.take", "rows += work.rows", "pass", a_batch_is_bounded),
    Mutant("Steps._drop_late", "work.cancel.is_set or work.cancel.expired]", "work.cancel.expired]", a_cancelled_work_is_not_begun),
    Mutant("Steps._drop_late", "work.cancel.is_set or work.cancel.expired]", "work.cancel.is_set]", a_late_work_is_told_so),
    Mutant("Steps._drop_late", "else too_late(work)", "else None", a_late_work_is_told_so),
    Mutant("Scheduler._look", "work.late(too_late(work))", "pass", a_deadline_is_said_while_a_step_goes_on),
    Mutant("Steps._after_error", "(memory and not batch[0].retried)", "memory", memory_is_retried_once),
    Mutant("Steps._after_error", "(memory and not batch[0].retried)", "False", memory_is_retried_once),
    Mutant("Steps._after_error", "shown or InternalError()", "None", a_broken_step_is_an_error),
    Mutant("Steps._after_error", "self._finish(work, None, shown or InternalError())", "pass", a_broken_step_is_an_error),
    Mutant("Steps._after_error", "work.alone = True", "pass", one_bad_request_spoils_no_other),
    Mutant("Steps._after_error", "isinstance(error, Exception) and ", "", a_killed_step_is_an_error_and_is_not_tried_again),
    Mutant("LastingThread._run", STRUCK, STRUCK.replace("BaseException", "Exception"), a_thread_struck_between_steps_goes_on),
    Mutant("Steps._recover", "self._finish(work, None, InternalError())", "pass", what_was_in_hand_is_answered),
    Mutant("FairQueue.before", "islice(works, shown if last else shown + 1)", "()", the_wait_counts_the_others),
    Mutant("FairQueue.before", "islice(works, shown if last else shown + 1)", "works", the_wait_counts_turns_and_not_the_queue),
    Mutant("Scheduler.turn", "seconds += max(0.0, end - time.monotonic())", "pass", the_wait_counts_the_step_under_way),
    Mutant("Scheduler.turn", "ahead += len(self._running)", "pass", the_wait_counts_the_step_under_way),
    Mutant("Pace.limit", "known.seconds(most) > allowed", "False", a_step_is_no_longer_than_a_newcomers_patience),
    Mutant("_Rows.knee", "largest + 1 if enough == largest else enough", "enough", a_step_grows_where_rows_are_cheap),
)  # fmt: skip


def mutated(mutant):
    owner, name = OWNERS[mutant.where.split(".")[0]], mutant.where.split(".")[1]
    method = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(method))
    old, new = mutant.old, mutant.new
    assert source.count(old) == 1, f"{mutant.where} has {mutant.old!r} {source.count(old)} times"
    code = compile(source.replace(old, new), f"<{mutant.where}>", "exec", __future__.annotations.compiler_flag)
    made: dict[str, object] = {}
    exec(code, method.__globals__, made)
    return owner, name, made[name]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_check_passes_on_the_real_code(check):
    check()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.where}: {mutant.new.strip() or 'nothing'}")
def test_the_check_sees_the_mutant(mutant, monkeypatch):
    monkeypatch.setattr(*mutated(mutant))
    with pytest.raises((AssertionError, Struck)):
        mutant.check()


def test_every_check_has_a_mutant():
    assert {mutant.check for mutant in MUTANTS} == set(CHECKS)
