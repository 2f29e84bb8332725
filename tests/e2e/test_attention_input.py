"""The attention page's input in Chromium: what is asked when, and what is said where nothing can be shown."""

from urllib.parse import quote

import pytest

from tests.e2e.conftest import Visitor

pytestmark = pytest.mark.e2e
ENCODER, TAGGER, DECODER = "bundled/sentiment-general", "bundled/ner-general", "bundled/generation-general"
REWRITER = "bundled/translation-general"
TEXT = "The dog did not sleep."
LOOKED = (
    "([text, model]) => window.playground?.look?.order?.text === text && playground.look.order.model === model"
    " && !document.querySelector('[data-act=att-look][aria-busy]')"
)


class Looker(Visitor):
    START = f"#page=attention&model={quote(ENCODER)}&text={quote(TEXT)}"
    READY = "#pg-tab-attention[data-shown] #pg-att-text"

    def open(self, fragment: str = ""):
        page = super().open(fragment)
        page.wait_for_selector("#pg-att-model option", state="attached")
        return page

    @property
    def looks(self) -> list[dict]:
        return self.questions("attention_look")

    def looked(self, text: str, model: str) -> None:
        self.page.wait_for_function(LOOKED, arg=[text, model])

    @property
    def error(self) -> str:
        return self.page.inner_text("#pg-att-error")


@pytest.fixture
def opened(server, usual):
    lookers = []

    def open_(fragment: str = "") -> Looker:
        lookers.append(Looker(usual, server.url, fragment))
        return lookers[-1]

    yield open_
    for looker in lookers:
        looker.page.close()
        assert not looker.problems


def test_of_models_that_are_tried_quickly_the_last_one_is_looked_into(opened):
    looker = opened()
    looker.looked(TEXT, ENCODER)
    page = looker.page

    held = []

    def hold(route, request):
        if request.post_data_json["do"] == "attention_look" and request.post_data_json["model"] == TAGGER:
            held.append(route)
        else:
            route.continue_()

    page.route("**/ask", hold)
    looker.sent.clear()
    for model in (TAGGER, REWRITER, ENCODER, DECODER):
        page.select_option("#pg-att-model", model)
    page.wait_for_timeout(300)
    held[0].continue_()
    looker.looked(TEXT, DECODER)
    assert [look["model"] for look in looker.looks] == [TAGGER, DECODER]  # one at a time, and no more than is wanted
    assert looker.error == ""
    page.unroute("**/ask")


def test_what_the_model_wrote_of_another_text_is_written_anew(opened):
    looker = opened(f"#page=attention&model={quote(REWRITER)}&text={quote(TEXT)}")
    page = looker.page
    looker.looked(TEXT, REWRITER)
    written = page.input_value("#pg-att-target")
    assert written
    page.reload()
    looker.looked(TEXT, REWRITER)
    assert looker.looks[-1]["target"] == written  # the address has it
    page.fill("#pg-att-text", "Another cat.")
    page.click("[data-act=att-look]")
    looker.looked("Another cat.", REWRITER)
    assert looker.looks[-1]["target"] == ""
    assert page.input_value("#pg-att-target") != written
    page.fill("#pg-att-target", "Mine.")
    page.fill("#pg-att-text", "A third one.")
    page.click("[data-act=att-look]")
    looker.looked("A third one.", REWRITER)
    assert page.input_value("#pg-att-target") == looker.looks[-1]["target"] == "Mine."


def test_without_a_look_there_is_a_sentence_and_no_empty_panels(opened):
    looker = opened(f"#page=attention&model=nobody%2Fnothing&text={quote(TEXT)}")
    page = looker.page
    page.wait_for_selector("#pg-att-error:not(:empty)")
    assert "“nobody/nothing”" in looker.error
    assert page.input_value("#pg-att-text") == TEXT
    assert not page.locator("#pg-att-overview").is_visible()
    page.select_option("#pg-att-model", TAGGER)
    looker.looked(TEXT, TAGGER)
    assert looker.error == ""
    assert page.locator("#pg-att-overview canvas").is_visible()


