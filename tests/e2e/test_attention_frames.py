"""bertviz' views in Chromium, in frames that reach nothing; and what can be taken from the attention page."""

import io
from urllib.parse import quote

import numpy as np
import pytest

from playground.core.attention_types import Head, PartName
from playground.settings import ROOT
from playground.views.attention import bertviz
from tests.e2e.conftest import Server, Visitor
from tests.e2e.layout import CONTRAST, NAMELESS
from tests.views.test_attention_bertviz import document, encoder

pytestmark = pytest.mark.e2e
ADAPTER, TRANSLATOR = "bundled/sentiment-general", "bundled/translation-general"
TEXT = "The dog ran, but the cat sat."
EVIL = [
    "</script><img src=x onerror='window.ran=1'>",
    "<!--",
    "<script>window.ran=1</script>",
    "]]>",
    "\"'`${window.ran=1}\\",
    "a\u2028window.ran=1;//",
    "<svg onload='window.ran=1'>",
    "PYTHON_PARAMS",
    "$&$`$'",
]


class Looker(Visitor):
    """A visitor of the attention page."""

    def __init__(self, context, url, model=ADAPTER, text=TEXT, more=""):
        super().__init__(context, url, f"#page=attention&model={model}{more}&text={quote(text)}")
        self.page.wait_for_function("window.playground?.look?.map")

    def view(self, name):
        return self.page.locator(f".pg-att-frame:has(button[data-view={name}])")

    def draw(self, name):
        """The frame's document, once it is drawn."""
        self.view(name).locator("button").click()
        self.view(name).locator("iframe").wait_for()
        frame = self.view(name).locator("iframe").element_handle().content_frame()
        frame.wait_for_selector("#vis svg")
        return frame

    def note(self, name):
        return self.view(name).locator(".pg-att-frame-note").inner_text()


@pytest.fixture
def looker(server, usual):
    visitors = []

    def start(*arguments, url=None, **options):
        visitors.append(Looker(usual, url or server.url, *arguments, **options))
        return visitors[-1]

    yield start
    for visitor in visitors:
        visitor.page.close()
        assert not visitor.problems


def texts(frame, side):
    return frame.locator(f"#vis #{side} text").all_text_contents()


def test_the_head_view_shows_the_chosen_head_and_asks_for_nothing_more(looker):
    visitor = looker(more="&part=encoder&layer=1&head=2")
    visitor.page.wait_for_selector("#pg-att-head[data-drawn]")  # the plot's own script is there
    asked = []
    visitor.page.on("request", lambda request: asked.append((request.frame, request.url)))
    assert visitor.view("head").locator("iframe").count() == 0  # nothing is sent before it is asked for
    frame = visitor.draw("head")
    assert visitor.view("head").locator("iframe").get_attribute("sandbox") == "allow-scripts"
    assert (
        texts(frame, "left")
        == texts(frame, "right")
        == ["[CLS]", "The", "dog", "ran", ",", "but", "the", "cat", "sat", ".", "[SEP]"]
    )
    assert frame.locator("#layer").input_value() == "2"
    assert frame.locator("#layer option").all_inner_texts() == ["1", "2", "3"]
    lines = "[...document.querySelectorAll('line')].filter(line => Number(line.getAttribute('stroke-opacity')) > 0)"
    heads = frame.evaluate(
        f"[...new Set({lines}.map(line => line.closest('[head-index]').getAttribute('head-index')))]"
    )
    assert heads == ["2"]
    assert "layer 2 · head 3" in visitor.note("head")
    frame.select_option("#layer", "3")
    assert frame.locator("line").count() == 4 * 11 * 11
    assert [url for requested, url in asked if requested == frame and not url.startswith("about:")] == []
    assert {url.split("?")[0].rsplit("/", 1)[-1] for _, url in asked} <= {
        "ask",
        "jquery.min.js",
        "d3.min.js",
        "about:srcdoc",
    }


def test_the_model_view_shows_every_head_and_opens_one(looker):
    visitor = looker()
    frame = visitor.draw("model")
    assert frame.locator(".attn_background").count() == 3 * 4
    frame.locator("#vis svg > g > rect").nth(1).click(position={"x": 20, "y": 20})
    assert "Layer 1, Head 1" in frame.locator("svg text.detail").all_text_contents()
    assert "ran" in frame.locator("text.token").all_text_contents()


