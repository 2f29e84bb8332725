"""Switching off and looking through the layers in Chromium, over a model that answers from the text alone."""

import time
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Visitor, new_context
from tests.e2e.layout import CONTRAST, NAMELESS

pytestmark = pytest.mark.e2e
CLASSIFIER, DECODER, REWRITER = "bundled/sentiment-general", "bundled/generation-general", "bundled/translation-general"
TAGGER = "bundled/ner-general"
EVIL = "Café </script><img src=x onerror=alert(1)> 👩‍🚀"


class Looker(Visitor):
    """A visitor who looks into a model."""

    def open(self, fragment: str = ""):
        self.page = self.watched()
        self.look("The dog did not sleep, and it barked.", CLASSIFIER)
        return self.page

    def look(self, text: str, model: str) -> None:
        self.page.goto(f"{self.url}#page=attention&model={quote(model)}&text={quote(text)}")
        self.page.wait_for_function(
            "([text, model]) => window.playground?.look?.order?.text === text && playground.look.order.model === model",
            arg=[text, model],
        )
        self.bring("ablate")
        self.page.wait_for_selector("#pg-abl-answer:not([aria-busy]) .pg-abl-verdict")

    def bring(self, name: str) -> None:
        self.page.evaluate("name => document.getElementById('pg-att-' + name).scrollIntoView()", name)

    def toggle(self, layer: int, head: int) -> None:
        self.page.click(f"[data-act=abl-head][data-layer='{layer}'][data-head='{head}']")

    def answer(self) -> str:
        """The verdict, once it is of what is off now."""
        self.page.wait_for_function(
            "() => { const line = document.querySelector('#pg-abl-answer:not([aria-busy]) .pg-abl-verdict');"
            " return line && line.textContent.startsWith('Nothing is off') =="
            " (document.getElementById('pg-abl-off').textContent === ''); }"
        )
        self.page.wait_for_timeout(250)  # longer than a change waits
        self.page.wait_for_selector("#pg-abl-answer:not([aria-busy]) .pg-abl-verdict")
        return self.page.inner_text(".pg-abl-verdict")

    @property
    def off(self) -> str:
        return self.page.inner_text("#pg-abl-off")

    @property
    def cuts(self) -> list[dict]:
        return self.questions("attention_ablate")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def grid(self) -> str:
        self.page.click("[data-act=abl-grid]")
        self.page.wait_for_function("document.getElementById('pg-abl-grid-summary').textContent")
        return self.text("#pg-abl-grid-summary")


@pytest.fixture
def looker(server, usual):
    looker = Looker(usual, server.url)
    yield looker
    looker.page.close()
    assert not looker.problems


def test_of_tokens_that_are_alike_it_is_said_which_one_is_off(looker):
    looker.look("not this, not that", CLASSIFIER)
    looker.page.locator("[data-act=abl-token]", has_text="not").nth(1).click()
    assert looker.answer()
    assert looker.off == "Off: “not” (2 of 2)."


def test_a_head_a_layer_and_a_token_are_switched_off_and_on_again(looker):
    page = looker.page
    assert "Nothing is off" in looker.answer()
    looker.toggle(1, 2)
    first = looker.answer()
    assert looker.off == "Off: layer 2 · head 3."
    assert page.get_attribute("[data-act=abl-head][data-layer='1'][data-head='2']", "aria-pressed") == "true"
    assert page.get_attribute("[data-act=abl-layer][data-layer='1']", "aria-pressed") == "mixed"
    page.click("[data-act=abl-layer][data-layer='1']")
    assert looker.answer() != first
    assert looker.off == "Off: layer 2, all heads."
    page.click("[data-act=abl-token] >> text=not")
    assert looker.answer()
    assert looker.off == "Off: layer 2, all heads; “not”."
    zero = page.inner_html("#pg-abl-answer")
    page.click("[data-act=abl-instead][data-value=mean]")
    looker.answer()
    assert page.inner_html("#pg-abl-answer") != zero
    sent = looker.cuts[-1]
    assert sent["heads"] == [["encoder", 1, head] for head in (2, 0, 1, 3)]
    assert (sent["tokens"], sent["instead"]) == ([[0, 4]], "mean")
    page.click("#pg-abl-clear")
    assert "Nothing is off" in looker.answer()
    assert page.locator("#pg-att-ablate td [aria-pressed=true]").count() == 0
    assert page.is_disabled("#pg-abl-clear")


def test_several_quick_changes_are_one_question(looker):
    before = len(looker.cuts)
    looker.page.evaluate(
        "() => { for (const head of document.querySelectorAll('[data-act=abl-head][data-layer=\"0\"]')) head.click(); }"
    )
    looker.answer()
    assert looker.off == "Off: layer 1, all heads."
    assert [len(sent["heads"]) for sent in looker.cuts[before:]] == [4]


