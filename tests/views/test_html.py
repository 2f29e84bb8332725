"""No raw markup of a user or a model survives."""

import html.parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.views.html import Html, el, escape, join
from tests.views.conftest import words

CONTROLS = [chr(code) for code in [*range(9), 11, 12, *range(14, 32), *range(127, 160), 0xD800, 0xDFFF]]


class Tags(html.parser.HTMLParser):
    """What a browser would see: elements with their attributes, and text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def parsed(markup):
    tags = Tags()
    tags.feed(markup)
    tags.close()
    return tags


@given(words)
def test_text_comes_out_as_text(text):
    found = parsed(el("b", text, title=text))
    shown = "".join(
        text if character not in CONTROLS and character not in "\ufffe\uffff" else "\ufffd"
        for character, text in zip(text, text, strict=True)
    )
    assert [tag for tag, _ in found.tags] == ["b"]
    assert set(found.tags[0][1]) == {"title"}
    assert "".join(found.text) == shown
    assert found.tags[0][1]["title"] == shown


@given(st.text())
def test_what_is_shown_can_be_sent(text):
    escape(text).encode("utf-8")


def test_html_passes_and_nothing_else():
    assert join([Html("<i>"), "<i>", None, 3, ["&"]]) == "<i>&lt;i&gt;3&amp;"
    assert el("input", type="checkbox", hidden=True, checked=False, name=None) == '<input type="checkbox" hidden>'


@pytest.mark.parametrize("name", ["onclick", "on_load", "x y", "", "Style"])
def test_no_handler_is_ever_an_attribute(name):
    with pytest.raises(ValueError, match="not an attribute"):
        el("b", **{name: "x"})
