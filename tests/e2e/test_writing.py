"""Texts in a real browser: word by word in four cards at once, stopped in the middle, token by token, and by which settings."""

from urllib.parse import parse_qs

import pytest

from tests.e2e.conftest import Server
from tests.e2e.layout import CONTRAST, NAMELESS, assert_parts_stay_within_their_card, run_and_assert_that_nothing_moves

pytestmark = pytest.mark.e2e
TIERS = ("hosted", "pretrained", "finetuned", "scratch")
PROMPT = "It was a cold morning"
# The text of each card, whenever one of them is longer than before.
WATCH = """() => { window.seen = [];
  const written = () => [...document.querySelectorAll('.pg-tab[data-shown] .pg-new')].map(e => e.textContent);
  new MutationObserver(() => { const now = written(), last = seen[seen.length - 1] || [];
    if (now.some((text, place) => text !== last[place])) seen.push(now); }).observe(
    document.querySelector('.pg-tab[data-shown]'), { subtree: true, childList: true, characterData: true }); }"""


@pytest.fixture(scope="module")
def writing():
    server = Server("--writing", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, writing):
    return lambda task="generation", more="", **options: visit(writing.url, f"#task={task}{more}", **options)


def written(visitor, tier):
    return visitor.card(tier).locator(".pg-new").inner_text()


def setting(visitor, name):
    return visitor.tab.locator(f"[data-field={name}] input")


def open_settings(visitor):
    visitor.tab.locator(".pg-settings summary").click()


def test_words_appear_one_by_one_in_all_four_cards_at_once(at):
    visitor = at(more="&v.length=40")
    visitor.run(PROMPT)  # what is loaded is loaded
    visitor.page.evaluate(WATCH)
    visitor.run(f"slow and long: {PROMPT}")
    seen = visitor.page.evaluate("seen")
    for place, tier in enumerate(TIERS):
        lengths = [len(texts[place]) for texts in seen]
        start = next(place for place in range(1, len(lengths)) if lengths[place] < lengths[place - 1])  # of this run
        assert lengths[start:] == sorted(lengths[start:])
        assert len(set(lengths[start:])) >= 4, tier  # of forty words: a busy machine may show us many at once
    # While one of them was still half written so were the others: none waited for another.
    assert any(all(0 < len(text) < 150 for text in texts) for texts in seen)
    assert visitor.tab.locator(".pg-new script, .pg-new b").count() == 0
    assert "<b>bold</b>" in written(visitor, "pretrained")


def test_stop_in_the_middle_keeps_what_was_written_and_ends_all_four(at, writing):
    visitor = at(more="&v.length=400")
    visitor.type(f"slow and long: {PROMPT}")
    visitor.press_run()
    for tier in TIERS:
        visitor.card(tier).locator(".pg-new", has_text="said").wait_for()
    visitor.tab.locator("[data-act=stop]").click()
    visitor.settle()
    for tier in TIERS:
        assert visitor.card(tier).get_attribute("data-phase") == "stopped"
        assert "said" in written(visitor, tier)
    assert all(tier["running"] == 0 for tier in writing.told["tiers"].values())
    there = written(visitor, "scratch")
    visitor.page.wait_for_timeout(300)
    assert written(visitor, "scratch") == there
    visitor.tab.locator(".pg-history summary").click()
    assert "stopped: and then" in visitor.tab.locator(".pg-history").inner_text()
    visitor.run("something else")
    visitor.tab.locator(".pg-history [data-act=open]").last.click()
    visitor.page.wait_for_selector(".pg-tab[data-shown] .pg-card[data-tier=scratch][data-phase=stopped]")
    assert visitor.tab.locator(".pg-text").input_value() == f"slow and long: {PROMPT}"
    assert "said" in written(visitor, "scratch")


def test_an_alternative_goes_on_from_its_token(at):
    visitor = at(more="&v.details=1")
    visitor.run(PROMPT)
    token = visitor.card("finetuned").locator(".pg-t").nth(2)
    assert token.inner_text().strip() == "the"
    token.hover()
    popover = visitor.page.locator(".pg-pop")
    popover.wait_for()
    assert "␣the was given 31.0" in popover.inner_text().replace("\xa0", " ")
    assert "⏎" in popover.inner_text()
    assert popover.locator("i").count() == 0  # what a model wrote is text
    visitor.page.mouse.move(2, 2)
    popover.wait_for(state="hidden")
    token.click()
    popover.get_by_role("button", name="␣never").click()
    visitor.settle()
    assert visitor.tab.locator(".pg-text").input_value() == f"{PROMPT} and then never"
    visitor.wait_card("finetuned", "done")
    assert visitor.card("finetuned").locator(".pg-prompt").inner_text() == f"{PROMPT} and then never"
    assert visitor.tab.get_attribute("data-stale") is None


