"""Runs of tasks with fields beside the text: what was asked, what is said of a fault, and where it is shown again."""

import asyncio
import json

import pytest

from playground.ui import cards as ui_cards
from playground.ui import parts as ui_parts
from playground.ui.actions import answer
from playground.ui.order import Order
from playground.ui.runs import TaskRuns
from playground.ui.session import PageStates
from playground.views import shell
from tests.fakes.service import FakePlayground, feeling
from tests.fakes.spans import classes_task, names_task
from tests.fakes.whole_texts import intent_task, own_task, topics_task, whole_text_tasks
from tests.views.test_html import parsed

TEXT = "The delivery was late and I want my refund."


@pytest.fixture
def service():
    service = FakePlayground(max_lines=5)
    for task in whole_text_tasks():
        service.tasks.add(task.name, task)
    yield service
    service.close()


@pytest.fixture
def runs(service):
    return TaskRuns(service, service.tasks.get("zero-shot"), PageStates())


def collected(runs, text, session="s", **order):
    async def collect():
        return [update async for update in runs.run(Order.of({"text": text, "number": 1, **order}), session)]

    return asyncio.run(collect())


def last(updates):
    return {name: html for update in updates for name, html in update.items()}


def words(html):
    return " ".join("".join(parsed(html).text).replace("\xa0", " ").split())


def status(update):
    return dict(parsed(update["status"]).tags[0][1])


def test_the_visitors_own_labels_are_asked_for_and_shown(runs, service):
    updates = collected(runs, TEXT, values={"labels": "refund\n<b>lost</b>, or stolen", "many": ""})
    first = words(updates[0]["card-scratch"])
    assert "<b>lost</b>, or stolen" in first  # from the start, in words
    assert "<b>lost" not in updates[0]["card-scratch"]
    assert "refund" in words(last(updates)["card-finetuned"])
    assert service.history("s")[0].values == (("labels", "refund\n<b>lost</b>, or stolen"), ("many", ""))


def test_several_may_be_true_is_another_kind_of_card(runs):
    found = last(collected(runs, TEXT, values={"labels": "delivery, refund, praise", "many": "1"}))
    assert 'data-kind="multilabels"' in found["card-finetuned"]
    assert "refund · delivery" in words(found["card-finetuned"])
    assert "They agree on" in words(found["below"]) or "say" in words(found["below"])


@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"labels": ""}, "labels", "There are no labels yet"),
        ({"labels": "refund"}, "labels", "is the only label"),
        ({"labels": "a\nb\nA"}, "labels", "is there twice"),
        ({"labels": "\n".join(f"label {place}" for place in range(501))}, "labels", "the limit is 500"),
        ({"labels": "a\n" + "b" * 201}, "labels", "the limit is 200"),
        ({"labels": "a\nb", "many": "perhaps"}, "many", "on or off"),
        ({"colour": "red"}, "labels", "no field “colour”"),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_a_fault_is_said_beside_its_field_and_no_card_moves(runs, values, field, sentence, lines):
    updates = collected(runs, TEXT, values=values, lines=lines)
    assert [list(update) for update in updates] == [["status"]]
    assert sentence in status(updates[0])["data-error"]
    assert status(updates[0])["data-field"] == field


def test_a_fault_of_the_text_is_said_beside_the_text(runs):
    assert "data-field" not in status(collected(runs, "")[-1])
    assert "no text yet" in status(collected(runs, "")[-1])["data-error"]


def test_500_labels_run(runs):
    names = [f"label {place}" for place in range(499)] + ["refund"]
    found = last(collected(runs, TEXT, values={"labels": "\n".join(names)}))
    assert "all 500" in words(found["card-scratch"])
    assert words(found["card-scratch"]).count("label ") == 499


def test_gold_is_of_text_and_fields_together(runs, service):
    example = runs.task.examples[1]
    found = last(collected(runs, example.text, values=dict(example.values)))
    assert "✗ too many" in words(found["card-finetuned"])
    assert "gold" not in words(last(collected(runs, example.text))["card-finetuned"])
    assert "gold" in words(last(collected(runs, runs.task.examples[0].text))["card-finetuned"])


