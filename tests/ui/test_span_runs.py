"""Runs of tasks that label a text in place: what the page is told, from the first update to the history."""

import asyncio

import pytest

from playground.ui import cards as ui_cards
from playground.ui import parts as ui_parts
from playground.ui.order import Order
from playground.ui.runs import TaskRuns
from playground.ui.session import PageStates
from playground.views import shell
from tests.fakes.service import FakePlayground, feeling
from tests.fakes.spans import classes_task, names_task
from tests.views.test_html import parsed

TIERS = ("hosted", "pretrained", "finetuned", "scratch")


@pytest.fixture
def service():
    service = FakePlayground(max_lines=5)
    for task in (names_task(), classes_task()):
        service.tasks.add(task.name, task)
    yield service
    service.close()


@pytest.fixture
def runs(service):
    return TaskRuns(service, service.tasks.get("ner"), PageStates())


def collected(runs, text, session="s", **order):
    async def collect():
        return [update async for update in runs.run(Order.of({"text": text, "number": 1, **order}), session)]

    return asyncio.run(collect())


def words(html):
    return " ".join("".join(parsed(html).text).replace("\xa0", " ").split())


def test_the_text_stands_on_every_card_from_the_start_and_then_marked(runs):
    medicine = runs.task.examples[1]
    updates = collected(runs, medicine.text)
    for tier in TIERS:
        assert medicine.text in words(updates[0][f"card-{tier}"])
    last = {name: html for update in updates for name, html in update.items()}
    assert "✓ gold" in last["card-finetuned"]
    assert "✗ 1 of 3 gold found, 1 extra" in last["card-scratch"]
    assert "gold has none of its labels" in last["card-pretrained"]
    assert "no entity" in last["card-pretrained"]
    below = words(last["below"])
    assert "They agree on 1 of 3 entities whose label two or more of them know." in below
    assert "Pretrained knows PER, LOC, ORG and MISC; fine-tuned and from scratch know Chemical and Disease." in below
    assert "Pretrained: no entity." in words(last["status"])
    assert "Fine-tuned: 3 entities: Chemical amoxicillin, Disease rash, Disease fever, 0.92." in words(last["status"])


def test_in_the_history_none_is_wrong_who_could_not_be_right(runs):
    row = words(collected(runs, runs.task.examples[1].text)[-1]["history"])
    assert "none" in row
    assert row.count("✓") == 2  # hosted and fine-tuned
    assert row.count("✗") == 1


def test_a_run_of_the_history_shows_its_own_text_again(runs, service):
    collected(runs, "Anna saw Porto.")
    collected(runs, "Nobody was there.")
    update = runs.open(service.history("s")[1].id, "s")
    assert ">Anna<small> PER</small></mark> saw " in update["card-pretrained"]
    assert "Anna" in update["below"]


def test_what_a_visitor_wrote_is_in_no_shared_cache(runs, monkeypatch):
    shared = []
    silent = ui_parts._silent_card
    monkeypatch.setattr(ui_parts, "_silent_card", lambda state: shared.append(state) or silent(state))
    collected(runs, "Anna has a secret.")
    runs.start_page()
    assert not [state for state in shared if state.input or state.gold or state.previous]


def test_waiting_cards_of_labels_are_the_same_for_every_text(service, monkeypatch):
    shared = []
    silent = ui_parts._silent_card
    monkeypatch.setattr(ui_parts, "_silent_card", lambda state: shared.append(state) or silent(state))
    runs = TaskRuns(service, feeling(), PageStates())
    first, second = collected(runs, "great"), collected(runs, "awful", "t")
    assert len(shared) == 8
    assert [first[0][f"card-{tier}"] for tier in TIERS] == [second[0][f"card-{tier}"] for tier in TIERS]


def test_lines_become_a_table_of_what_was_found(runs):
    table = words(collected(runs, "Anna has a fever\nthe rash\nnothing here", lines=True)[-1]["table"])
    assert "PER Anna" in table
    assert "the tiers differ on 2" in table  # fine-tuned and scratch: a fever missed, a rash that is a chemical


def test_word_classes_run_like_any_other_task(service):
    runs = TaskRuns(service, service.tasks.get("pos"), PageStates())
    last = {name: html for update in collected(runs, runs.task.examples[0].text) for name, html in update.items()}
    assert "4 words" in last["card-scratch"]
    assert "✓ gold" in last["card-scratch"]
    assert "They agree on all 4 words." in words(last["below"])


def test_what_a_task_asks_for_is_known_before_it_is_answered():
    entities, classes, label = map(ui_cards.asked_of, (names_task(), classes_task(), feeling()))
    assert (entities.kind, entities.noun, entities.every_word) == ("spans", ("entity", "entities"), False)
    assert (classes.kind, classes.noun, classes.every_word) == ("spans", ("word", "words"), True)
    assert (label.kind, label.names) == ("labels", ("negative", "positive"))


def test_a_pasted_article_is_one_input_where_places_matter():
    assert "data-whole" in shell.console(names_task(), 4, 100, whole=True)
    assert "data-whole" not in shell.console(feeling(), 4, 100)
