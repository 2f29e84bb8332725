"""Words for gaps in a real browser: several gaps, a second sentence, and nothing of what words say is markup."""

from urllib.parse import parse_qs

import pytest

from tests.e2e.conftest import Server
from tests.e2e.layout import (
    CONTRAST,
    NAMELESS,
    assert_parts_stay_within_their_card,
    run_and_assert_that_nothing_moves,
)

pytestmark = pytest.mark.e2e
TEXT = "The [MASK] of the lake had turned to ___, said <mask>."
OTHER = "And the doctor said that [mask] would be late."


@pytest.fixture(scope="module")
def gaps():
    server = Server("--gaps", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, gaps):
    return lambda more="", **options: visit(gaps.url, f"#task=fill-mask{more}", **options)


def box(visitor, tier):
    return visitor.card(tier).locator(".pg-filled").inner_text()


def test_the_words_stand_in_the_visitors_own_text(at):
    visitor = at()
    visitor.run("We went [mask] the house.")
    assert box(visitor, "finetuned") == "We went she the house."
    assert visitor.headline("finetuned") == "she"
    assert visitor.bars("finetuned") == ["she", "he", "they", "it", "patients"]
    visitor.card("finetuned").locator("[data-act=all-labels]").click()
    assert len(visitor.bars("finetuned")) == 20
    assert "<b>bold</b>" in visitor.bars("finetuned")
    assert visitor.page.evaluate("!document.querySelector('.pg-bar-label b')")
    assert "Tiers differ." in visitor.tab.locator(".pg-compare").inner_text()


def test_an_example_has_a_true_answer(at):
    visitor = at()
    visitor.run_example("nurse and doctor")
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text() == "✓ gold"
    assert visitor.card("scratch").locator(".pg-verdict").inner_text() == "✗ gold is not among the 5 likeliest"
    assert visitor.card("finetuned").locator(".pg-filled p").count() == 2
    assert "The doctor said that he would be late" in box(visitor, "finetuned")
    assert "0.50 →" in visitor.card("finetuned").locator(".pg-bar").first.inner_text()
    visitor.run_example("two gaps")
    assert visitor.card("scratch").locator(".pg-verdict").inner_text().startswith("✗ 0 of 2 gaps as gold")


def test_several_gaps_each_have_their_words(at):
    visitor = at()
    visitor.run(TEXT)
    assert visitor.headline("finetuned") == "she · he · they"
    assert box(visitor, "finetuned") == "The she of the lake had turned to he, said they."
    assert visitor.bars("finetuned")[:3] == ["1 · she", "2 · he", "3 · they"]
    assert "filled by itself" in visitor.card("finetuned").locator(".pg-note").inner_text()


def test_a_fault_stands_beside_its_field_and_loses_nothing(at):
    visitor = at()
    visitor.type("nothing is missing")
    visitor.press_run()
    visitor.tab.locator(".pg-input-error:not(:empty)").first.wait_for()
    assert visitor.error == "Write [MASK] where a word is missing."
    visitor.type(TEXT)
    visitor.fill("other", "no gap here")
    visitor.page.keyboard.press("Control+Enter")
    error = visitor.tab.locator("[data-field=other] .pg-input-error:not(:empty)")
    error.wait_for()
    assert "has no gap" in error.inner_text()
    assert visitor.tab.locator(".pg-text").input_value() == TEXT
    visitor.fill("other", OTHER)
    visitor.press_run()
    visitor.settle()
    assert "would be late" in box(visitor, "scratch")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_while_the_cards_fill(at, width):
    visitor = at(viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.page.wait_for_timeout(300)
    visitor.type(f"slow: {TEXT}")
    visitor.fill("other", OTHER)
    run_and_assert_that_nothing_moves(visitor)
    assert visitor.card("scratch").get_attribute("data-phase") == "done"
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_links_history_tables_and_files_have_both_sentences(visit, gaps, at):
    visitor = at()
    visitor.fill("other", OTHER)
    visitor.run("The nurse said that [MASK] would be late.")
    link = visitor.copy_link()
    assert parse_qs(link.fragment)["v.other"] == [OTHER]
    other = visit(gaps.url, "#" + link.fragment)
    assert other.tab.locator("[data-field=other] textarea").input_value() == OTHER
    visitor.card("scratch").locator("[data-act=snippet]").click()
    assert "other = 'And the doctor said that [MASK]" in visitor.page.locator("dialog[open] code").inner_text()
    visitor.page.keyboard.press("Escape")
    visitor.fill("other", "")
    visitor.run_lines("one [MASK]\nno gap\nanother ___ here")
    rows = visitor.download_table()
    assert [row["finetuned_label"] for row in rows] == ["she", "", "she"]
    assert "Write [MASK]" in rows[1]["finetuned_error"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_names_and_focus(at, scheme):
    visitor = at(color_scheme=scheme)
    visitor.run_example("nurse and doctor")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []
    assert visitor.page.evaluate(NAMELESS) == []
    visitor.run_example("two gaps")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [1440, 1100, 820, 390])
def test_long_texts_overflow_nothing(at, width):
    visitor = at(viewport={"width": width, "height": 900})
    visitor.run("averyveryverylongwordwithoutanybreak" * 30 + " [MASK] " + "and so on " * 1500 + "[MASK]")
    assert "…" in box(visitor, "pretrained")
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for tier in ("pretrained", "scratch"):
        assert_parts_stay_within_their_card(visitor, tier, (".pg-headline", ".pg-bars", ".pg-filled", ".pg-numbers"))
