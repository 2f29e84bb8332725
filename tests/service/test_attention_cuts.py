"""What a browser wants switched off, checked against the look; answers, grids and layers behind the desk."""

import asyncio
import dataclasses
import time
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.attention_types import AblationGrid, AnswerKind, Cut, Head, Instead, PartName, Token
from playground.core.calls import Ablate, AblateEach, Attend, Look, LookThrough
from playground.core.errors import EmptyInput, InputError, NotSupported, PlaygroundError, TooManyRequests, UnknownName
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.service import attention_cuts
from playground.service.attention import Order
from tests.fakes.ablation import fake_progress
from tests.fakes.attention import ENCODER, fake_attention
from tests.service.service_helpers import service_with

MODEL, WRITER = "bundled/sentiment-general", "bundled/translation-general"
ORDER = Order(MODEL, "The dog did not sleep.")
FOUND = fake_attention(Attend(ModelRef("m", "lora-classifier", ""), text=ORDER.text))
WRITTEN = fake_attention(Attend(ModelRef("m", "scratch-seq2seq", ""), text="A dog", target="Un chien"))


@pytest.fixture
def service():
    service = service_with()
    yield service
    service.close()


def run(awaitable):
    return asyncio.run(awaitable)


async def states(service, order=ORDER, part="encoder", instead="zero", session="me"):
    return [state async for state in attention_cuts.each(service.attention, order, part, instead, session)]


def looks(service, kind):
    return [call for call in service.runtime.calls if isinstance(call, kind)]


# -- what was sent


def test_heads_and_tokens_are_found_in_the_look():
    found = attention_cuts.cut(
        [["encoder", 2, 3], ["encoder", 0, 1], ["encoder", 2, 3]], [[0, 4], [0, 0]], "mean", FOUND
    )
    heads = (Head(PartName.ENCODER, 0, 1), Head(PartName.ENCODER, 2, 3))
    assert found == Cut(heads, (Token(0, 0), Token(0, 4)), Instead.MEAN)
    assert isinstance(found.heads[0].part, PartName)
    found = attention_cuts.cut([["cross", 0, 1]], [[1, 0]], "zero", WRITTEN)
    assert found == Cut((Head(PartName.CROSS, 0, 1),), (Token(1, 0),))
    assert not attention_cuts.cut([], [], "zero", FOUND)


@pytest.mark.parametrize(
    "head",
    [
        ["encoder", 3, 0], ["encoder", 0, 4], ["encoder", -1, 0], ["encoder", 0, -1], ["decoder", 0, 0], ["", 0, 0],
        ["encoder", "0", 0],
        ["encoder", 0.0, 0], ["encoder", 0], ["encoder", 0, 0, 0], [], "encoder", None, 7, {"part": "encoder"}, [["encoder"], 0, 0],
        ["encoder", None, 0], ["encoder", 10**30, 0],
    ],
)  # fmt: skip
def test_no_other_head_is_switched_off(head):
    with pytest.raises(InputError, match="no such head"):
        attention_cuts.cut([["encoder", 0, 0], head], [], "zero", FOUND)


@pytest.mark.parametrize("token", [[0, 99], [1, 0], [-1, 0], [0, -1], [0], [0, 0, 0], ["0", "0"], None, "ab", [0.5, 1]])
def test_no_other_token_is_switched_off(token):
    with pytest.raises(InputError, match="no such token"):
        attention_cuts.cut([], [[0, 0], token], "zero", FOUND)


def test_no_more_is_switched_off_than_a_model_may_have():
    huge = [["encoder", 0, 0]] * (attention_cuts.MOST + 1)
    with pytest.raises(InputError, match="More than 4096"):
        attention_cuts.cut(huge, [], "zero", FOUND)
    with pytest.raises(InputError, match="More than 4096"):
        attention_cuts.cut([], [[0, 0]] * (attention_cuts.MOST + 1), "zero", FOUND)
    with pytest.raises(InputError, match="zero or the mean"):
        attention_cuts.cut([], [], "half", FOUND)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["encoder", 0, 1]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)


@given(
    st.lists(ANYTHING, max_size=3),
    st.lists(ANYTHING, max_size=3),
    st.text(max_size=5) | st.sampled_from(["zero", "mean"]),
)
def test_whatever_is_sent_is_a_cut_of_this_model_or_a_sentence(heads, tokens, instead):
    try:
        found = attention_cuts.cut(heads, tokens, instead, FOUND)
    except InputError:
        return
    assert all(0 <= one.layer < ENCODER.layers and 0 <= one.head < ENCODER.heads for one in found.heads)
    assert all(0 <= one.place < len(FOUND.sides[one.side]) for one in found.tokens)


# -- one answer


def test_an_answer_without_a_head_is_asked_of_the_same_text(service):
    found, cut = run(attention_cuts.ablate(service.attention, ORDER, [["encoder", 1, 2]], [[0, 3]], "mean", "me"))
    assert found.answer is AnswerKind.LABELS
    assert found.effect > 0
    (call,) = looks(service, Ablate)
    assert (call.text, call.user, call.cut) == (ORDER.text, "me", cut)
    again, _ = run(attention_cuts.ablate(service.attention, ORDER, [], [], "zero", "me"))
    assert again.effect == 0
    assert len(looks(service, Attend)) == 1  # the look is known