def test_tokens_and_alternatives_can_be_reached_by_keys(at):
    visitor = at(more="&v.details=1")
    visitor.run(PROMPT)
    box = visitor.card("scratch").locator(".pg-written")
    assert visitor.card("scratch").locator(".pg-new [tabindex]").count() == 0  # the box is one stop
    box.focus()
    keyboard, popover = visitor.page.keyboard, visitor.page.locator(".pg-pop")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowLeft")
    keyboard.press("ArrowRight")
    popover.wait_for()
    keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.className") == "pg-alt"
    keyboard.press("ArrowDown")
    keyboard.press("Escape")
    popover.wait_for(state="hidden")
    focused = "tokens => tokens.indexOf(document.activeElement)"
    assert visitor.card("scratch").locator(".pg-t").evaluate_all(focused) == 1
    keyboard.press("Enter")
    keyboard.press("Enter")
    visitor.settle()
    visitor.wait_card("scratch", "done")
    assert visitor.tab.locator(".pg-text").input_value().startswith(PROMPT + " ")
    assert len(visitor.tab.locator(".pg-text").input_value()) > len(PROMPT) + 3


def test_a_translation_shows_alternatives_and_offers_none(at):
    visitor = at("translation", "&v.details=1")
    visitor.run("Where is the station?")
    visitor.card("scratch").locator(".pg-t").nth(1).click()
    visitor.page.locator(".pg-pop").wait_for()
    assert visitor.page.locator(".pg-pop button").count() == 0
    assert visitor.page.locator(".pg-pop li").count() == 5
    visitor.page.keyboard.press("Escape")
    assert visitor.page.locator(".pg-pop").is_hidden()


def test_settings_say_what_is_other_and_stand_in_links(visit, writing, at):
    visitor = at()
    said = visitor.tab.locator(".pg-settings-said")
    assert said.inner_text() == "as usual"
    visitor.tab.locator(".pg-settings summary").focus()
    visitor.page.keyboard.press("Enter")
    setting(visitor, "length").fill("5")
    setting(visitor, "temperature").fill("1.50")
    setting(visitor, "seed").fill("0")
    assert said.inner_text() == "Length, tokens: 5 · Temperature: 1.5"
    visitor.run(PROMPT)
    assert len(written(visitor, "scratch").split()) <= 5
    assert "where the length was reached" in visitor.card("scratch").locator(".pg-note").inner_text()
    link = visitor.copy_link()
    fields = parse_qs(link.fragment)
    assert {name: value for name, value in fields.items() if name.startswith("v.")} == {
        "v.length": ["5"],
        "v.temperature": ["1.5"],
    }
    other = visit(writing.url, "#" + link.fragment)
    assert setting(other, "temperature").input_value() == "1.5"
    assert other.tab.locator(".pg-settings-said").inner_text() == "Length, tokens: 5 · Temperature: 1.5"
    visitor.tab.locator("[data-act=reset]").click()
    assert setting(visitor, "length").input_value() == "80"
    assert said.inner_text() == "as usual"
    assert visitor.tab.get_attribute("data-stale") is not None


def test_the_same_seed_gives_the_same_text_and_another_another(at):
    visitor = at()
    visitor.run(PROMPT)
    visitor.run(PROMPT)
    assert "same as last run" in visitor.card("scratch").locator(".pg-verdict").inner_text()
    open_settings(visitor)
    setting(visitor, "seed").fill("3")
    visitor.run(PROMPT)
    assert "other than last run" in visitor.card("scratch").locator(".pg-verdict").inner_text()


def test_an_example_sets_what_it_names_and_leaves_the_rest(at):
    visitor = at(more="&v.details=1&v.seed=7")
    visitor.tab.get_by_text("always the likeliest").click()
    assert setting(visitor, "temperature").input_value() == "0"
    assert setting(visitor, "seed").input_value() == "7"
    visitor.run_example("a morning")
    assert setting(visitor, "temperature").input_value() == "0.8"
    assert setting(visitor, "details").is_checked()
    chip = visitor.tab.get_by_text("a morning")
    assert chip.get_attribute("aria-pressed") == "true"
    assert "A person wrote: " in visitor.tab.locator(".pg-compare").inner_text()  # whatever the seed


def test_a_wrong_number_is_said_beside_its_field_and_the_settings_open(at):
    visitor = at()
    visitor.type(PROMPT)
    open_settings(visitor)
    setting(visitor, "top_p").fill("3")
    visitor.tab.locator(".pg-settings summary").click()
    visitor.press_run()
    error = visitor.tab.locator("[data-field=top_p] .pg-input-error:not(:empty)")
    error.wait_for()
    assert error.inner_text() == "“Top-p” is a number from 0.01 to 1, and not '3'."
    assert setting(visitor, "top_p").is_visible()
    assert setting(visitor, "top_p").get_attribute("aria-invalid") == "true"
    setting(visitor, "top_p").fill("")
    setting(visitor, "top_p").press_sequentially("1-2")  # no number, and the browser keeps it to itself
    visitor.press_run()
    visitor.tab.get_by_text("and not '?'").wait_for()
    setting(visitor, "top_p").fill("0.5")
    visitor.press_run()
    visitor.settle()
    visitor.wait_card("scratch", "done")
    assert visitor.tab.locator(".pg-text").input_value() == PROMPT


