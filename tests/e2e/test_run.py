"""A Run in a real browser."""

import re
import time

import pytest

pytestmark = pytest.mark.e2e
PRAISE = "ngl the queue was brutal but that show slapped, would stand in the rain again"


def test_a_newcomer_types_presses_and_sees_four_answers(visit):
    visitor = visit(seen=False)
    page, tab = visitor.page, visitor.tab
    assert tab.locator(".pg-tier").count() == 4
    assert not tab.locator(".pg-cards").is_visible()
    for aspect in ("ease", "flexibility", "cost", "computation", "when to use"):
        assert tab.get_by_text(aspect, exact=True).count() == 4
    visitor.run("a great film")
    assert set(visitor.headlines().values()) == {"positive"}
    assert not tab.locator(".pg-welcome").is_visible()
    page.reload()
    tab.locator(".pg-cards").wait_for()
    assert not tab.locator(".pg-welcome").is_visible()
    page.click("text=The four tiers")
    assert tab.locator(".pg-welcome").is_visible()
    tab.get_by_text("Got it").click()
    assert tab.locator(".pg-cards").is_visible()


def test_an_example_shows_who_was_right(visit):
    visitor = visit()
    visitor.page.click("text=informal praise")
    assert visitor.page.input_value("textarea") == PRAISE
    visitor.tab.locator("[data-act=run]").click()
    visitor.settle()
    assert visitor.headlines() == {
        "hosted": "negative",
        "pretrained": "negative",
        "finetuned": "positive",
        "scratch": "negative",
    }
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text() == "✓ gold"
    assert visitor.card("pretrained").locator(".pg-verdict").inner_text() == "✗ gold: positive"
    line = visitor.tab.locator(".pg-compare").inner_text()
    assert "Tiers differ." in line
    assert "Fine-tuned says positive (right); pretrained and from scratch say negative (wrong)." in line
    assert "Hosted API is left out" in line
    assert visitor.tab.locator(".pg-plot-row").count() == 8


def test_the_scores_numbers_and_source_are_on_the_card(visit):
    visitor = visit()
    visitor.run("a great film")
    card = visitor.card("finetuned")
    scores = [float(text) for text in card.locator(".pg-bar-score").all_inner_texts()]
    assert scores == [0.04, 0.96]
    figures = card.locator(".pg-figure").all_inner_texts()
    assert [figure.split("\n")[0].replace("\xa0", " ") for figure in figures] == ["10 ms", "$0", "92 MB", "23.1 M"]
    assert card.locator(".pg-badge").inner_text() == "bundled"
    assert re.fullmatch("[0-9a-f]{7}", card.locator(".pg-fingerprint").inner_text())
    hosted = visitor.card("hosted")
    assert hosted.get_attribute("data-muted") is not None
    assert "→ 9" in hosted.inner_text()
    assert "as stated by the model" in hosted.inner_text()
    assert [text.split("\n")[0] for text in hosted.locator(".pg-figure[data-unknown]").all_inner_texts()] == ["–", "–"]


def test_cards_fill_independently_and_stop_frees_the_work(visit, server):
    visitor = visit()
    visitor.type("hang on, this is great")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    assert visitor.card("scratch").get_attribute("aria-busy") == "true"
    assert visitor.card("scratch").locator(".pg-progress").is_visible()
    began = time.monotonic()
    visitor.tab.locator("[data-act=stop]").click()
    visitor.settle()
    assert visitor.headlines() == {
        "hosted": "stopped",
        "pretrained": "positive",
        "finetuned": "stopped",
        "scratch": "stopped",
    }
    assert time.monotonic() - began < 20  # what hangs does so for 60
    assert server.running == 0
    assert visitor.tab.locator("[data-act=stop]").is_disabled()


def test_escape_stops(visit):
    visitor = visit()
    visitor.type("hang")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    visitor.page.keyboard.press("Escape")
    visitor.settle()
    assert visitor.headline("hosted") == "stopped"


def test_run_during_a_run_starts_again(visit, server):
    visitor = visit()
    visitor.type("hang, awful")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    visitor.run("great, loved it")
    assert set(visitor.headlines().values()) == {"positive"}
    visitor.page.wait_for_timeout(300)  # the first run's last word must change nothing
    assert set(visitor.headlines().values()) == {"positive"}
    assert server.running == 0


