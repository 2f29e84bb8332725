"""Many labels, several at once, and a visitor's own, in a real browser."""

from urllib.parse import parse_qs

import pytest

from tests.e2e.conftest import Server
from tests.e2e.layout import (
    BOXES,
    CONTRAST,
    NAMELESS,
    assert_parts_stay_within_their_card,
    run_and_assert_that_nothing_moves,
)

pytestmark = pytest.mark.e2e
TASKS = ("zero-shot", "topics", "intent")
TEXT = "What a surprise: the delivery came, such joy, and my refund too!"
OWN = 'sun & rain\n<img src=x onerror="window.hacked=1">\nחזרה\n"late, or not" at all'


@pytest.fixture(scope="module")
def whole():
    server = Server("--whole", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, whole):
    return lambda task, more="", **options: visit(whole.url, f"#task={task}{more}", **options)


def test_each_label_has_its_threshold_and_the_tiers_stand_side_by_side(at):
    visitor = at("topics")
    visitor.run_example("two at once")
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
    assert [len(visitor.bars(tier)) for tier in ("hosted", "pretrained", "scratch")] == [5, 5, 5]
    before = visitor.page.evaluate(BOXES)
    button = visitor.card("pretrained").locator("[data-act=all-labels]")
    assert button.inner_text() == "all 78"
    button.focus()
    visitor.page.keyboard.press("Enter")
    assert button.inner_text() == "top five"
    assert [len(visitor.bars(tier)) for tier in ("hosted", "pretrained", "scratch")] == [78, 78, 78]
    assert visitor.page.evaluate(BOXES) == before
    box = visitor.card("scratch").locator(".pg-bars")
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")
    last = box.locator(".pg-bar").last.bounding_box()
    outer = box.bounding_box()
    assert outer["y"] <= last["y"] < outer["y"] + outer["height"]
    visitor.run("I lost my phone, a card payment was not recognised.")  # a new answer changes nothing of it
    assert button.inner_text() == "top five"
    assert len(visitor.bars("scratch")) == 78
    assert visitor.page.evaluate(BOXES) == before
    button.click()
    assert len(visitor.bars("scratch")) == 5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_the_cards_fill(at, task, width):
    visitor = at(task, viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.page.wait_for_timeout(300)
    visitor.type(f"slow: {TEXT}")
    run_and_assert_that_nothing_moves(visitor)
    assert visitor.card("scratch").get_attribute("data-phase") == "done"
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_visitors_labels_are_counted_asked_for_and_never_markup(at):
    visitor = at("zero-shot")
    visitor.fill("labels", OWN)
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "4"
    visitor.run(TEXT)
    shown = visitor.bars("scratch")
    assert sorted(shown) == sorted(OWN.split("\n"))
    assert visitor.page.evaluate("window.hacked === undefined && !document.querySelector('.pg-tab img')")
    visitor.fill("labels", 'a, "b, c" , d,,')
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "3"
    assert visitor.tab.get_attribute("data-stale") is not None
    visitor.press_run()
    visitor.settle()
    assert sorted(visitor.bars("scratch")) == ["a", "b, c", "d"]
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
        visitor.fill("labels", labels)
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
    visitor.fill("labels", "refund, praise")
    assert visitor.tab.locator("[data-field=labels] .pg-input-error").inner_text() == ""
    visitor.press_run()
    visitor.settle()
    assert visitor.headline("scratch") == "refund"


def test_five_hundred_labels_are_answered_and_listed(at):
    visitor = at("zero-shot")
    visitor.fill("labels", "\n".join([*(f"label {place} " + "x" * 180 for place in range(499)), "refund"]))
    assert visitor.tab.locator(".pg-extra-count").inner_text() == "500"
    visitor.run(TEXT)
    assert visitor.headline("scratch") == "refund"
    visitor.card("scratch").locator("[data-act=all-labels]").click()
    assert len(visitor.bars("scratch")) == 500
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
    visitor.fill("labels", "sun\nrain, or snow")
    assert chip.get_attribute("aria-pressed") == "false"
    visitor.press_run()
    visitor.settle()
    visitor.card("scratch").locator("[data-act=snippet]").click()
    assert "labels = 'sun\\nrain, or snow'" in visitor.page.locator("dialog[open] code").inner_text()
    visitor.page.keyboard.press("Escape")
    link = visitor.copy_link()
    fields = parse_qs(link.fragment)
    assert fields["v.labels"] == ["sun\nrain, or snow"]
    assert fields["v.many"] == ["1"]
    other = visit(whole.url, "#" + link.fragment)
    assert other.tab.locator("[data-field=labels] textarea").input_value() == "sun\nrain, or snow"
    assert other.tab.locator("[data-field=many] input").is_checked()
    other.page.wait_for_function(
        "document.querySelector('.pg-tab[data-shown] .pg-card[data-tier=scratch]')?.dataset.kind === 'multilabels'"
    )
    assert "rain, or snow" in other.bars("scratch")  # before anything ran
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
    visitor.run_lines("my refund\nmuch praise\nneither")
    rows = visitor.download_table()
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
        visitor.fill("labels", "")
        visitor.page.keyboard.press("Control+Enter")
        visitor.tab.locator("[data-field=labels] .pg-input-error:not(:empty)").wait_for()
        visitor.fill("labels", "delivery, refund")
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
        visitor.fill("labels", "averyveryverylonglabelwithoutanybreak" * 5 + "\nחזרה\nrefund")
    visitor.run(TEXT)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for tier in ("pretrained", "scratch"):
        assert_parts_stay_within_their_card(visitor, tier, (".pg-headline", ".pg-bars", ".pg-verdict", ".pg-numbers"))
