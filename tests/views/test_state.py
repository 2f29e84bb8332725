"""fold: the card's last word is final, old events change nothing, and it is pure."""

import copy
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import NotSupported, RateLimited
from playground.core.events import LAST, Cancelled, Failed, Finished, Loading, Partial, Queued
from playground.core.run import TierResult
from playground.core.types import Labels, LabelScore, Source, Stats
from playground.views.state import LAST_PHASES, CardState, Phase, fold, results_of, waiting, with_result
from tests.views.conftest import events, labels, stats

START = waiting(CardState("scratch", 4, "From scratch"), model=None, gold=None)
OUTPUT = Labels("positive", (LabelScore("positive", 0.9), LabelScore("negative", 0.1)))


def folded(state, several):
    for event in several:
        state = fold(state, event)
    return state


@given(st.lists(events, max_size=12), events)
def test_after_the_last_word_nothing_changes(several, event):
    state = folded(START, several)
    if state.phase in LAST_PHASES:
        assert fold(state, event) == state
    assert (state.phase in LAST_PHASES) == any(isinstance(one, LAST) for one in accepted(several))


def accepted(several):
    """Those that a numbered stream would have let through: newer than all before, up to the last word."""
    newest, taken = -1, []
    for event in several:
        if 0 <= event.seq <= newest:
            continue
        newest = max(newest, event.seq)
        taken.append(event)
        if isinstance(event, LAST):
            break
    return taken


@given(st.lists(events, max_size=8))
def test_fold_is_pure_and_heard_twice_is_heard_once(several):
    before = copy.deepcopy(START)
    numbered = [replace(event, seq=place) for place, event in enumerate(several)]
    twice = [event for event in numbered for _ in range(2)]
    assert folded(START, numbered) == folded(START, twice)
    assert before == START


@given(st.lists(events, max_size=8))
def test_a_fraction_stays_a_fraction(several):
    state = folded(START, several)
    assert state.fraction is None or 0 <= state.fraction <= 1
    assert state.busy or state.fraction is None


@given(labels, stats)
def test_a_finished_card_and_its_record_look_the_same(output, measured):
    live = fold(START, Finished(seq=0, output=output, stats=measured))
    kept = with_result(START, TierResult("scratch", None, output, measured))
    assert replace(live, seq=-1) == kept


def test_a_whole_run():
    state = folded(START, [Queued(0, ahead=2), Loading(1, what="reading weights", fraction=0.4)])
    assert (state.phase, state.what, state.fraction) == (Phase.LOADING, "reading weights", 0.4)
    state = folded(state, [Partial(2, delta="a"), Partial(3, delta="b"), Partial(3, delta="b")])
    assert (state.phase, state.text) == (Phase.RUNNING, "ab")
    done = fold(state, Finished(4, output=OUTPUT, stats=Stats(source=Source.BUNDLED)))
    assert (done.phase, done.output, done.source) == (Phase.DONE, OUTPUT, Source.BUNDLED)
    failed = fold(state, Failed(4, error=RateLimited("Too many requests: wait 3 s.", 3.0)))
    assert (failed.phase, failed.error) == (Phase.FAILED, "Too many requests: wait 3 s.")
    assert fold(state, Cancelled(4)).phase is Phase.STOPPED
    assert [result.tier for result in results_of([done, failed])] == ["scratch"]


def test_a_tier_that_cannot_has_not_failed():
    error = NotSupported("It needs a key: paste one.")
    for state in (
        fold(START, Failed(0, error=error)),
        with_result(START, TierResult("scratch", None, None, Stats(), error)),
    ):
        assert (state.phase, state.error) == (Phase.UNSUPPORTED, "It needs a key: paste one.")


def test_a_new_run_forgets_the_answer_and_keeps_an_unsupported_card():
    done = fold(START, Finished(0, output=OUTPUT, stats=Stats(latency_seconds=0.1)))
    again = waiting(done, model="other", gold="positive", previous=OUTPUT)
    assert (again.output, again.stats, again.model, again.gold, again.previous) == (
        None,
        Stats(),
        "other",
        "positive",
        OUTPUT,
    )
    closed = replace(START, phase=Phase.UNSUPPORTED, error="No labels here.")
    assert waiting(closed, model=None, gold=None) == closed
