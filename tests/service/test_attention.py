"""Looking into models behind the service: what can be looked into, what a card's input is, what is kept and what is asked again."""

import asyncio

import numpy as np
import pytest

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName
from playground.core.calls import Ablate, Attend, Rewrite
from playground.core.errors import (
    BinaryInput,
    Busy,
    EmptyInput,
    InputError,
    InputTooLong,
    NotHere,
    NotSupported,
    TooManyRequests,
    UnknownName,
)
from playground.core.events import Progress
from playground.inspection.sides import side
from playground.service import attention
from playground.service.attention import Order
from tests.service.service_helpers import service_with

ADAPTER, SCRATCH, TRANSLATOR = "bundled/sentiment-general", "bundled/sentiment-scratch", "bundled/translation-scratch"
LAYERS, HEADS = 3, 2


def made(text, keep=None):
    """A map of the text's words, its rows uniform; of a text too long to keep all of, the layers of `keep` alone."""
    words = text.split()
    spans, at = [], 0
    for word in words:
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    count = len(words)
    weights = {
        layer: np.full((HEADS, count, count), 1 / count, np.float32)
        for layer in (range(LAYERS) if keep is None else keep)
    }
    part = PartMap(
        Part(PartName.ENCODER, LAYERS, HEADS),
        weights,
        np.zeros((LAYERS, HEADS, count, count), np.uint8),
        np.zeros((LAYERS, HEADS, 0), np.float32),
    )
    return AttentionMap((side(text, words, spans, range(count)),), (part,))


@pytest.fixture
def service():
    service = service_with()
    yield service
    service.close()


def look(service, order, page="page"):
    return asyncio.run(service.attention.look(order, page))


def asked(service, kind=Attend):
    return [call for call in service.runtime.calls if isinstance(call, kind)]


def test_every_local_checkpoint_can_be_chosen_in_the_order_of_the_tiers(service):
    rows = service.attention.models()
    assert {row.id for row in rows} == set(service.catalog.checkpoints)
    tiers = [row.tier for row in rows]
    assert tiers == sorted(tiers, key=["pretrained", "finetuned", "scratch"].index)
    by_id = {row.id: row for row in rows}
    assert by_id[ADAPTER].tasks == ("sentiment",)
    assert by_id[TRANSLATOR].writes
    assert not by_id[ADAPTER].writes
    hub = by_id["distilbert/distilbert-base-uncased-finetuned-sst-2-english"]
    assert hub.available or "268 MB" in hub.why_not


def test_a_cards_input_is_what_its_model_is_given(service):
    given = service.attention.given
    assert given("sentiment", "pretrained", None, "so good", {}) == Order(ADAPTER, "so good")
    assert given("sentiment", "pretrained", None, "so \ud800 good", {}).text == "so \ufffd good"
    assert given("qa", "scratch", "bundled/qa-scratch", "who?", {"context": "Ada did.\nTwice."}) == Order(
        "bundled/qa-scratch", "who?\nAda did.\nTwice."
    )
    for tier, model, error, word in (
        ("hosted", "gpt-5", NotSupported, "not observable"),
        ("scratch", "bundled/qa-scratch", UnknownName, "qa-scratch"),
    ):
        with pytest.raises(error, match=word):
            given("sentiment", tier, model, "x", {})
    with pytest.raises(InputError, match="context"):
        given("qa", "scratch", None, "who?", {"context": " "})


def test_a_look_is_kept_and_found_by_whoever_looks_at_the_same(service):
    service.runtime.script(output=made("one two"))
    first = look(service, Order(ADAPTER, "one two"))
    assert look(service, Order(ADAPTER, "one two"), "another page") is first
    assert (first.order, first.title, first.stats.model) == (
        Order(ADAPTER, "one two"),
        service.catalog.get(ADAPTER).title,
        ADAPTER,
    )
    assert len(asked(service)) == 1
    service.runtime.script(output=made("one two"))
    look(service, Order(SCRATCH, "one two"))
    assert [call.model.id for call in asked(service)] == [ADAPTER, SCRATCH]
    assert asked(service)[0].user == "page"


def test_what_is_kept_is_bounded_and_the_oldest_goes_first(service, monkeypatch):
    size = LAYERS * HEADS * 2 * 2 * 4
    monkeypatch.setattr(attention, "KEPT_BYTES", 2 * size)
    for text in ("a a", "b b", "c c", "b b", "a a"):
        service.runtime.script(output=made(text))
        look(service, Order(ADAPTER, text))
        if text == "b b" and service.runtime.scripts:
            service.runtime.scripts.clear()  # it was kept: nobody was asked
    assert [call.text for call in asked(service)] == ["a a", "b b", "c c", "a a"]


