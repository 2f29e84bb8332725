"""Questions about a context, in a real browser."""

import pytest

from tests.e2e.conftest import Server
from tests.e2e.layout import CONTRAST, run_and_assert_that_nothing_moves
from tests.fakes.answers import LIGHTHOUSE

pytestmark = pytest.mark.e2e
HOSTILE = '<img src=x onerror="window.hacked=true">. The lamp burned until 1931.\nאבג'
QUESTION = "Until when did the lamp burn oil?"


@pytest.fixture(scope="module")
def answers():
    server = Server("--answers", "--lines", "40")
    yield server
    server.close()


@pytest.fixture
def at(visit, answers):
    return lambda more="", **options: visit(answers.url, f"#task=qa{more}", **options)


def test_an_example_brings_its_context_and_the_answer_is_seen_in_it(at):
    visitor = at()
    visitor.page.click("text=the lamp")
    assert visitor.tab.locator("[data-field=context] textarea").input_value() == LIGHTHOUSE
    assert f"{len(LIGHTHOUSE)} characters" in visitor.tab.locator(".pg-extra-count").inner_text()
    visitor.press_run()
    visitor.settle()
    assert [visitor.headline(tier) for tier in ("pretrained", "finetuned", "scratch")] == ["1931", "1931 and", "1874"]
    assert visitor.card("pretrained").locator(".pg-verdict").inner_text() == "✓ gold"
    assert visitor.card("finetuned").locator(".pg-verdict").inner_text().startswith("≈ partly gold")
    assert visitor.card("scratch").locator(".pg-verdict").inner_text() == "✗ gold: 1931"
    box, mark = (visitor.card("pretrained").locator(f".pg-{name}").bounding_box() for name in ("context", "found"))
    assert box["y"] <= mark["y"] < mark["y"] + mark["height"] <= box["y"] + box["height"]
    summary = visitor.card("pretrained").locator("details > summary").first
    summary.focus()
    visitor.page.keyboard.press("Enter")
    assert "built in 1874" in visitor.card("pretrained").locator(".pg-context").inner_text()
    assert "Tiers differ." in visitor.tab.locator(".pg-compare").inner_text()
    assert "From scratch: 1874, 0.62." in visitor.tab.locator(".pg-status-part [role=status]").inner_text()


def test_no_answer_and_errors_beside_what_they_are_about(at):
    visitor = at()
    visitor.type(QUESTION)
    visitor.press_run()
    error = visitor.tab.locator("[data-field=context] .pg-input-error")
    error.filter(has_text="There is no context").wait_for()
    visitor.fill("context", LIGHTHOUSE)
    visitor.run("Who painted?")
    assert visitor.headline("pretrained") == "no answer"
    assert error.inner_text() == ""
    assert visitor.card("pretrained").locator("mark").count() == 0


def test_nothing_in_it_is_markup_and_no_link_holds_what_is_too_long(at):
    visitor = at()
    visitor.fill("context", HOSTILE)
    visitor.run(QUESTION)
    assert visitor.headline("pretrained") == "1931"
    assert visitor.page.evaluate("window.hacked === undefined && !document.querySelector('.pg-tab img')")
    visitor.page.wait_for_function("location.hash.includes('v.context')")  # the link follows the typing a moment later
    visitor.fill("context", HOSTILE * 200)
    visitor.run(QUESTION)
    visitor.page.wait_for_function("!location.hash.includes('v.context')")


def test_several_questions_about_one_context_are_a_table(at):
    visitor = at()
    visitor.fill("context", LIGHTHOUSE)
    visitor.run_lines(f"{QUESTION}\nHow many children lived there?\nWho painted?")
    table = visitor.tab.locator(".pg-table tbody tr")
    assert "19" in table.nth(1).inner_text()
    assert table.nth(2).inner_text().count("no answer") == 4
    rows = visitor.download_table()
    assert [row["pretrained_label"] for row in rows] == ["1931", "19", "no answer"]
    assert rows[0]["pretrained_confidence"] == "0.62"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_nothing_jumps_and_everything_can_be_read(at, width, scheme):
    visitor = at(viewport={"width": width, "height": 900}, color_scheme=scheme)
    visitor.page.wait_for_function("document.fonts.status === 'loaded'")
    visitor.fill("context", LIGHTHOUSE)
    visitor.type(f"slow: {QUESTION}")
    visitor.page.wait_for_timeout(300)
    run_and_assert_that_nothing_moves(visitor)
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visitor.page.evaluate(CONTRAST) == []