def test_a_frame_is_as_high_as_what_is_in_it_and_no_higher_than_a_page_allows(looker):
    visitor = looker()
    for name in ("head", "model"):
        frame = visitor.draw(name)
        visitor.page.wait_for_timeout(300)
        inside, given = frame.evaluate("[document.documentElement.scrollHeight, innerHeight]")
        assert inside <= given <= inside + 40
    frame.evaluate("parent.postMessage({ height: 1e9 }, '*')")
    height = "document.querySelector('iframe[data-view=model]').offsetHeight"
    visitor.page.wait_for_function(f"{height} >= 6000")
    assert visitor.page.evaluate(height) <= 6002
    frame.evaluate("parent.postMessage({ height: 700 }, '*')")
    visitor.page.wait_for_function(f"{height} < 710")
    for wrong in ("null", "'1000px'", "{ height: -5 }", "{ height: {} }", "{ height: NaN }", "{ html: '<b>' }"):
        frame.evaluate(f"parent.postMessage({wrong}, '*')")
    visitor.page.evaluate("window.postMessage({ height: 3000 }, '*')")  # it is no frame of ours
    visitor.page.wait_for_timeout(200)
    assert visitor.page.evaluate(height) < 710


def test_what_is_drawn_goes_with_the_look_that_it_is_of(looker):
    visitor = looker()
    visitor.draw("head")
    visitor.page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 2, head: 0 })")
    assert visitor.view("head").locator("button").inner_text() == "Draw the head view of layer 3"
    assert "layer 1 · head 1" in visitor.note("head")  # what is drawn is still that
    visitor.page.fill("#pg-att-text", "Another text.")
    visitor.page.press("#pg-att-text", "Control+Enter")
    visitor.page.wait_for_function("!document.querySelector('.pg-att-bertviz')")
    assert visitor.note("head") == ""
    assert texts(visitor.draw("head"), "left") == ["[CLS]", "Anothe", "r", "text", ".", "[SEP]"]


def test_of_a_long_text_each_view_says_what_it_leaves_out(looker):
    visitor = looker(text="a dog " * 90)
    frame = visitor.draw("head")
    assert len(texts(frame, "left")) == 48
    assert "first 48 tokens of 182" in visitor.note("head")
    assert frame.locator("#layer option").all_inner_texts() == ["1"]
    frame = visitor.draw("model")
    assert frame.locator("line").count() == 3 * 4 * 32 * 32
    assert "first 32 tokens of 182" in visitor.note("model")


def test_of_an_encoder_decoder_the_parts_are_chosen_in_the_frame(looker):
    visitor = looker(TRANSLATOR, "I like cats.", more="&part=cross&layer=0&head=1")
    frame = visitor.draw("head")
    assert texts(frame, "right")[0] == "I"
    assert texts(frame, "left")[0] == "<pad>"
    assert "decoder to encoder" in visitor.note("head")
    visitor.page.evaluate("playground.look.chooseHead({ part: 'encoder', layer: 0, head: 0 })")
    assert texts(visitor.draw("head"), "left")[0] == "I"


@pytest.mark.parametrize("view", ["head", "model"])
def test_no_token_runs_and_every_token_is_shown_as_it_is(looker, view):
    """The document of tokens that no tokenizer would make, in the frame that the page makes of it."""
    visitor = looker()
    page = visitor.page
    scripts = "".join(
        f"<script>{(ROOT / 'assets/js/vendor' / name).read_text()}</script>" for name in ("jquery.min.js", "d3.min.js")
    )
    text = document(view, encoder(EVIL), Head(PartName.ENCODER, 0, 0)).replace(bertviz.LIBRARIES, scripts)
    frame = visitor.draw(view)
    counted = "[...new Set([...document.querySelectorAll('body *')].map(e => e.tagName.toLowerCase()))].sort().join()"
    usual = frame.evaluate(counted)
    page.evaluate(
        "([name, text]) => { document.querySelector(`iframe[data-view=${name}]`).srcdoc = text; }", [view, text]
    )
    page.wait_for_timeout(300)
    frame = visitor.view(view).locator("iframe").element_handle().content_frame()
    frame.wait_for_selector("#vis svg")
    assert frame.evaluate("window.ran") is None
    assert frame.evaluate(counted) == usual
    assert frame.evaluate("document.scripts.length") == 5
    if view == "model":
        frame.locator("#vis svg > g > rect").nth(1).click(position={"x": 10, "y": 10})
    shown = frame.locator("#vis #left text, #vis text.token").all_text_contents()
    assert shown[: len(EVIL)] == [token.replace("\u2028", "⏎") for token in EVIL]
    assert page.evaluate("window.ran") is None