def test_a_run_of_the_history_has_its_fields_again(runs, service):
    collected(runs, TEXT, values={"labels": "refund, praise", "many": "1"})
    collected(runs, TEXT, values={"labels": "a, b"})
    update = runs.open(service.history("s")[1].id, "s")
    assert json.loads(status(update)["data-values"]) == {"labels": "refund\npraise", "many": "1"}
    assert 'data-kind="multilabels"' in update["card-scratch"]
    assert "praise" in words(update["card-scratch"])
    assert "Tiers" in words(update["below"])


def test_history_judges_each_run_by_its_own_fields(runs):
    example = runs.task.examples[1]
    collected(runs, example.text, values=dict(example.values))
    row = last(collected(runs, runs.task.examples[0].text))["history-row"]
    assert "✓" in row
    assert "delivery" in row


def test_answers_about_other_labels_are_not_compared(runs):
    collected(runs, TEXT, values={"labels": "a, b"})
    alone = last(collected(runs, TEXT, values={"labels": "refund, praise"}, tiers=["scratch"]))
    assert "One answer." in words(alone["below"])


def test_a_table_asks_every_line_with_the_same_fields(runs):
    found = last(collected(runs, "my refund\nmuch praise", lines=True, values={"labels": "refund, praise"}))
    table = words(found["table"])
    assert "refund" in table
    assert "praise" in table


def test_cards_that_have_said_nothing_take_the_fields_labels(runs):
    update = runs.refresh(Order.of({"values": {"labels": "sun, rain"}}), "s")
    assert "rain" in words(update["card-scratch"])
    faulty = runs.refresh(Order.of({"values": {"labels": "sun"}}), "s")
    assert "status" not in faulty  # a Run will say it
    assert "refund" in words(faulty["card-scratch"])


def test_a_visitors_labels_are_in_no_shared_cache(runs, monkeypatch):
    shared = []
    silent = ui_parts._silent_card
    monkeypatch.setattr(ui_parts, "_silent_card", lambda state: shared.append(state) or silent(state))
    collected(runs, TEXT, values={"labels": "my secret, my other secret"})
    assert shared == []
    collected(runs, TEXT)
    assert len(shared) == 4


def test_the_code_is_of_these_fields(service):
    asked = {"do": "snippet", "task": "zero-shot", "tier": "scratch", "text": TEXT, "values": {"labels": "x, y"}}
    assert "labels = &#x27;x\\ny&#x27;" in answer(service, PageStates(), "s", asked)["html"]
    asked["values"] = {"labels": "x"}
    assert "only label" in answer(service, PageStates(), "s", asked)["error"]


def test_what_is_no_string_is_no_value():
    assert Order.of({"values": {"labels": 3, "many": "1", "x": ["y"]}}).values == {"many": "1"}
    assert Order.of({"values": ["labels"]}).values == {}
    assert len(Order.of({"values": {str(place): "" for place in range(100)}}).values) == 32


def test_the_console_has_the_tasks_fields_with_what_they_hold():
    task = own_task().bound({})
    found = parsed(shell.console(task, 4, 100))
    area = next(attributes for _, attributes in found.tags if attributes.get("id") == "pg-field-zero-shot-labels")
    assert area["aria-describedby"] == "pg-field-zero-shot-labels-error"
    assert "delivery\nrefund\npraise" in "".join(found.text)
    labels = [attributes.get("for") for tag, attributes in found.tags if tag == "label"]
    assert "pg-field-zero-shot-labels" in labels
    chips = [json.loads(attributes["data-values"]) for _, attributes in found.tags if "data-values" in attributes]
    assert [chip["many"] for chip in chips] == ["", "1"]
    assert "pg-extra" not in shell.console(feeling(), 4, 100)


def test_a_hostile_default_stays_text():
    from dataclasses import replace

    task = own_task()
    hostile = replace(
        task, fields=(replace(task.fields[0], default="</textarea><script>x</script>\nb"), task.fields[1])
    )
    found = parsed(shell.console(hostile.bound({}), 4, 100))
    assert "script" not in {tag for tag, _ in found.tags}


def test_every_kind_of_task_says_what_its_answers_are():
    tasks = (
        feeling(),
        topics_task(),
        intent_task(),
        own_task().bound({}),
        own_task().bound({"many": "1"}),
        names_task(),
    )
    asked = [ui_cards.asked_of(task) for task in tasks]
    assert [one.kind for one in asked] == ["labels", "multilabels", "labels", "labels", "multilabels", "spans"]
    assert [one.own for one in asked] == [False, False, False, False, True, False]
    assert len(asked[2].names) == 78
    assert ui_cards.asked_of(classes_task()).every_word
