"""bertviz' views as documents: its own scripts, unchanged, with our numbers in them once, and nothing of a text that could be code.

What a browser makes of them is in tests/e2e/test_attention_frames.py.
"""

import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.attention_types import AttentionMap, Head, Part, PartMap, PartName
from playground.inspection.sides import side
from playground.settings import ROOT
from playground.views.attention import bertviz
from playground.views.attention.bertviz import Drawn

VENDOR = ROOT / "assets" / "js" / "vendor"
# Of bertviz 1.4.1's wheel, and of the packages d3 5.7.0 and jquery 2.2.4 of npm.
DIGESTS = {
    "bertviz-head-view.js": "32885444af280c1745d0552da79d8dbad6ce52b5a6b4bd1ef5384cc4a917d7c0",
    "bertviz-model-view.js": "a22b6b559eebfb3898ff9b45930ca7a16f9e5fe9040b968d92e8c10991ea353c",
    "d3.min.js": "bdad5585ef9a965ff25458738309b006058c55f2c78d794d25fbecae35014609",
    "jquery.min.js": "05b85d96f41fff14d8f608dad03ab71e2c1017c2da0914d7c59291bad7a54f8e",
}
SCRIPTS = {name: (VENDOR / f"bertviz-{name}-view.js").read_text(encoding="utf-8") for name in ("head", "model")}
DRAW = {"head": bertviz.head_view, "model": bertviz.model_view}
EVIL = [
    "</script><img src=x onerror=alert(1)>",
    "<!--",
    "<script>",
    "]]>",
    "\"'\\",
    "\u2028\u2029",
    "&lt;",
    "${1}",
    "\x00",
    "\ud800",
]


def part_map(part, queries, keys, keep=None, seed=0):
    random = np.random.default_rng(seed)
    weights = random.random((part.layers, part.heads, queries, keys), np.float32)
    weights /= weights.sum(-1, keepdims=True)
    kept = range(part.layers) if keep is None else keep
    return PartMap(
        part,
        {layer: weights[layer] for layer in kept},
        np.zeros((part.layers, part.heads, 1, 1), np.uint8),
        np.zeros((part.layers, part.heads, 0), np.float32),
    )


def side_of(tokens):
    text = "".join(tokens)
    ends = np.cumsum([len(token) for token in tokens]).tolist()
    return side(text, tokens, list(zip([0, *ends[:-1]], ends, strict=True)), range(len(tokens)))


def encoder(tokens, layers=2, heads=3, keep=None):
    count = len(tokens)
    return AttentionMap((side_of(tokens),), (part_map(Part(PartName.ENCODER, layers, heads), count, count, keep),))


def rewriter(source, target):
    parts = (
        Part(PartName.ENCODER, 3, 4),
        Part(PartName.DECODER, 2, 4, 1, 1, causal=True),
        Part(PartName.CROSS, 2, 4, 1, 0),
    )
    sizes = (len(source), len(target))
    maps = tuple(part_map(part, sizes[part.queries], sizes[part.keys]) for part in parts)
    return AttentionMap((side_of(source), side_of(target)), maps)


def drawn(found, tokens):
    return [
        Drawn(
            one.part,
            tuple(sorted(one.weights)),
            tuple(one.weights[layer][:, :tokens, :tokens] for layer in sorted(one.weights)),
        )
        for one in found.parts
    ]


def document(view, found, chosen, tokens=48):
    return DRAW[view](found, bertviz.alike(drawn(found, tokens), chosen), chosen, tokens, SCRIPTS[view])


def params(text):
    """As the script would read them: JSON is JavaScript."""
    (line,) = [line for line in text.split("\n") if "const params = " in line]
    found, _ = json.JSONDecoder().raw_decode(line, line.index("{"))
    return found


