"""Many labels, several at once, and a visitor's own, in a real browser."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import Server
from tests.e2e.test_look import BOXES, CONTRAST

pytestmark = pytest.mark.e2e
TASKS = ("zero-shot", "topics", "intent")
TEXT = "What a surprise: the delivery came, such joy, and my refund too!"
OWN = 'sun & rain\n<img src=x onerror="window.hacked=1">\nחזרה\n"late, or not" at all'
NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a[href]')].filter(e =>
  e.checkVisibility() && !(e.innerText || e.getAttribute('aria-label') || e.labels?.length)).map(e => e.outerHTML)"""


@pytest.fixture(scope="module")
def whole():
    server = Server("--whole", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, whole):
    return lambda task, more="", **options: visit(whole.url, f"#task={task}{more}", **options)


def bars(visitor, tier):
    """The labels whose bars can be seen."""
    shown = visitor.card(tier).locator(".pg-bar:visible .pg-bar-label")
    return [" ".join(text.split()).lstrip("✓✗○ ") for text in shown.all_inner_texts()]


def fill(visitor, field, value):
    visitor.tab.locator(f"[data-field={field}] textarea").fill(value)


def test_each_label_has_its_threshold_and_the_tiers_stand_side_by_side(at):
    visitor = at("topics")
    visitor.page.click("text=two at once")
    visitor.press_run()
    visitor.settle()
    assert set(visitor.headline("finetuned").split(" · ")) == {"joy", "surprise", "gratitude"}
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text() == "✓ gold"
    assert visitor.card("scratch").locator(".pg-verdict").inner_text() == "✗ missing: gratitude, surprise"
    row = visitor.card("finetuned").locator(".pg-bar").first
    track, mark = row.locator(".pg-bar-track").bounding_box(), row.locator(".pg-bar-threshold").bounding_box()
    bound = float(row.get_attribute("title").split("threshold is ")[1][:4])
    assert (mark["x"] + 1 - track["x"]) / track["width"] == pytest.approx(bound, abs=0.02)
    assert visitor.tab.locator(".pg-sets tbody tr").count() == 3
    assert visitor.tab.locator(".pg-sets tr[data-differ]").count() == 2
    status = visitor.tab.locator(".pg-status-part [role=status]").inner_text()
    assert "From scratch: joy, 0.96." in status


