"""Words for gaps in a real browser: several gaps, a second sentence, and nothing of what words say is markup."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.conftest import Server
from tests.e2e.test_look import BOXES, CONTRAST
from tests.e2e.test_whole_texts import NAMELESS, bars, fill

pytestmark = pytest.mark.e2e
TEXT = "The [MASK] of the lake had turned to ___, said <mask>."
OTHER = "And the doctor said that [mask] would be late."


@pytest.fixture(scope="module")
def whole():
    server = Server("--gaps", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, whole):
    return lambda more="", **options: visit(whole.url, f"#task=fill-mask{more}", **options)


def box(visitor, tier):
    return visitor.card(tier).locator(".pg-filled").inner_text()


def test_the_words_stand_in_the_visitors_own_text(at):
    visitor = at()
    visitor.run("We went [mask] the house.")
    assert box(visitor, "finetuned") == "We went she the house."
    assert visitor.headline("finetuned") == "she"
    assert bars(visitor, "finetuned") == ["she", "he", "they", "it", "patients"]
    visitor.card("finetuned").locator("[data-act=all-labels]").click()
    assert len(bars(visitor, "finetuned")) == 20
    assert "<b>bold</b>" in bars(visitor, "finetuned")
    assert visitor.page.evaluate("!document.querySelector('.pg-bar-label b')")
    assert "Tiers differ." in visitor.tab.locator(".pg-compare").inner_text()


def test_an_example_has_a_true_answer(at):
    visitor = at()
    visitor.page.click("text=nurse and doctor")
    visitor.press_run()
    visitor.settle()
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text() == "✓ gold"
    assert visitor.card("scratch").locator(".pg-verdict").inner_text() == "✗ gold is not among the 5 likeliest"
    assert visitor.card("finetuned").locator(".pg-filled p").count() == 2
    assert "The doctor said that he would be late" in box(visitor, "finetuned")
    assert "0.50 →" in visitor.card("finetuned").locator(".pg-bar").first.inner_text()
    visitor.page.click("text=two gaps")
    visitor.press_run()
    visitor.settle()
    assert visitor.card("scratch").locator(".pg-verdict").inner_text().startswith("✗ 0 of 2 gaps as gold")


def test_several_gaps_each_have_their_words(at):
    visitor = at()
    visitor.run(TEXT)
    assert visitor.headline("finetuned") == "she · he · they"
    assert box(visitor, "finetuned") == "The she of the lake had turned to he, said they."
    assert bars(visitor, "finetuned")[:3] == ["1 · she", "2 · he", "3 · they"]
    assert "filled by itself" in visitor.card("finetuned").locator(".pg-note").inner_text()


def test_a_fault_stands_beside_its_field_and_loses_nothing(at):
    visitor = at()
    visitor.type("nothing is missing")
    visitor.press_run()
    visitor.tab.locator(".pg-input-error:not(:empty)").first.wait_for()
    assert visitor.error == "Write [MASK] where a word is missing."
    visitor.type(TEXT)
    fill(visitor, "other", "no gap here")
    visitor.page.keyboard.press("Control+Enter")
    error = visitor.tab.locator("[data-field=other] .pg-input-error:not(:empty)")
    error.wait_for()
    assert "has no gap" in error.inner_text()
    assert visitor.tab.locator(".pg-text").input_value() == TEXT
    fill(visitor, "other", OTHER)
    visitor.press_run()
    visitor.settle()
    assert "would be late" in box(visitor, "scratch")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_the_cards_fill(at, width):
    visitor = at(viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.page.wait_for_timeout(300)
    visitor.type(f"slow: {TEXT}")
    fill(visitor, "other", OTHER)
    before = visitor.page.evaluate(BOXES)
    visitor.press_run()
    while visitor.tab.get_attribute("data-running") is not None:
        assert visitor.page.evaluate(BOXES) == before
    assert visitor.card("scratch").get_attribute("data-phase") == "done"
    assert visitor.page.evaluate(BOXES) == before
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_links_history_tables_and_files_have_both_sentences(visit, whole, at):
    visitor = at()
    fill(visitor, "other", OTHER)
    visitor.run("The nurse said that [MASK] would be late.")
    visitor.tab.get_by_text("Copy link").click()
    visitor.page.wait_for_selector(".pg-toast[data-shown]")
    link = urlsplit(visitor.page.evaluate("navigator.clipboard.readText()"))
    assert parse_qs(link.fragment)["v.other"] == [OTHER]
    other = visit(whole.url, "#" + link.fragment)
    assert other.tab.locator("[data-field=other] textarea").input_value() == OTHER
    visitor.card("scratch").locator("[data-act=snippet]").click()
    assert "other = 'And the doctor said that [MASK]" in visitor.page.locator("dialog[open] code").inner_text()
    visitor.page.keyboard.press("Escape")
    fill(visitor, "other", "")
    visitor.type("one [MASK]\nno gap\nanother ___ here")
    visitor.tab.locator("[data-act=lines]").check()
    visitor.press_run()
    visitor.settle()
    _, content = visitor.download(".pg-tab[data-shown] [data-act=table-csv]")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["finetuned_label"] for row in rows] == ["she", "", "she"]
    assert "Write [MASK]" in rows[1]["finetuned_error"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_names_and_focus(at, scheme):
    visitor = at(color_scheme=scheme)
    visitor.page.click("text=nurse and doctor")
    visitor.press_run()
    visitor.settle()
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []
    assert visitor.page.evaluate(NAMELESS) == []
    visitor.page.click("text=two gaps")
    visitor.press_run()
    visitor.settle()
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [1440, 1100, 820, 390])
def test_long_texts_overflow_nothing(at, width):
    visitor = at(viewport={"width": width, "height": 900})
    visitor.run("averyveryverylongwordwithoutanybreak" * 30 + " [MASK] " + "and so on " * 1500 + "[MASK]")
    assert "…" in box(visitor, "pretrained")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for tier in ("pretrained", "scratch"):
        card = visitor.card(tier)
        right = card.bounding_box()["x"] + card.bounding_box()["width"]
        for part in (".pg-headline", ".pg-bars", ".pg-filled", ".pg-numbers"):
            inner = card.locator(part).bounding_box()
            assert inner["x"] + inner["width"] <= right + 0.5