class Elements(HTMLParser):
    """The names of a document's elements, in order."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)


@pytest.mark.parametrize("name", DIGESTS)
def test_the_scripts_of_others_are_theirs_and_their_licences_lie_beside_them(name):
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == DIGESTS[name]
    licence = (VENDOR / f"{name.split('.')[0].split('-')[0]}-LICENSE.txt").read_text()
    assert (
        "Apache License" in licence or "Redistribution and use" in licence or "Permission is hereby granted" in licence
    )
    assert "</script" not in (VENDOR / name).read_text(encoding="utf-8").lower()  # it is put between two tags


@pytest.mark.parametrize("view", SCRIPTS)
def test_each_script_gets_what_it_asks_for_and_gets_it_once(view):
    found = encoder(["[CLS]", " one", "two"])
    text = document(view, found, Head(PartName.ENCODER, 1, 2))
    read = params(text)
    assert set(re.findall(r"params\['(\w+)'\]", SCRIPTS[view])) == set(read)
    assert text.count('"left_text"') == 1
    assert text.count(bertviz.MARKER) == 1  # in its comment, as it stands in the file
    assert text.count(bertviz.LIBRARIES) == 1
    assert text.index(bertviz.LIBRARIES) < text.index('"left_text"')  # what replaces it cannot meet a text first
    assert not re.search(r"(src|href)=", text)
    assert "cdnjs" in SCRIPTS[view]
    assert not re.search(r"cdnjs|require\.config", text)  # no address of a library, not even one that nobody asks
    (one,) = read["attention"]
    np.testing.assert_allclose(one["attn"], found.parts[0].stack(), atol=5.1e-5)
    assert one["left_text"] == one["right_text"] == ["[CLS]", " one", "two"]
    assert read["include_layers"] == [1, 2]
    if view == "head":
        assert (read["layer"], read["heads"]) == (2, [2])
    else:
        assert (read["include_heads"], read["total_heads"], read["display_mode"]) == ([1, 2, 3], 3, "light")


@pytest.mark.parametrize("view", SCRIPTS)
def test_of_an_encoder_decoder_the_parts_that_are_alike_can_be_chosen(view):
    found = rewriter(["a", "b"], ["x", "y", "z"])
    alone = params(document(view, found, Head(PartName.ENCODER, 0, 0)))
    assert [one["name"] for one in alone["attention"]] == ["encoder"]
    text = document(view, found, Head(PartName.CROSS, 1, 3))
    both = params(text)
    assert [one["name"] for one in both["attention"]] == ["decoder", "decoder to encoder"]
    assert both["default_filter"] == "1"
    assert '<option value="1" selected>decoder to encoder</option>' in text
    assert (both["attention"][1]["left_text"], both["attention"][1]["right_text"]) == (["x", "y", "z"], ["a", "b"])


@pytest.mark.parametrize("view", SCRIPTS)
def test_no_token_can_be_code(view):
    found = encoder(EVIL)
    text = document(view, found, Head(PartName.ENCODER, 0, 0))
    plain = document(view, encoder(["a"] * len(EVIL)), Head(PartName.ENCODER, 0, 0))
    assert Elements(text).found == Elements(plain).found
    assert params(text)["attention"][0]["left_text"] == ["⏎⏎" if token == "\u2028\u2029" else token for token in EVIL]
    (line,) = [line for line in text.split("\n") if "const params = " in line]
    assert line.isascii()
    assert not set("<>&") & set(line)
    text.encode()  # a half of a character, too


@settings(max_examples=60)
@given(st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_whatever_tokens_there_are_the_document_stays_the_same_beside_them(tokens):
    chosen = Head(PartName.ENCODER, 0, 0)
    text, plain = (document("head", encoder(each), chosen) for each in (tokens, ["a"] * len(tokens)))
    cut = [re.sub(r"const params = .*", "", one) for one in (text, plain)]
    assert cut[0] == cut[1]
    read = params(text)["attention"][0]["left_text"]
    for shown, token in zip(read, tokens, strict=True):
        assert shown.split() == token.split() or set(shown) & set("␣⇥␍⏎⍽")


def test_blanks_are_seen_where_a_token_is_nothing_else():
    found = encoder([" ", "\n", " a", "a\nb", "\u00a0"])
    read = params(document("head", found, Head(PartName.ENCODER, 0, 0)))
    assert read["attention"][0]["left_text"] == ["␣", "⏎", " a", "a⏎b", "⍽"]


def test_long_texts_are_cut_to_their_first_tokens_and_say_so():
    found = encoder([f"t{number}" for number in range(128)], layers=12, heads=12)
    most = bertviz.head_view_tokens(found), bertviz.model_view_tokens(found)
    assert most == (48, 23)
    assert 12 * 12 * most[1] ** 2 <= bertviz.MOST_LINES
    assert not bertviz.all_layers(found, 48)
    assert "first 48 tokens of 128" in bertviz.cut_note(found, 48)
    small = encoder(["a", "b"])
    assert (bertviz.head_view_tokens(small), bertviz.model_view_tokens(small)) == (2, 2)
    assert bertviz.cut_note(small, 2) == ""
    assert bertviz.all_layers(small, 2)
    assert not bertviz.all_layers(encoder(["a", "b"], keep=[0]), 2)
    read = params(document("model", encoder([str(number) for number in range(60)]), Head(PartName.ENCODER, 0, 0), 32))
    weights = np.array(read["attention"][0]["attn"])
    assert weights.shape == (2, 3, 32, 32)
    assert (weights.sum(-1) < 1).all()  # as they are
    assert read["attention"][0]["left_text"] == [str(number) for number in range(32)]