def test_five_of_many_and_all_of_them_in_the_same_place(at):
    visitor = at("intent")
    visitor.run("Why is my refund not showing up on the card?")
    assert [len(bars(visitor, tier)) for tier in ("hosted", "pretrained", "scratch")] == [5, 5, 5]
    before = visitor.page.evaluate(BOXES)
    button = visitor.card("pretrained").locator("[data-act=all-labels]")
    assert button.inner_text() == "all 78"
    button.focus()
    visitor.page.keyboard.press("Enter")
    assert button.inner_text() == "top five"
    assert [len(bars(visitor, tier)) for tier in ("hosted", "pretrained", "scratch")] == [78, 78, 78]
    assert visitor.page.evaluate(BOXES) == before
    box = visitor.card("scratch").locator(".pg-bars")
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")
    last = box.locator(".pg-bar").last.bounding_box()
    outer = box.bounding_box()
    assert outer["y"] <= last["y"] < outer["y"] + outer["height"]
    visitor.run("I lost my phone, a card payment was not recognised.")  # a new answer changes nothing of it
    assert button.inner_text() == "top five"
    assert len(bars(visitor, "scratch")) == 78
    assert visitor.page.evaluate(BOXES) == before
    button.click()
    assert len(bars(visitor, "scratch")) == 5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_the_cards_fill(at, task, width):
    visitor = at(task, viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.page.wait_for_timeout(300)
    visitor.type(f"slow: {TEXT}")
    before = visitor.page.evaluate(BOXES)
    visitor.press_run()
    while visitor.tab.get_attribute("data-running") is not None:
        assert visitor.page.evaluate(BOXES) == before
    assert visitor.card("scratch").get_attribute("data-phase") == "done"
    assert visitor.page.evaluate(BOXES) == before
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_visitors_labels_are_counted_asked_for_and_never_markup(at):
    visitor = at("zero-shot")
    fill(visitor, "labels", OWN)
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "4"
    visitor.run(TEXT)
    shown = bars(visitor, "scratch")
    assert sorted(shown) == sorted(OWN.split("\n"))
    assert visitor.page.evaluate("window.hacked === undefined && !document.querySelector('.pg-tab img')")
    fill(visitor, "labels", 'a, "b, c" , d,,')
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "3"
    assert visitor.tab.get_attribute("data-stale") is not None
    visitor.press_run()
    visitor.settle()
    assert sorted(bars(visitor, "scratch")) == ["a", "b, c", "d"]
    assert visitor.tab.get_attribute("data-stale") is None


def test_several_may_be_true(at):
    visitor = at("zero-shot")
    visitor.type("The delivery was late and I want my refund.")
    visitor.tab.get_by_text("Several may be true", exact=True).first.click()
    visitor.press_run()
    visitor.settle()
    assert set(visitor.headline("finetuned").split(" · ")) == {"delivery", "refund"}
    visitor.type("Nothing of all that.")
    visitor.press_run()
    visitor.settle()
    assert visitor.headline("finetuned") == "none holds"
    assert "−" in visitor.card("finetuned").locator(".pg-was").inner_text()


def test_a_fault_stands_beside_its_field_and_loses_nothing(at):
    visitor = at("zero-shot")
    visitor.run(TEXT)
    headlines = visitor.headlines()
    many = "\n".join(f"label {place}" for place in range(501))
    for labels, sentence in (
        ("", "no labels yet"),
        ("refund", "only label"),
        ("refund, Refund", "there twice"),
        (many, "the limit is 500"),
    ):
        fill(visitor, "labels", labels)
        visitor.page.keyboard.press("Control+Enter")
        error = visitor.tab.locator("[data-field=labels] .pg-input-error:not(:empty)")
        error.wait_for()
        assert sentence in error.inner_text()
        area = visitor.tab.locator("[data-field=labels] textarea")
        assert area.input_value() == labels
        assert area.get_attribute("aria-invalid") == "true"
        assert area.evaluate("area => area === document.activeElement")
        assert visitor.error == ""
        assert visitor.tab.locator(".pg-text").input_value() == TEXT
        assert visitor.headlines() == headlines
    fill(visitor, "labels", "refund, praise")
    assert visitor.tab.locator("[data-field=labels] .pg-input-error").inner_text() == ""
    visitor.press_run()
    visitor.settle()
    assert visitor.headline("scratch") == "refund"


def test_five_hundred_labels_are_answered_and_listed(at):
    visitor = at("zero-shot")
    fill(visitor, "labels", "\n".join([*(f"label {place} " + "x" * 180 for place in range(499)), "refund"]))
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "500"
    visitor.run(TEXT)
    assert visitor.headline("scratch") == "refund"
    visitor.card("scratch").locator("[data-act=all-labels]").click()
    assert len(bars(visitor, "scratch")) == 500
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_examples_links_history_and_code_have_the_fields(visit, whole, at):
    visitor = at("zero-shot")
    visitor.page.click("text=two things")
    chip = visitor.tab.locator(".pg-chip", has_text="two things")
    assert chip.get_attribute("aria-pressed") == "true"
    labels = visitor.tab.locator("[data-field=labels] textarea")
    many = visitor.tab.locator("[data-field=many] input")
    assert labels.input_value().split("\n")[0] == "delivery"
    assert many.is_checked()
    visitor.press_run()
    visitor.settle()
    fill(visitor, "labels", "sun\nrain, or snow")
    assert chip.get_attribute("aria-pressed") == "false"
    visitor.press_run()
    visitor.settle()
    visitor.card("scratch").locator("[data-act=snippet]").click()
    assert "labels = 'sun\\nrain, or snow'" in visitor.page.locator("dialog[open] code").inner_text()
    visitor.page.keyboard.press("Escape")
    visitor.tab.get_by_text("Copy link").click()
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    link = urlsplit(visitor.page.evaluate("navigator.clipboard.readText()"))
    fields = parse_qs(link.fragment)
    assert fields["v.labels"] == ["sun\nrain, or snow"]
    assert fields["v.many"] == ["1"]
    other = visit(whole.url, "#" + link.fragment)
    assert other.tab.locator("[data-field=labels] textarea").input_value() == "sun\nrain, or snow"
    assert other.tab.locator("[data-field=many] input").is_checked()
    other.page.wait_for_function(
        "document.querySelector('.pg-tab[data-shown] .pg-card[data-tier=scratch]')?.dataset.kind === 'multilabels'"
    )
    assert "rain, or snow" in bars(other, "scratch")  # before anything ran
    visitor.tab.locator(".pg-history summary").click()
    visitor.tab.locator(".pg-open").nth(1).click()
    visitor.page.wait_for_function(
        "document.querySelector('.pg-tab[data-shown] [data-field=labels] textarea').value.startsWith('delivery')"
    )
    assert visitor.tab.get_attribute("data-stale") is None
    assert "refund" in visitor.headline("finetuned")
    name, content = visitor.download(".pg-tab[data-shown] [data-act=png][data-tier=scratch]")
    assert name == "zero-shot-scratch.png"
    assert content.startswith(b"\x89PNG\r\n")
    assert "Labels: delivery, refund" in visitor.card("scratch").locator(".pg-actions").get_attribute("data-caption")


def test_lines_become_a_table_with_the_same_labels(at):
    visitor = at("zero-shot", "&v.labels=refund%0Apraise")
    visitor.type("my refund\nmuch praise\nneither")
    visitor.tab.locator("[data-act=lines]").check()
    visitor.press_run()
    visitor.settle()
    _, content = visitor.download(".pg-tab[data-shown] [data-act=table-csv]")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["scratch_label"] for row in rows[:2]] == ["refund", "praise"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_names_and_focus(at, task, scheme):
    visitor = at(task, color_scheme=scheme)
    visitor.tab.locator("[data-act=example]").last.click()
    visitor.press_run()
    visitor.settle()
    visitor.tab.locator("[data-act=all-labels]").first.evaluate(
        "button => button.click()"
    ) if task != "zero-shot" else None
    if task == "zero-shot":
        fill(visitor, "labels", "")
        visitor.page.keyboard.press("Control+Enter")
        visitor.tab.locator("[data-field=labels] .pg-input-error:not(:empty)").wait_for()
        fill(visitor, "labels", "delivery, refund")
        visitor.press_run()
        visitor.settle()
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []
    assert visitor.page.evaluate(NAMELESS) == []
    ids = visitor.page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id).filter(Boolean)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("width", [1440, 1100, 820, 390])
def test_long_names_overflow_nothing(at, task, width):
    visitor = at(task, viewport={"width": width, "height": 900})
    if task == "zero-shot":
        fill(visitor, "labels", "averyveryverylonglabelwithoutanybreak" * 5 + "\nחזרה\nrefund")
    visitor.run(TEXT)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for tier in ("pretrained", "scratch"):
        card = visitor.card(tier)
        right = card.bounding_box()["x"] + card.bounding_box()["width"]
        for part in (".pg-headline", ".pg-bars", ".pg-verdict", ".pg-numbers"):
            box = card.locator(part).bounding_box()
            assert box["x"] + box["width"] <= right + 0.5