def test_an_answer_that_is_older_than_the_choice_is_dropped(looker):
    page = looker.page

    def hold(route):
        page.evaluate("document.querySelector(\"[data-act=abl-head][data-layer='2'][data-head='0']\").click()")
        route.continue_()

    page.route("**/playground/ask", hold, times=1)
    looker.toggle(0, 0)
    looker.answer()
    assert [len(sent["heads"]) for sent in looker.cuts[-2:]] == [1, 2]
    assert looker.off == "Off: layer 1 · head 1; layer 3 · head 1."
    shown = page.inner_html("#pg-abl-answer")
    page.click("#pg-abl-clear")
    looker.answer()
    looker.toggle(0, 0)
    looker.toggle(2, 0)
    looker.answer()
    assert page.inner_html("#pg-abl-answer") == shown


def test_the_chosen_head_is_outlined_and_has_a_button_of_its_own(looker):
    page = looker.page
    page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 2, head: 1 })")
    assert page.locator("#pg-abl-board [data-chosen]").count() == 1
    assert page.get_attribute("#pg-abl-board [data-chosen]", "aria-label") == "layer 3 head 2"
    page.click("#pg-abl-this")
    assert looker.off == "Off: layer 3 · head 2."
    assert page.get_attribute("#pg-abl-this", "aria-pressed") == "true"


def test_a_model_of_several_parts_has_a_board_for_each_and_tokens_of_both_sides(looker):
    page = looker.page
    looker.look("The dog sleeps.", REWRITER)
    assert page.locator("#pg-abl-parts button").all_inner_texts() == ["encoder", "decoder", "decoder to encoder"]
    page.click("#pg-abl-parts [data-part=cross]")
    assert page.locator("[data-act=abl-head]").count() == 2
    looker.toggle(0, 1)
    page.click("[data-act=abl-token][data-side='1'] >> nth=1")
    looker.answer()
    assert looker.off.startswith("Off: decoder to encoder, layer 1 · head 2; “")
    assert looker.cuts[-1]["heads"] == [["cross", 0, 1]]
    assert looker.cuts[-1]["tokens"] == [[1, 1]]