def test_of_a_model_that_writes_the_text_that_it_wrote_is_asked_about(service):
    order = Order(WRITER, "The dog sleeps.")
    written = run(service.attention.look(order, "me")).order.target
    run(
        attention_cuts.ablate(service.attention, dataclasses.replace(order, target=written), [], [[1, 0]], "zero", "me")
    )
    assert looks(service, Ablate)[0].target == written != ""


def test_faults_keep_their_sentence(service):
    desk = service.attention
    with pytest.raises(EmptyInput):
        run(attention_cuts.ablate(desk, Order(MODEL, " "), [], [], "zero", "me"))
    with pytest.raises(UnknownName):
        run(attention_cuts.ablate(desk, Order("x/y", "A dog"), [], [], "zero", "me"))
    with pytest.raises(NotSupported, match="no attention to show"):
        run(attention_cuts.layers(desk, Order(MODEL, "There is nothing to show."), "me"))
    with pytest.raises(InputError, match="no such attention"):
        run(states(service, part="decoder"))
    with pytest.raises(InputError, match="zero or the mean"):
        run(states(service, instead=""))
    assert not looks(service, Ablate | AblateEach | LookThrough)


def test_a_fault_of_the_model_comes_through(service):
    run(service.attention.look(ORDER, "me"))
    service.runtime.script(error=NotSupported("This model shows nothing: choose another one."))
    with pytest.raises(NotSupported, match="shows nothing"):
        run(attention_cuts.layers(service.attention, ORDER, "me"))


# -- the grid


def test_a_grid_fills_and_says_what_the_few_changes_are(service, monkeypatch):
    monkeypatch.setattr(attention_cuts, "EVERY", 0.0)
    for number in range(40):  # a text whose answer hangs on a few heads
        order = Order(MODEL, f"Text {number}")
        found = run(states(service, order))
        if 0 < found[-1].grid.changed.sum() <= attention_cuts.MOST_NAMED:
            break
    known = [int(np.isfinite(state.grid.effects).sum()) for state in found]
    assert known == [4, 8, 12, 12]
    assert [state.done for state in found] == [False, False, False, True]
    last = found[-1]
    assert [place for place, _ in last.changes] == [tuple(place) for place in np.argwhere(last.grid.changed)]
    assert all(one.places[0].changed for _, one in last.changes)
    for (layer, head), one in last.changes:
        assert one.effect == pytest.approx(last.grid.effects[layer, head])


def test_states_that_come_fast_are_left_out_but_never_the_last(service, monkeypatch):
    monkeypatch.setattr(attention_cuts, "EVERY", 60.0)
    found = run(states(service))
    assert [int(np.isfinite(state.grid.effects).sum()) for state in found] == [4, 12, 12]


def test_where_the_server_has_no_time_for_the_changes_the_grid_is_whole_all_the_same(service, monkeypatch):
    run(service.attention.look(ORDER, "me"))
    whole = AblationGrid(
        PartName.ENCODER, AnswerKind.LABELS, np.ones((3, 4), np.float32), np.ones((3, 4), np.float32), np.eye(3, 4, dtype=bool),
        Instead.ZERO,
    )  # fmt: skip
    service.runtime.script(output=whole)
    service.runtime.script(error=TooManyRequests("Too many requests: wait a second.", retry_after=1.0))
    found = run(states(service))
    assert found[-1].done
    assert found[-1].changes == ()


def test_who_leaves_stops_the_work(service):
    run(service.attention.look(ORDER, "me"))
    begun = AblateEach(service.attention.ref(MODEL), text=ORDER.text, part=PartName.ENCODER)
    service.runtime.script(events=(fake_progress(begun)[0][0],), hold=True)  # it would never end by itself

    async def leave():
        async with aclosing(attention_cuts.each(service.attention, ORDER, "encoder", "zero", "me")) as found:
            async for state in found:
                assert not state.done
                break

    run(leave())
    until(lambda: service.runtime.running == 0)
    assert isinstance(service.runtime.calls[-1], AblateEach)


def test_a_page_that_is_closed_ends_its_grid_with_a_sentence(service):
    run(service.attention.look(ORDER, "me"))
    script = service.runtime.script(hold=True, events=(Progress(what="it goes on"),))

    async def close():
        task = asyncio.ensure_future(states(service))
        while not service.runtime.running:
            await asyncio.sleep(0.01)
        service.close_session("me")
        with pytest.raises(InputError, match="was stopped"):
            await task

    run(close())
    script.release()


def test_a_grid_counts_as_a_request_in_progress(service):
    service = service_with(max_session_requests=1)
    run(service.attention.look(ORDER, "me"))

    async def both():
        service.runtime.script(
            events=(fake_progress(AblateEach(text=ORDER.text, model=service.attention.ref(MODEL)))[0][0],), hold=True
        )
        async with aclosing(attention_cuts.each(service.attention, ORDER, "encoder", "zero", "me")) as found:
            await anext(found)
            with pytest.raises(PlaygroundError) as caught:
                await attention_cuts.ablate(service.attention, ORDER, [], [], "zero", "me")
            return caught.value

    assert isinstance(run(both()), TooManyRequests)
    service.close()


def test_layers_are_looked_through(service):
    found = run(attention_cuts.layers(service.attention, ORDER, "me"))
    assert len(found.layers) == 4
    (call,) = looks(service, LookThrough)
    assert (call.text, call.user) == (ORDER.text, "me")
    assert isinstance(call, Look)


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()
