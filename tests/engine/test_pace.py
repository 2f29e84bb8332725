"""Whose turn it is, how large a step may be, how long the wait: pure decisions, looked at without a thread."""

import random
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.fair import FEW, FairQueue
from playground.engine.pace import KNEE, PATIENCE, Pace, turn_in


@dataclass(eq=False)
class Waiting:
    """As much of a work as the queue looks at."""

    user: str
    group: str = "g"
    size: int = 20
    rows: int = 1
    ready: bool = True
    begun: bool = False
    alone: bool = False


def queue_of(*counts: tuple[str, int], group: str | None = None) -> FairQueue:
    queue: FairQueue[Waiting] = FairQueue()
    for user, count in counts:
        for _ in range(count):
            queue.put(Waiting(user, group or "g"))
    return queue


def taught(table: dict[int, float], group="g", size=20, most=32) -> Pace:
    """A pace that has seen steps of so many rows take so many seconds."""
    pace = Pace(most)
    for rows, seconds in table.items():
        for _ in range(3):
            pace.learn(group, size, rows, seconds)
    return pace


# DistilBERT, 32 tokens, 2 threads: what the direct calls took (STACK, throughput)
CPU = {1: 0.039, 2: 0.046, 4: 0.076, 8: 0.141, 16: 0.275, 32: 0.540}
GPU = {1: 0.0050, 2: 0.0050, 4: 0.0051, 8: 0.0052, 16: 0.0055, 32: 0.0060}


# -- turns


def test_a_newcomer_goes_before_who_has_just_been_served():
    queue = queue_of(("crowd", 200))
    queue.take(8)
    queue.put(Waiting("newcomer", "other model"))
    assert queue.head().user == "newcomer"
    assert [work.user for work in queue.take(8)] == ["newcomer"]
    assert queue.head().user == "crowd"


def test_newcomers_who_never_stop_coming_starve_nobody():
    queue = queue_of(("crowd", 10))
    served = []
    for number in range(20):
        served.append(queue.take(1)[0].user)
        queue.put(Waiting(f"newcomer {number}", "other"))
    assert served.count("crowd") >= 5


def test_a_table_takes_little_along_while_a_single_request_waits():
    queue = queue_of(("table", 100), ("single", 1))
    assert len(queue.take(8, 2)) == 2
    queue = queue_of(("table", 100), ("other table", FEW + 1))
    assert len(queue.take(8, 2)) == 8  # nobody is in a hurry
    queue = queue_of(("table", 100))
    assert len(queue.take(8, 2)) == 8
    queue = queue_of(*((f"single {n}", 1) for n in range(20)))
    assert len(queue.take(8, 2)) == 8  # all are: the fuller, the sooner everybody's turn comes


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=6),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_everybody_is_served_and_nobody_waits_longer_than_a_turn_of_each(counts, most, chance: random.Random):
    queue = queue_of(*((f"u{n}", count) for n, count in enumerate(counts)))
    total, taken = sum(counts), 0
    for _ in range(total):
        if not len(queue):
            break
        users = {work.user for work in queue}
        if chance.random() < 0.3:
            newcomer = Waiting("newcomer", "other model")
            queue.put(newcomer)
            total += 1
            for _ in range(len(users) + 1):
                batch = queue.take(most)
                taken += len(batch)
                if newcomer in batch:
                    break
            assert newcomer in batch
        else:
            taken += len(queue.take(most))
    while len(queue):
        taken += len(queue.take(most))
    assert taken == total


# -- the size of a step


def test_a_step_ends_at_the_knee_and_within_the_patience_of_a_newcomer():
    cpu = taught(CPU)
    limit = cpu.limit("g", 20)
    assert 4 <= limit <= 8
    assert cpu.seconds("g", 20, limit) <= PATIENCE * CPU[1]
    assert CPU[32] / 32 > 0.85 * cpu.seconds("g", 20, limit) / limit  # and costs little throughput
    assert taught(GPU).limit("g", 20) == 32  # rows are free there
    flat = taught({1: 0.25, 2: 0.5, 4: 1.0})
    assert flat.limit("g", 250) == 8 * 32 // 256 == 1  # not tried yet at that length
    assert flat.limit("g", 20) == 1  # long texts keep the device busy one by one: company only delays


def test_the_wait_of_the_last_of_a_step_and_the_next_stays_below_five_times_alone():
    cpu = taught(CPU)
    under_way, joined = cpu.limit("g", 20), cpu.limit("g", 20, 1.5)
    assert cpu.seconds("g", 20, under_way) + cpu.seconds("g", 20, joined) < 5 * CPU[1]


def test_what_is_new_starts_small_and_what_a_row_takes_alone_is_tried_once():
    pace = Pace(32)
    assert pace.limit("g", 20) == 8
    assert pace.limit("g", 100) == 2  # as many tokens
    pace.learn("g", 20, 8, 0.141)
    assert pace.limit("g", 20) == 1
    pace.learn("g", 20, 1, 0.039)
    assert pace.limit("g", 20) > 1
    pace.learn("fast", 20, 8, 0.004)
    assert pace.limit("fast", 20) > 8  # steps so short need no trial