def test_keys_lead_through_the_board(looker):
    page = looker.page
    page.focus("[data-act=abl-layer][data-layer='0']")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    assert looker.off == "Off: layer 2 · head 2."
    assert page.locator("#pg-abl-board [tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert looker.off == "Off: layer 2 · head 2; “The”."


def test_the_grid_fills_and_a_cell_shows_its_head(looker):
    page = looker.page
    assert looker.grid().endswith(".")
    assert looker.text("#pg-abl-grid-progress") == "12 of 12 heads"
    assert page.locator("[data-act=abl-cell]").count() == 12
    page.hover("[data-act=abl-cell][data-layer='1'][data-head='2']")
    assert looker.text("#pg-abl-grid-told").startswith("Without layer 2 · head 3: ")
    drops = page.inner_text("[data-act=abl-cell][data-layer='1'][data-head='2']")
    page.click("[data-act=abl-grid-show][data-value=effects]")
    assert page.inner_text("[data-act=abl-cell][data-layer='1'][data-head='2']") != drops or drops == "0"
    looker.toggle(0, 0)
    page.click("[data-act=abl-cell][data-layer='1'][data-head='2']")
    looker.answer()
    assert looker.off == "Off: layer 2 · head 3."
    assert page.evaluate("playground.look.head") == {"part": "encoder", "layer": 1, "head": 2}
    assert page.locator("#pg-abl-grid-box [data-chosen]").count() == 1
    looker.look("Another text.", CLASSIFIER)
    assert page.is_hidden("#pg-abl-grid-shown")
    assert looker.text("#pg-abl-grid-summary") == ""


def test_a_grid_is_stopped_in_the_middle_and_begun_again(looker, server):
    page = looker.page
    looker.look("The keys hang here.", CLASSIFIER)
    for _ in range(2):
        page.click("[data-act=abl-grid]")
        page.wait_for_function("document.getElementById('pg-abl-grid-progress').textContent === '4 of 12 heads'")
        assert server.told["grids"] == 1
        assert page.locator("[data-act=abl-cell]").count() == 4
        assert page.locator(".pg-abl-blank").count() == 8
        assert page.is_disabled("#pg-abl-grid-start")
        page.click("[data-act=abl-grid-stop]")
        page.wait_for_function("document.getElementById('pg-abl-grid-summary').textContent.startsWith('Stopped')")
        until_no_grid(page, server)
        assert page.locator("[data-act=abl-cell]").count() == 4
        assert looker.text("#pg-abl-grid-error") == ""
        assert page.is_disabled("#pg-abl-grid-stop")
    height = page.locator("#pg-abl-grid-box").bounding_box()["height"]
    looker.look("Here.", CLASSIFIER)
    looker.grid()
    assert (
        page.locator("#pg-abl-grid-box").bounding_box()["height"] == height
    )  # rows that are not there yet have their place


def test_a_new_look_ends_the_grid_of_the_old_one(looker, server):
    looker.look("They hang.", CLASSIFIER)
    looker.page.click("[data-act=abl-grid]")
    looker.page.wait_for_selector("[data-act=abl-cell]")
    looker.look("A quick cat.", CLASSIFIER)
    assert looker.page.locator("[data-act=abl-cell]").count() == 0
    assert looker.page.is_enabled("#pg-abl-grid-start")
    until_no_grid(looker.page, server)


def until_no_grid(page, server) -> None:
    """Grids of a text that says "hang" end when they are stopped, and only then."""
    deadline = time.monotonic() + 20
    while server.told["grids"] and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert server.told["grids"] == 0


def test_layers_are_asked_when_they_are_looked_at_once_for_each_look(looker):
    page = looker.page
    looker.bring("overview")
    looker.page.fill("#pg-att-text", "Another text that is looked at.")
    looker.sent.clear()
    looker.page.press("#pg-att-text", "Control+Enter")
    page.wait_for_function("playground.look.order.text === 'Another text that is looked at.'")
    page.wait_for_timeout(700)  # twice what a panel waits
    assert not {"attention_layers", "attention_ablate"} & {sent["do"] for sent in looker.sent}
    looker.bring("layers")
    page.wait_for_selector(".pg-lay-options")
    assert "the likeliest answer stays" in looker.text(".pg-lay-said")
    assert page.locator(".pg-lay-table tbody tr").count() == 4
    looker.bring("overview")
    looker.bring("layers")
    page.wait_for_timeout(300)
    assert len(looker.questions("attention_layers")) == 1


def test_a_decoders_layers_have_a_column_for_each_token_and_keys_read_them(looker):
    page = looker.page
    looker.look(" ".join(f"w{number}" for number in range(30)), DECODER)
    looker.bring("layers")
    page.wait_for_selector(".pg-lay-places")
    assert page.locator(".pg-lay-table thead th:visible").count() == 25
    page.click("[data-act=layers-early]")
    assert page.locator(".pg-lay-table thead th:visible").count() == 31
    page.locator(".pg-lay-table td[tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    assert looker.text(".pg-lay-told").startswith("layer 1, “w6␣”: “")
    page.keyboard.press("ArrowLeft")
    assert looker.text(".pg-lay-told").startswith("layer 1, “w5␣”: “")


def test_errors_stand_beside_their_panel(looker):
    page = looker.page
    page.route(
        "**/playground/ask",
        lambda route: (
            route.fulfill(json={"error": "This model shows nothing: choose another one."})
            if route.request.post_data_json["do"] in ("attention_ablate", "attention_layers")
            else route.continue_()
        ),
    )
    page.click("[data-act=att-look]")
    looker.bring("ablate")
    page.wait_for_function("document.getElementById('pg-abl-error').textContent.startsWith('This model shows nothing')")
    looker.bring("layers")
    page.wait_for_function("document.getElementById('pg-lay-error').textContent.startsWith('This model shows nothing')")


def test_what_is_typed_meanwhile_is_said(looker):
    page = looker.page
    note = page.locator("#pg-att-ablate .pg-att-was")
    assert not note.is_visible()
    page.fill("#pg-att-text", "Another text")
    assert note.is_visible()
    assert page.locator("#pg-att-layers .pg-att-was").is_visible()


def test_what_somebody_types_is_text(looker):
    for model in (TAGGER, DECODER):
        looker.look(EVIL, model)
        looker.page.click("[data-act=abl-token] >> nth=2")
        looker.answer()
        looker.bring("layers")
        looker.page.wait_for_selector(".pg-lay-table")
        assert looker.page.locator("#pg-att-ablate img, #pg-att-layers img, #pg-att-ablate script").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (820, "dark"), (390, "light"), (390, "dark")])
def test_nothing_is_wider_than_the_page_and_all_of_it_can_be_read(server, browser, width, scheme):
    context = new_context(browser, server.url, viewport={"width": width, "height": 900}, color_scheme=scheme)
    looker = Looker(context, server.url)
    page = looker.page
    for model in (CLASSIFIER, TAGGER, DECODER, REWRITER):
        looker.look("Maria Lopez did not fly to Oslo on Monday because the airline was late again.", model)
        looker.toggle(0, 1)
        page.click("[data-act=abl-token] >> nth=3")
        looker.answer()
        looker.grid()
        page.hover("[data-act=abl-cell] >> nth=0")
        looker.bring("layers")
        page.wait_for_selector(".pg-lay-table")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        own = "[data-act^=abl], [data-act^=layers]"
        assert not [one for one in page.evaluate(NAMELESS) if "abl-" in one or "layers-" in one], own
        assert not [one for one in page.evaluate(CONTRAST) if "pg-abl" in one or "pg-lay" in one]
    context.close()
    assert not looker.problems
