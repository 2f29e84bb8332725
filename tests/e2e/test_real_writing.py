"""The bundled models write on the page of `python app.py`, with no network: four cards at once, and stopped in the middle."""

import re
import tomllib

import pytest

from playground.tasks import find_tasks
from tests.e2e.conftest import ROOT, Visitor, new_context
from tests.e2e.test_app import App

pytestmark = pytest.mark.e2e
LONG = {
    "generation": "&v.length=512",
    "summarization": "&v.sentences=10",
    "translation": "&v.length=512&v.beams=1",
}  # by task: what makes a run long
LONG_TEXTS = {  # no two sentences the same: vectors of what was read before are remembered
    "generation": (1, "On day {} the old man walked to harbour {}, where his brother was waiting for the boat."),
    "summarization": (800, "Day {} had {} boats. "),
    "translation": (40, "On day {} the old man walked to harbour {}, where his brother was waiting for the boat. "),
}


def serving(task):
    """The tiers that have a bundled model for a task."""
    rows = tomllib.loads((ROOT / "assets/catalog.toml").read_text())["checkpoint"]
    bundled = [row for row in rows if not row.get("hub")]
    tiers = {serves["tier"] for row in bundled for serves in row.get("serves", ()) if serves["task"] == task}
    return [tier for tier in ("pretrained", "finetuned", "scratch") if tier in tiers]


TASKS = [task for task in LONG if serving(task)]


@pytest.fixture(scope="module")
def app():
    app = App()
    yield app
    app.close()


@pytest.fixture
def at(app, browser):
    contexts = []

    def open_at(task, more=""):
        context = new_context(browser, app.url)
        visitor = Visitor(context, app.url, f"#task={task}{more}")
        visitor.page.set_default_timeout(60_000)
        contexts.append((context, visitor))
        return visitor

    yield open_at
    for context, visitor in contexts:
        context.close()
        assert not visitor.problems


@pytest.mark.parametrize("task", TASKS)
def test_the_bundled_models_write_with_no_network(at, task):
    visitor = at(task)
    visitor.tab.locator("[data-act=example]").first.click()
    visitor.press_run()
    visitor.settle()
    here = serving(task)
    example = find_tasks().get(task).examples[0]
    for tier in here:
        assert visitor.card(tier).get_attribute("data-phase") == "done", tier
        assert len(visitor.card(tier).locator(".pg-new").inner_text().split()) >= 3, tier
        assert visitor.card(tier).locator(".pg-fingerprint").is_visible()
    said = visitor.card("hosted").inner_text()
    assert "stand-in" in said.lower()
    if task == "generation":
        assert visitor.card("hosted").get_attribute("data-phase") == "done"
        assert visitor.card("hosted").locator(".pg-prompt").inner_text().strip() == example.text
    else:
        assert visitor.card("hosted").get_attribute("data-phase") == "unsupported"
        assert "API key" in said


def test_the_same_seed_writes_the_same_and_another_one_does_not(at):
    visitor = at("generation", "&v.length=24&v.seed=3")
    texts = []
    for _ in range(2):
        visitor.run("The ship came in at noon, and")
        texts.append({tier: visitor.card(tier).locator(".pg-new").inner_text() for tier in serving("generation")})
    assert texts[0] == texts[1]
    visitor.tab.locator(".pg-settings summary").click()
    visitor.tab.locator("[data-field=seed] input").fill("4")
    visitor.run("The ship came in at noon, and")
    for tier, text in texts[0].items():
        assert visitor.card(tier).locator(".pg-new").inner_text() != text


@pytest.mark.parametrize("task", TASKS)
def test_stop_works_in_the_middle(at, task):
    """Cards that were still at it stop with what they had; a model that had finished has its text. Nothing goes on after."""
    visitor = at(task, LONG[task])
    visitor.run("It is late.")  # what is loaded is loaded
    count, sentence = LONG_TEXTS[task]
    visitor.type("".join(sentence.format(day, 7 * day) for day in range(count)))
    visitor.press_run()
    busy = visitor.tab.locator(".pg-card[aria-busy=true]")
    busy.first.wait_for()
    if task != "summarization":  # which has nothing to show until it is done
        visitor.tab.locator(".pg-card[aria-busy=true] .pg-new", has_text=re.compile(r"\w")).first.wait_for()
    visitor.tab.locator("[data-act=stop]").click()
    visitor.settle()
    assert busy.count() == 0
    phases = {tier: visitor.card(tier).get_attribute("data-phase") for tier in serving(task)}
    assert set(phases.values()) <= {"stopped", "done"}
    assert "stopped" in phases.values(), phases
    shown = visitor.tab.locator(".pg-cards").inner_text()
    visitor.page.wait_for_timeout(400)
    assert visitor.tab.locator(".pg-cards").inner_text() == shown
    visitor.run("It is late.")  # and the models are free for the next
    assert {visitor.card(tier).get_attribute("data-phase") for tier in serving(task)} == {"done"}