def test_what_is_typed_comes_as_text_whatever_it_is(looker):
    text = "</script><img src=x onerror=parent.ran=1> <!-- ]]> \"quoted\" 'it' \u2028 &lt;b&gt;"
    visitor = looker(text=text)
    for view in ("head", "model"):
        frame = visitor.draw(view)
        assert frame.evaluate("document.images.length") == 0
    shown = "".join(texts(visitor.view("head").locator("iframe").element_handle().content_frame(), "left"))
    assert "</script><imgsrc=xonerror=parent.ran=1>" in shown
    assert "&lt;b&gt;" in shown
    assert visitor.page.evaluate("window.ran") is None


def test_the_frame_reaches_neither_the_page_nor_a_server(server, usual):
    visitor = Looker(usual, server.url)
    frame = visitor.draw("head")
    tried = """async (address) => {
      const tell = async (act) => { try { await act(); return "reached"; } catch (error) { return error.name; } };
      return [await tell(() => parent.document.title), await tell(() => localStorage.length), await tell(() => document.cookie),
        await tell(() => fetch(address)), await tell(() => { top.location = address; }), origin];
    }"""
    found = frame.evaluate(tried, server.url)
    assert found == ["SecurityError", "SecurityError", "SecurityError", "TypeError", "SecurityError", "null"]
    assert visitor.page.url.startswith(server.url + "#page=attention")
    visitor.page.close()  # its console complains of what was tried


def test_behind_a_root_path_it_is_drawn_as_well(browser):
    from tests.e2e.conftest import new_context

    server = Server("--under", "/space", path="/space/")
    context = new_context(browser, server.url)
    try:
        visitor = Looker(context, server.url)
        assert texts(visitor.draw("head"), "left")[1] == "The"
        _, content = visitor.download("[data-act=att-npz]")
        assert np.load(io.BytesIO(content))["attention"].shape == (3, 4, 11, 11)
        assert not visitor.problems
    finally:
        context.close()
        server.close()


def test_pictures_weights_and_code_are_taken_along(looker):
    visitor = looker(more="&part=encoder&layer=1&head=2")
    page = visitor.page
    page.wait_for_selector("#pg-att-head .js-plotly-plot .xtick")
    page.wait_for_function("window.Plotly && document.querySelector('#pg-att-head .js-plotly-plot').data")
    name, png = visitor.download("[data-act=att-heatmap][data-kind=png]")
    assert (name, png[:8]) == ("sentiment-general-layer-2-head-3.png", b"\x89PNG\r\n\x1a\n")
    name, svg = visitor.download("[data-act=att-heatmap][data-kind=svg]")
    assert name.endswith(".svg")
    assert "layer 2 · head 3" in svg.decode()
    assert "<script" not in svg.decode()
    name, png = visitor.download("[data-act=att-overview-png]")
    assert (name, png[:8]) == ("sentiment-general-heads.png", b"\x89PNG\r\n\x1a\n")
    name, content = visitor.download("[data-act=att-npz]")
    assert name == "sentiment-general-attention.npz"
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert arrays["attention"].shape == (3, 4, 11, 11)
        np.testing.assert_allclose(arrays["attention"].sum(-1), 1, atol=1e-5)
        assert arrays["tokens"].tolist()[1:4] == ["The", "dog", "ran"]
    page.click("[data-act=att-code]")
    code = page.locator("dialog[open] code").inner_text()
    assert TEXT in code
    assert "layer, head = 1, 2" in code
    compile(code, "code", "exec")
    page.click("dialog[open] [data-act=copy]")
    page.wait_for_selector("dialog[open] >> text=Copied")
    assert page.evaluate("navigator.clipboard.readText()").strip() == code.strip()


def test_without_a_look_there_is_nothing_to_take(looker):
    visitor = looker()
    panels = ".pg-att-panel-bertviz button, .pg-att-panel-export button"
    page = visitor.page
    assert page.locator(panels).count() == 7
    assert page.locator(f":is({panels}):disabled").count() == 0
    page.evaluate("document.dispatchEvent(new CustomEvent('pg:look', { detail: null }))")
    assert page.locator(f":is({panels}):disabled").count() == 7


@pytest.mark.parametrize("width", [1440, 820, 390])
def test_both_panels_fit_and_can_be_read_in_both_themes(looker, width):
    visitor = looker()
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 900})
    for name in ("head", "model"):
        visitor.draw(name)
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        assert [line for line in page.evaluate(CONTRAST) if "pg-att-frame" in line or "export" in line] == []
    assert page.evaluate(NAMELESS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for name in ("head", "model"):
        frame, panel = visitor.view(name).locator("iframe").bounding_box(), visitor.view(name).bounding_box()
        assert frame["x"] + frame["width"] <= panel["x"] + panel["width"] + 0.5
    visitor.view("model").locator("button").focus()
    page.keyboard.press("Enter")  # by keys, too
    page.wait_for_selector(".pg-att-frame button[data-view=model]:not([aria-busy])")
