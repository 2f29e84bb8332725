"""The panels under the ruler in Chromium: they fill when they are looked at, and follow the ruler."""

import csv
import io
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Visitor
from tests.e2e.layout import CONTRAST

pytestmark = pytest.mark.e2e
EVIL = "Café </script><img src=x onerror=alert(1)> 👩‍🚀"
PANELS = ("numbers", "languages", "chat", "embeddings")


class Reader(Visitor):
    """A visitor who comes for the tokenizer's page."""

    START, READY = "#page=tokens&text=" + quote(EVIL), "#pg-tab-tokens[data-shown] .pg-tok-total"

    def panel(self, name: str):
        """On screen, and filled."""
        self.page.wait_for_function(
            "name => { const place = document.getElementById('pg-tokens-' + name); place.scrollIntoView();"
            " return 'filled' in place.dataset && !place.hasAttribute('aria-busy'); }",
            arg=name,
            polling=200,
        )
        return self.page.locator(f"#pg-tokens-{name}")


@pytest.fixture(scope="module")
def usual_reader(server, usual):
    return lambda: Reader(usual, server.url)


@pytest.fixture
def reader(usual_reader):
    reader = usual_reader()
    yield reader
    reader.page.close()
    assert not reader.problems


def test_a_panel_asks_when_it_is_looked_at_and_follows_the_text(reader):
    assert not reader.questions("tokens_embeddings")
    assert not reader.questions("tokens_map") + reader.questions("tokens_neighbours")
    numbers = reader.panel("numbers")
    numbers.get_by_text("as a reader sees them").wait_for()
    before = numbers.locator(".pg-tokens-size b").first.inner_text()
    reader.page.fill("#pg-tok-text", "Hi")
    reader.page.wait_for_function(
        "before => document.querySelector('#pg-tokens-numbers .pg-tokens-size b').textContent !== before", arg=before
    )
    assert numbers.locator(".pg-tokens-size b").all_inner_texts() == ["2", "2", "2", "1"]
    ruler = [int(text) for text in reader.page.locator(".pg-tok-total").all_inner_texts()]
    bars = numbers.locator(".pg-tokens-value").all_inner_texts()
    assert [sum(map(int, text.split("+"))) for text in bars] == ruler
    name, content = reader.download("[data-act=tokens-csv]")
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert name == "tokens.csv"
    assert {int(line["tokens"]) for line in lines} == set(ruler)


def test_a_languages_sentence_goes_into_the_ruler(reader):
    languages = reader.panel("languages")
    hindi = languages.locator("button", has_text="Hindi")
    sentence = hindi.get_attribute("data-text")
    hindi.click()
    assert reader.page.input_value("#pg-tok-text") == sentence
    assert languages.locator("button", has_text="Arabic").locator("[dir=rtl]").count() == 1


def test_a_conversation_is_written_and_its_tokens_add_up(reader):
    chat = reader.panel("chat")
    chat.locator(".pg-chat-text").wait_for()
    chat.get_by_role("button", name="Add a message").click()
    added = chat.get_by_label("Text of message 5")
    assert added.evaluate("area => area === document.activeElement")
    added.fill(EVIL)
    chat.locator("tbody tr", has_text="onerror").wait_for()
    assert EVIL in chat.locator(".pg-chat-text").inner_text().replace("\n", "")
    tokens = [int(text) for text in chat.locator("tbody td[data-label=Tokens]").all_inner_texts()]
    assert len(tokens) == 6
    assert sum(tokens) == int(chat.locator("figcaption b").first.inner_text())
    chat.get_by_label("Move up: message 5").click()
    assert chat.get_by_label("Text of message 4").input_value() == EVIL
    chat.get_by_label("Remove: message 4").click()
    chat.locator("tbody tr", has_text="onerror").wait_for(state="detached")


def test_the_map_and_the_neighbours_follow_clicks_keys_and_pins(reader):
    peek = reader.panel("embeddings")
    peek.locator(".pg-peek-near li").first.wait_for()
    assert peek.locator(".pg-peek-near li").count() == 10
    point = peek.locator(".pg-map-point[aria-label^='cafe,']")
    point.locator("circle").last.click()
    peek.locator("h3", has_text="cafe").wait_for()
    assert point.get_attribute("data-chosen") is not None
    reader.page.keyboard.press("Tab")
    point.focus()
    reader.page.keyboard.press("ArrowRight")
    reader.page.keyboard.press("Enter")
    other = reader.page.locator(".pg-map-point:focus").get_attribute("aria-label").partition(",")[0]
    peek.locator("h3", has_text=other).wait_for()
    pinned = reader.page.evaluate(
        "() => { const id = [...document.querySelectorAll('#pg-peek-who option')].at(-1).value;"
        " document.dispatchEvent(new CustomEvent('pg:pin', { detail: { row: id, place: 1, id: 300, start: 0, end: 1 } }));"
        " return id; }"
    )
    peek.locator("h3", has_text="id 300").wait_for()
    assert peek.locator("#pg-peek-who").input_value() == pinned


def test_every_panel_can_be_read(reader):
    for name in PANELS:
        reader.panel(name)
    reader.page.locator(".pg-chat-text").wait_for()
    for theme in ("dark", "light"):
        reader.page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        for _ in range(40):  # colours pass into one another, on a busy machine slowly
            unreadable = reader.page.evaluate(CONTRAST)
            if not unreadable:
                break
            reader.page.wait_for_timeout(250)
        assert unreadable == []
    reader.page.set_viewport_size({"width": 390, "height": 844})
    assert reader.page.evaluate("document.documentElement.scrollWidth") == 390