def test_of_a_long_text_a_layer_is_asked_for_when_it_is_wanted(service):
    order = Order(ADAPTER, "a long text")
    service.runtime.script(output=made(order.text, keep=[0]))
    service.runtime.script(output=made(order.text, keep=[2]))
    desk = service.attention
    _, part = asyncio.run(desk.layer(order, "encoder", 0, "page"))
    assert not part.whole
    _, part = asyncio.run(desk.layer(order, "encoder", 2, "page"))
    assert list(part.weights) == [2]
    assert [call.keep for call in asked(service)] == [(), (("encoder", 2),)]
    for name, layer in (("encoder", LAYERS), ("encoder", -1), ("cross", 0)):
        with pytest.raises(InputError, match="no such layer"):
            asyncio.run(desk.layer(order, name, layer, "page"))


def test_a_model_that_writes_writes_its_second_text_itself(service):
    look_at = made("le mot")
    service.runtime.script(output=None)  # the fake's own translation
    service.runtime.script(output=look_at)
    found = look(service, Order(TRANSLATOR, "the word"))
    (written,) = asked(service, Rewrite)
    assert written.writing.temperature == 0
    assert found.order.target
    assert asked(service)[0].target == found.order.target
    service.runtime.script(output=look_at)
    assert look(service, Order(TRANSLATOR, "the word", "mine")).order.target == "mine"
    assert len(asked(service, Rewrite)) == 1
    service.runtime.script(output=look_at)
    assert look(service, Order(ADAPTER, "the word", "of no use")).order.target == ""


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (Order(ADAPTER, " \n"), EmptyInput),
        (Order(ADAPTER, "x" * 100_000), InputTooLong),
        (Order(TRANSLATOR, "x", "y" * 100_000), InputTooLong),
        (Order(ADAPTER, "\x00\x01\x02\x03"), BinaryInput),
        (Order("nobody/here", "x"), UnknownName),
        (Order("distilbert/distilbert-base-uncased-finetuned-sst-2-english", "x"), NotHere),
    ],
)
def test_what_cannot_be_looked_at_is_refused_before_anybody_is_asked(service, order, error, monkeypatch):
    monkeypatch.setattr(type(service.catalog), "here", lambda self, checkpoint: not checkpoint.hub)
    with pytest.raises(error):
        look(service, order)
    assert not service.runtime.calls


def test_a_half_of_a_character_is_read_as_a_replacement(service):
    service.runtime.script(output=made("a \ufffd b"))
    assert look(service, Order(ADAPTER, "a \ud83d b")).order.text == "a \ufffd b"


def test_a_fault_of_the_model_is_raised_and_nothing_is_kept(service):
    service.runtime.script(error=Busy("No memory is free: try again."))
    with pytest.raises(Busy, match="try again"):
        look(service, Order(ADAPTER, "a b"))
    service.runtime.script(output=made("a b"))
    assert look(service, Order(ADAPTER, "a b"))


def test_a_look_ends_with_its_page_and_frees_its_place(service):
    script = service.runtime.script(hold=True, output=made("a b"))

    async def leave():
        looking = asyncio.create_task(service.attention.look(Order(ADAPTER, "a b"), "page"))
        while not service.runtime.calls:
            await asyncio.sleep(0.001)
        assert service.work().looks == 1
        service.close_session("page")
        with pytest.raises(InputError, match="stopped"):
            await looking

    asyncio.run(leave())
    script.release()
    assert not service._limits.in_progress()
    assert service.work().looks == 0
    assert b'playground_requests_total{kind="look"} 1.0' in service.metrics()


def test_looks_count_as_requests(monkeypatch):
    service = service_with(requests_per_minute=2)
    try:
        for text in ("a", "b"):
            service.runtime.script(output=made(text))
            look(service, Order(ADAPTER, text))
        with pytest.raises(TooManyRequests):
            look(service, Order(ADAPTER, "c"))
        assert look(service, Order(ADAPTER, "b"))  # it is kept
    finally:
        service.close()


def test_a_long_look_tells_what_it_knows_so_far_and_leaving_it_ends_it(service):
    events = (Progress(fraction=0.5, so_far="half"), Progress(fraction=0.9, so_far="most"))
    service.runtime.script(events=events, output=made("a"))
    call = Ablate(service.attention.ref(ADAPTER), "page", "a")

    async def hear(most):
        heard = []
        found = service.attention.progress(call, "page")
        async for event in found:
            heard.append(getattr(event, "so_far", None) or event.output)
            if len(heard) == most:
                break
        await found.aclose()
        return heard

    heard = asyncio.run(hear(9))
    assert heard[:2] == ["half", "most"]
    assert isinstance(heard[2], AttentionMap)
    service.runtime.script(events=events, hold=True)
    assert asyncio.run(hear(1)) == ["half"]
    assert service.runtime.calls[-1] == call