def test_one_disturbed_step_changes_nothing():
    pace = taught(CPU)
    before = pace.limit("g", 20)
    pace.learn("g", 20, 1, 3.0)
    pace.learn("g", 20, 8, 9.0)
    assert pace.limit("g", 20) == before


def test_kinds_of_models_long_gone_are_forgotten():
    pace = Pace(8)
    for number in range(1000):
        pace.learn(number, 20, 1, 0.01)
    assert len(pace._known) <= 256


TIMES = st.dictionaries(st.integers(1, 64), st.floats(0.0001, 2.0), min_size=1, max_size=8)


@given(TIMES, st.integers(1, 63), st.integers(1, 32))
def test_more_rows_never_take_less(table, rows, most):
    pace = taught(table, most=most)
    assert pace.seconds("g", 20, rows) <= pace.seconds("g", 20, rows + 1) + 1e-9
    assert 1 <= pace.limit("g", 20) <= most


@given(st.floats(0.001, 1.0), st.floats(0.0, 0.5))
def test_a_device_that_works_as_a_line_is_learned_in_a_few_steps(fixed, each):
    pace = Pace(32)
    for _ in range(12):
        rows = pace.limit("g", 20)
        pace.learn("g", 20, rows, fixed + each * rows)
    limit = pace.limit("g", 20)
    single = fixed + each
    assert fixed + each * limit <= max(0.01, PATIENCE * single) * (1 + 1e-6) * KNEE


# -- the wait


def test_the_wait_is_nothing_on_an_idle_device_and_unknown_before_the_first_step():
    assert turn_in(queue_of(), Pace(8), "me") == (0, None)
    assert turn_in(queue_of(), taught(CPU), "me") == (0, 0.0)


def test_the_wait_counts_a_turn_of_each_and_not_the_queue():
    pace = taught(CPU)
    one = turn_in(queue_of(("other", 1)), pace, "me")
    crowd = turn_in(queue_of(("other", 200)), pace, "me")
    assert one == crowd == (1, pytest.approx(CPU[1]))
    served = queue_of(("other", 200))
    served.take(8)
    assert turn_in(served, pace, "me") == (0, 0.0)  # it had its turn: the newcomer's is next
    assert turn_in(queue_of(("me", 10)), pace, "me")[0] == 10
    both = turn_in(queue_of(("other", 200), ("me", 10)), pace, "me")
    assert both[0] == 10 + 11  # one of theirs before each of mine, and one before the new one
    assert turn_in(queue_of(*((f"u{n}", 5) for n in range(16))), pace, "me")[1] == pytest.approx(
        pace.seconds("g", 20, 16)
    )


def test_a_long_line_is_estimated_from_its_beginning():
    pace = taught(CPU)
    count, seconds = turn_in(queue_of(("me", 400), ("other", 1000)), pace, "me")
    assert count == pytest.approx(400 + 401, rel=0.05)
    assert seconds == pytest.approx(pace.seconds("g", 20, 801), rel=0.1)


def test_texts_not_looked_at_yet_count_as_the_mean():
    queue = queue_of(("other", 1))
    queue.put(Waiting("third", ready=False, size=0))
    count, seconds = turn_in(queue, taught(CPU), "me")
    assert count == 2
    assert seconds > CPU[1]


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.integers(0, 4),
    st.integers(0, 5),
    TIMES,
)
def test_the_wait_grows_with_others_up_to_fairness_and_no_further(counts, which, own, table):
    pace = taught(table)
    which %= len(counts)

    def wait(more: int) -> float:
        users = [(f"u{n}", count + (more if n == which else 0)) for n, count in enumerate(counts)]
        return turn_in(queue_of(*users, ("me", own)), pace, "me")[1]

    waits = [wait(more) for more in range(10)]
    assert all(later >= sooner - 1e-9 for sooner, later in pairwise(waits))
    enough = max(0, own + 1 - counts[which])  # beyond one of theirs for each of mine, fairness lets nothing pass
    assert all(later == pytest.approx(waits[enough]) for later in waits[enough:]) or enough >= len(waits)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 5), st.integers(1, 8))
def test_what_was_counted_before_a_newcomer_is_what_goes_before_it(counts, own, steps_before):
    """The estimate against the queue itself, one work a step."""
    queue = queue_of(*((f"u{n}", count) for n, count in enumerate(counts)), ("me", own))
    for _ in range(min(steps_before, len(queue) - 1)):
        queue.take(1)
    expected = turn_in(queue, Pace(8), "me")[0]
    new = Waiting("me")
    queue.put(new)
    before = 0
    while new not in queue.take(1):
        before += 1
    assert before == expected


def test_a_bad_moment_of_the_machine_decides_nothing_for_good():
    """Larger batches were slow while something else ran: they are tried again, and the limit comes back."""
    pace = taught({1: 0.039})
    for rows in (2, 3, 2, 3, 4, 6, 5):
        pace.learn("g", 20, rows, 0.4 * rows)
    for _ in range(60):
        rows = pace.limit("g", 20)
        pace.learn("g", 20, rows, 0.03 + 0.015 * rows)
    assert pace.limit("g", 20) >= 4
