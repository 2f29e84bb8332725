"""Runs of tasks that write: what a page hears while a text grows, when it is stopped, and when a number is wrong."""

import asyncio
from itertools import pairwise

import pytest

from playground.core.events import LAST
from playground.tasks import find_tasks
from playground.ui import cards as ui_cards
from playground.ui.order import Order
from playground.ui.runs import TaskRuns
from playground.ui.session import PageStates
from tests.fakes.service import FakePlayground
from tests.views.test_html import parsed

PROMPT = "It was a slow and long morning"


@pytest.fixture
def service():
    service = FakePlayground()
    for name in ("generation", "summarization", "translation"):
        service.tasks.add(name, find_tasks().get(name))
    yield service
    service.close()


@pytest.fixture
def runs(service):
    return TaskRuns(service, service.tasks.get("generation"), PageStates())


def collected(runs, text=PROMPT, session="s", **values):
    async def collect():
        order = Order.of({"text": text, "number": 1, "values": values})
        return [update async for update in runs.run(order, session)]

    return asyncio.run(collect())


def box(html):
    """The text of a card's box, prompt and all."""
    inner = html.split('class="pg-marked pg-written"')[1].split("</div>")[0]
    return "".join(parsed("<div" + inner).text)


def pieces(html):
    return [(int(a["data-from"]), int(a["data-to"])) for _, a in parsed(html).tags if "data-from" in a]


@pytest.mark.parametrize("details", ["", "1"])
def test_while_a_text_grows_a_page_hears_its_pieces_and_not_the_card(runs, details):
    updates = collected(runs, length="12", details=details)
    shown, wholes = "", 0
    for update in updates:
        assert not {"card-scratch", "more-scratch"} <= set(update)
        if "card-scratch" in update:
            wholes += 1
            shown = box(update["card-scratch"])
        if "more-scratch" in update:
            shown += "".join(parsed(update["more-scratch"]).text)
            assert len(update["more-scratch"]) < 1000
    assert sum("more-scratch" in update for update in updates) >= 3
    assert wholes < 12
    final = next(update["card-scratch"] for update in reversed(updates) if "card-scratch" in update)
    assert shown == box(final)
    pieced = [piece for update in updates if "more-scratch" in update for piece in pieces(update["more-scratch"])]
    assert all(before[1] == after[0] for before, after in pairwise(pieced))


def test_a_stopped_text_stays_on_its_card_and_in_the_history(runs, service):
    async def stopped():
        order, heard = Order.of({"text": PROMPT, "number": 1, "values": {"length": "400"}}), []
        async for update in runs.run(order, "s"):
            heard.append(update)
            if sum("more-scratch" in one for one in heard) == 3:
                service.stop("s")
        return heard

    updates = asyncio.run(stopped())
    last = next(update["card-scratch"] for update in reversed(updates) if "card-scratch" in update)
    assert 'data-phase="stopped"' in last
    kept = box(last)
    assert len(kept) > len(PROMPT) + 3
    (record,) = service.history("s")
    assert all(result.cancelled for result in record.results)
    assert PROMPT + record.result("scratch").written == kept
    assert record.result("scratch").json()["output"] is None
    again = runs.open(record.id, "s")["card-scratch"]
    assert 'data-phase="stopped"' in again
    assert box(again) == kept
    assert not any(tier.running for tier in service.tiers)


def test_a_wrong_number_names_its_field(runs):
    (update,) = collected(runs, length="0")
    said = dict(parsed(update["status"]).tags[0][1])
    assert said["data-field"] == "length"
    assert said["data-error"] == "“Length, tokens” is a whole number from 1 to 512, and not '0'."


def test_a_card_knows_what_is_asked_of_a_text(service):
    task = service.tasks.get("generation")
    assert ui_cards.asked_of(task).continues
    assert not ui_cards.asked_of(task).details
    assert ui_cards.asked_of(task.bound({"details": "1"})).details
    assert not ui_cards.asked_of(service.tasks.get("translation")).continues
    assert ui_cards.asked_of(task).kind == "text"


def test_settings_change_nothing_of_what_is_true(service):
    task = service.tasks.get("generation")
    example = task.examples[0]
    assert ui_cards.gold_of(task.bound({"seed": "3", "details": "1"}), example.text) is example.gold
    assert ui_cards.gold_of(task.bound({}), example.text + " ") is None


def test_all_four_write_at_once(service):
    heard = []
    handle = service.start("generation", PROMPT, session="s", values={"length": "12"}, emit=heard.append)
    assert handle.wait(20)
    ends = [place for place, event in enumerate(heard) if isinstance(event.event, LAST)]
    before = {event.tier for event in heard[: ends[0]] if getattr(event.event, "delta", "")}
    assert before == {"hosted", "pretrained", "finetuned", "scratch"}