def test_one_tier_failing_is_one_sentence_and_leaves_the_others_alone(visit):
    visitor = visit()
    visitor.run("break this great thing")
    assert visitor.headlines() == {
        "hosted": "positive",
        "pretrained": "no answer",
        "finetuned": "positive",
        "scratch": "positive",
    }
    assert "is cut off: run `prefetch` to fetch it again." in visitor.card("pretrained").inner_text()


def test_what_changed_since_the_last_run_is_marked(visit):
    visitor = visit()
    visitor.run("great")
    visitor.run("awful and bad, very bad")
    assert "was positive" in visitor.card("scratch").inner_text()
    assert visitor.card("scratch").locator(".pg-bar-tick").count() == 2
    visitor.type("something else")
    assert visitor.tab.get_attribute("data-stale") is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no text yet"),
        (" \n\t ", "There is no text yet"),
        ("a\x00b", "control characters"),
        ("x" * 100_000, "has 100,000 characters and the limit is 20,000"),
    ],
    ids=["empty", "spaces", "nul", "100 kB"],
)
def test_bad_input_is_one_sentence_beside_it_and_stays(visit, text, sentence):
    visitor = visit()
    visitor.run("great")
    visitor.page.evaluate(
        "text => { const area = document.querySelector('textarea'); area.value = text; area.dispatchEvent(new Event('input')); }",
        text,
    )
    kept = visitor.page.input_value("textarea")
    visitor.press_run()
    visitor.tab.locator(".pg-input-error:not(:empty)").wait_for()
    assert sentence in visitor.error
    assert visitor.page.input_value("textarea") == kept
    visitor.settle()
    assert visitor.tab.locator("[aria-busy=true]").count() == 0
    assert visitor.headline("scratch") == "positive"  # the last answers are still there
    visitor.press_run()
    visitor.page.wait_for_timeout(200)
    assert sentence in visitor.error  # the second time too


def test_odd_input_is_an_input_like_any_other(visit):
    visitor = visit()
    visitor.run("x")
    visitor.tab.locator(".pg-history summary").click()
    for text in (
        "👍",
        "הסרט היה great",
        "<script>window.hacked=1</script>",
        "<img src=x onerror=window.hacked=1>",
        "{{value}} ${1+1} &amp; </textarea>",
    ):
        visitor.run(text)
        assert set(visitor.headlines().values()) <= {"positive", "negative"}
        assert visitor.tab.locator(".pg-open").first.inner_text() == text
    inert = "window.hacked === undefined && document.querySelector('.pg-part img, .pg-part script') === null"
    assert visitor.page.evaluate(inert)


def test_two_pages_run_at_once(visit):
    one, two = visit(), visit()
    one.type("hang")
    one.press_run()
    one.wait_card("pretrained", "done")
    two.run("great")
    assert set(two.headlines().values()) == {"positive"}
    assert one.card("scratch").get_attribute("aria-busy") == "true"
    assert two.tab.locator(".pg-open").count() == 1  # its own history alone


def test_a_tab_closed_in_the_middle_leaves_nothing_running(visit, server):
    visitor = visit()
    visitor.type("hang")
    visitor.press_run()
    visitor.wait_card("pretrained", "done")
    assert server.told["tiers"]["scratch"]["running"] == 1
    visitor.page.close()
    deadline = time.monotonic() + 20
    while server.running and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.running == 0


def test_a_chosen_model_answers_and_stays_chosen(visit, server):
    visitor = visit()
    select = visitor.card("finetuned").locator("select")
    select.focus()
    select.select_option("mine")
    visitor.page.keyboard.press("Control+Enter")
    visitor.type("great")
    visitor.press_run()
    visitor.settle()
    assert server.told["tiers"]["finetuned"]["seen"][-1] == ["great", "mine"]
    assert select.input_value() == "mine"
    assert visitor.card("finetuned").locator(".pg-badge").inner_text() == "trained here"
    assert visitor.card("pretrained").locator("option[disabled]").inner_text().endswith("— not on this machine")
