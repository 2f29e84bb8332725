"""The heatmap's figure: exact numbers, and tokens that stay text whatever they are."""

import base64
import html
import json
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from playground.views.attention.heatmap import LONGEST, figure, label, sentence
from playground.views.attention.shown import Shown
from playground.views.attention.token_names import visible
from tests.views.conftest import HOSTILE

EVIL = [
    *HOSTILE,
    "<b>",
    "</script>",
    "<!--",
    "&lt;",
    "<br>",
    '<a href="javascript:x()">',
    "שלום",
    "👩‍🚀",
    "\n",
    " ",
    "",
]


def of(weights, rows=None, columns=None) -> Shown:
    weights = np.asarray(weights, np.float32)
    rows = rows or tuple(f"q{at}" for at in range(weights.shape[0]))
    columns = columns or tuple(f"k{at}" for at in range(weights.shape[1]))
    return Shown(
        weights,
        tuple((at,) for at in range(len(rows))),
        tuple((at,) for at in range(len(columns))),
        rows,
        columns,
        0,
        0,
    )


def test_the_figure_holds_the_very_weights_and_can_be_sent():
    weights = np.array([[0.1, 0.9], [np.nan, 1 / 3], [0, 1]], np.float32)
    sent = json.loads(json.dumps(figure(of(weights))))
    [trace] = sent["data"]
    assert trace["z"]["dtype"] == "f4"
    rows, columns = map(int, trace["z"]["shape"].split(","))
    found = np.frombuffer(base64.b64decode(trace["z"]["bdata"]), "<f4").reshape(rows, columns)
    np.testing.assert_array_equal(found, weights)
    assert (trace["zmin"], trace["zmax"]) == (0, 1)  # one scale for every head
    assert sent["layout"]["yaxis"]["range"] == [2.5, -0.5]  # rows from top to bottom
    assert sent["layout"]["xaxis"]["ticktext"] == ["k0", "k1"]
    assert sent["layout"]["yaxis"]["tickvals"] == [0, 1, 2]


@given(st.one_of(st.sampled_from(EVIL), st.text(max_size=20)))
def test_a_label_has_no_tag_and_no_entity_but_those_that_say_its_own_signs(name):
    made = label(visible(name))
    assert made
    assert not re.search(r"[<>\n\r\t]", made)
    shown = html.unescape(made)
    assert len(shown) <= LONGEST
    assert re.sub("&(?:amp|lt|gt);", "", made).count("&") == 0
    assert shown == visible(name) or (shown.endswith("…") and visible(name).startswith(shown[:-1]))
    assert not shown.isspace()
    made.encode()  # no half of a character


def test_a_label_that_is_cut_keeps_its_entities_whole():
    assert label("<" * 40) == "&lt;" * (LONGEST - 1) + "…"


def test_the_strongest_links_in_words():
    found = of([[0.1, 0.9], [0.6, np.nan]], ("it", "<b>"), ("dog", "␣"))
    assert sentence(found) == "Strongest: “it” to “␣” 0.90, “<b>” to “dog” 0.60, “it” to “dog” 0.10."
    assert sentence(of([[0.0]])) == "No weight is shown."