def test_a_summary_that_quotes_marks_its_sentences_beside_it(at):
    visitor = at("summarization")
    visitor.run_example("news")
    card = visitor.card("pretrained")
    assert card.locator(".pg-source .pg-found").count() == 1
    assert written(visitor, "pretrained") == card.locator(".pg-source .pg-found").inner_text()
    assert "It quotes" in card.locator(".pg-note").inner_text()
    compared = visitor.tab.locator(".pg-compare").inner_text()
    assert "A person wrote: " in compared
    assert "Hosted API is left out" in compared
    assert "share" in compared


def test_a_reader_who_scrolled_up_stays_there(at):
    visitor = at(more="&v.length=120")
    visitor.type(f"slow and long: {PROMPT}")
    visitor.press_run()
    box = visitor.card("scratch").locator(".pg-written")
    overflows = "e => e.scrollHeight > e.clientHeight + 60"
    at_the_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 30"
    for _ in range(300):
        if box.evaluate(overflows):
            break
        visitor.page.wait_for_timeout(50)
    assert box.evaluate(at_the_end)
    box.evaluate("e => { e.scrollTop = 0 }")
    before = len(written(visitor, "scratch"))
    visitor.page.wait_for_timeout(600)
    assert len(written(visitor, "scratch")) > before
    assert box.evaluate("e => e.scrollTop") == 0
    box.evaluate("e => { e.scrollTop = e.scrollHeight }")
    visitor.page.wait_for_timeout(600)
    assert box.evaluate(at_the_end)
    visitor.page.keyboard.press("Escape")
    visitor.settle()
    visitor.card("scratch").locator("[data-act=whole-texts]").click()
    assert not box.evaluate(overflows)


def test_the_caret_blinks_only_while_something_is_written(at):
    visitor = at()
    box = visitor.card("scratch").locator(".pg-new")
    caret = "e => getComputedStyle(e, '::after').content"
    assert box.evaluate(caret) == "none"
    visitor.type(f"slow and long {PROMPT}")
    visitor.press_run()
    visitor.card("scratch").locator(".pg-new", has_text="Nobody").wait_for()
    assert box.evaluate(caret) == '""'
    visitor.settle()
    assert box.evaluate(caret) == "none"


@pytest.mark.parametrize("width", [1440, 900, 390])
@pytest.mark.parametrize("details", ["", "&v.details=1"])
def test_nothing_jumps_while_the_cards_fill(at, width, details):
    visitor = at(more=details, viewport={"width": width, "height": 900})
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.type(f"slow: {PROMPT}")
    visitor.page.wait_for_timeout(400)
    run_and_assert_that_nothing_moves(visitor)
    assert visitor.card("scratch").get_attribute("data-phase") == "done"
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1440, 1100, 820, 390])
def test_long_texts_overflow_nothing(at, width):
    visitor = at(more="&v.details=1", viewport={"width": width, "height": 900})
    open_settings(visitor)
    setting(visitor, "length").fill("200")
    visitor.run("averyverylongwordwithoutanybreak" * 40 + " long " + "and so on " * 500)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visitor.card("scratch").locator(".pg-new .pg-t").count() == 200
    for tier in TIERS:
        assert_parts_stay_within_their_card(
            visitor, tier, (".pg-headline", ".pg-written", ".pg-bars-foot", ".pg-numbers")
        )
    lefts = {round(field.bounding_box()["x"]) for field in visitor.tab.locator(".pg-extra-number").all()}
    assert len(lefts) == 2 if width == 390 else len(lefts) > 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_and_names(at, scheme):
    visitor = at(more="&v.details=1", color_scheme=scheme)
    open_settings(visitor)
    visitor.run_example("a morning")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []
    assert visitor.page.evaluate(NAMELESS) == []
    visitor.open_task("Summarization", "summarization")
    visitor.run_example("news")
    visitor.page.wait_for_timeout(300)
    assert visitor.page.evaluate(CONTRAST) == []


def test_files_and_tables_have_the_texts(at):
    visitor = at()
    visitor.run(PROMPT)
    name, picture = visitor.download(".pg-tab[data-shown] .pg-card[data-tier=scratch] [data-act=png]")
    assert name == "generation-scratch.png"
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    visitor.run_lines("one\ntwo")
    rows = visitor.download_table()
    assert [row["finetuned_label"].startswith(" and then the rain") for row in rows] == [True, True]