def test_an_error_leaves_the_look_and_what_is_said_of_it(opened):
    looker = opened()
    page = looker.page
    looker.looked(TEXT, ENCODER)
    note = page.inner_text("#pg-att-note")
    assert "encoder: 3 layers of 4 heads." in note
    page.fill("#pg-att-text", "There is nothing to show.")
    page.click("[data-act=att-look]")
    page.wait_for_selector("#pg-att-error:not(:empty)")
    assert page.inner_text("#pg-att-note") == note
    assert page.locator("#pg-att-overview canvas").is_visible()


def test_a_hosted_cards_text_can_be_looked_at_with_a_model_of_another_tier(opened):
    context = "The lamp of the lighthouse became electric in 1921."
    question = "When did the lamp change?"
    looker = opened(
        f"#page=attention&task=qa&tier=hosted&model.hosted=anything&v.context={quote(context)}&text={quote(question)}"
    )
    page = looker.page
    page.wait_for_function("document.getElementById('pg-att-note').textContent.includes('not observable')")
    assert not page.locator("#pg-att-overview").is_visible()
    assert page.input_value("#pg-att-text") == f"{question}\n{context}"
    page.click("[data-act=att-look]")
    looker.looked(f"{question}\n{context}", "bundled/qa-general")
    assert page.locator("#pg-att-overview canvas").is_visible()


def test_in_a_room_it_is_larger_and_still_fits(opened):
    looker = opened()
    page = looker.page
    looker.looked(TEXT, ENCODER)
    sizes = """() => [".pg-att-note", ".pg-lens-text", "#pg-att-overview h2, .pg-att-panel h2", ".pg-att-mark"]
      .map((name) => parseFloat(getComputedStyle(document.querySelector(name)).fontSize))"""
    page.wait_for_selector("#pg-att-head[data-drawn]")
    usual = page.evaluate(sizes)
    label = "parseFloat(document.querySelector('#pg-att-plot .ytick text').style.fontSize)"
    small = page.evaluate(label)
    page.evaluate("document.querySelector('[data-act=projector]').click()")
    page.wait_for_function(f"{label} > {small}")
    assert all(now > before for now, before in zip(page.evaluate(sizes), usual, strict=True))
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    page.evaluate("document.querySelector('[data-act=projector]').click()")
    page.wait_for_function(f"{label} === {small}")


def test_the_chosen_head_stays_while_the_model_does(opened):
    looker = opened(f"#page=attention&model={quote(ENCODER)}&part=encoder&layer=2&head=1&text={quote(TEXT)}")
    page = looker.page
    looker.looked(TEXT, ENCODER)
    page.fill("#pg-att-text", "Another text.")
    page.click("[data-act=att-look]")
    looker.looked("Another text.", ENCODER)
    assert page.evaluate("playground.look.head") == {"part": "encoder", "layer": 2, "head": 1}
    page.select_option("#pg-att-model", DECODER)
    looker.looked("Another text.", DECODER)
    assert page.evaluate("playground.look.head") == {"part": "decoder", "layer": 0, "head": 0}


def test_without_a_gap_it_is_said_what_the_answer_is_about(opened):
    looker = opened()
    looker.looked(TEXT, ENCODER)
    page = looker.page
    said = "the answer is the word that would stand at its first token."
    assert said not in page.inner_text("#pg-att-note")
    page.select_option("#pg-att-model", "bundled/fill-mask-general")
    looker.looked(TEXT, "bundled/fill-mask-general")
    assert page.inner_text("#pg-att-note").endswith(said)
    page.fill("#pg-att-text", "The dog [MASK] home.")
    page.click("[data-act=att-look]")
    looker.looked("The dog [MASK] home.", "bundled/fill-mask-general")
    assert said not in page.inner_text("#pg-att-note")
