"""The panel “What kind of head is this?” as HTML: every number with its formula, and what is not known with its reason."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from playground.core.attention_types import Part, PartMap, PartName, RepeatScores
from playground.core.head_measures import MEASURES, PLACES
from playground.views.attention.kinds import kind_of_head, labels, repeats

DECODER = Part(PartName.DECODER, 2, 3, causal=True)


class Tags(HTMLParser):
    """tags: (name, attributes). rows: of each table row the text of its cells."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.rows, self.text, self.inside = [], [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.inside = False

    def handle_data(self, data):
        self.text.append(data)
        if self.inside:
            self.rows[-1][-1] += data


def part_map(part=DECODER, even=None, **scores):
    """Every head has these scores, and no others."""
    table = np.full((part.layers, part.heads, len(MEASURES)), np.nan, np.float32)
    for name, value in scores.items():
        table[..., PLACES[name]] = value
    return PartMap(part, {}, np.zeros((part.layers, part.heads, 1, 1), np.uint8), table, even)


def rows(html):
    return {cells[0]: cells[1:] for cells in Tags(html).rows[1:]}


def test_labels_are_by_layer_and_head():
    found = part_map()
    found.scores[1, 2, PLACES["induction"]] = 0.9
    found.scores[0, 1, PLACES["previous"]] = 0.6
    assert labels(found) == [["", "previous token", ""], ["", "", "induction"]]


def test_every_measure_stands_there_with_its_formula_and_source():
    even = np.full(len(MEASURES), 0.25, np.float32)
    html = kind_of_head(part_map(even=even, previous=0.734, entropy=1.5, distance=12.34, first=0.2), 1, 2, True)
    table = rows(html)
    assert list(table) == [measure.title for measure in MEASURES]
    for measure in MEASURES:
        assert table[measure.title][3] == measure.formula + measure.source
    assert table["Previous token"][:3] == ["0.73", "0.25", "0.5"]
    assert table["Entropy"][:3] == ["1.50 nats", "0.25", "–"]
    assert table["Mean distance"][0] == "12.3 tokens"
    assert "layer 2 · head 3" in html
    assert '<b class="pg-att-kind-label">previous token</b> Each token looks at the one before it.' in html
    named = [attributes for tag, attributes in Tags(html).tags if tag == "tr" and "data-named" in attributes]
    assert len(named) == 1


def test_bars_say_what_the_numbers_say():
    even = np.full(len(MEASURES), np.nan, np.float32)
    even[[PLACES["entropy"], PLACES["first"]]] = 3.0, 0.1
    html = kind_of_head(part_map(even=even, first=0.45, entropy=1.5, distance=3), 0, 0, True)
    found = re.findall(r'class="pg-att-kind-bar".*?(?=</td>)', html)
    assert len(found) == 2, "a distance has no end"
    assert [re.findall(r"--value:([\d.]+)%", bar) for bar in found] == [["50.0", "100.0"], ["45.0", "60.0", "10.0"]]
    assert html.count('aria-hidden="true"') == 2


def test_where_nothing_dominates_the_nearest_is_named():
    html = kind_of_head(part_map(previous=0.4, first=0.3), 0, 0, True)
    assert "no label" in html
    assert "nearest is “Previous token” with 0.40 of 0.5." in html
    assert "with 0.4962 of 0.5." in kind_of_head(part_map(previous=0.4962), 0, 0, True)
    assert "data-named" not in html
    assert "too short to tell" in kind_of_head(part_map(entropy=0, distance=0), 0, 0, False)


def test_a_score_that_is_not_known_says_why():
    table = rows(kind_of_head(part_map(entropy=1), 0, 0, False))
    assert table["Induction"][0] == "–no repeated token in this text that something else follows"
    assert table["Same token"][0] == "–no repeated token in this text"
    assert table["Next token"][0] == "–no token sees what comes after it"
    assert table["Induction"][1] == "–", "nor what looking everywhere alike would give"
    table = rows(kind_of_head(part_map(entropy=1), 0, 0, True))
    assert table["Induction"][0].startswith("–a token is repeated, but")
    table = rows(kind_of_head(part_map(Part(PartName.CROSS, 1, 1), entropy=1), 0, 0, True))
    assert table["Itself"][0] == "–says nothing between two texts"
    assert table["Separators"][0] == "–no special token but the first is seen"
    assert table["Next token"][0] == "–says nothing between two texts"


def scored(scores, previous=None):
    scores = np.asarray(scores, np.float32)
    previous = np.zeros_like(scores) if previous is None else np.asarray(previous, np.float32)
    return RepeatScores(Part(PartName.DECODER, *scores.shape, causal=True), scores, previous, 0.0312, 8, 48)


def test_the_test_names_induction_heads_and_the_head_below_that_they_build_on():
    found = scored([[0.01, 0.02, 0], [0.91, 0.3, 0.95]], [[0.02, 0.97, 0], [0, 0.9, 0]])
    html = repeats(found)
    text = "".join(Tags(html).text)
    assert "2 induction heads layer 2 · head 3 (0.95) and layer 2 · head 1 (0.91)." in text
    assert "Below, layer 1 · head 2 (0.97) looks at the token just before" in text
    assert "0.031" in text
    buttons = [attributes for tag, attributes in Tags(html).tags if tag == "button"]
    assert [(one["data-layer"], one["data-head"]) for one in buttons] == [
        (str(a), str(b)) for a in (0, 1) for b in (0, 1, 2)
    ]
    assert ["data-induction" in one for one in buttons] == [False, False, False, True, False, True]
    assert ["data-strongest" in one for one in buttons] == [False] * 5 + [True]
    assert buttons[5]["aria-label"] == (
        "layer 2 · head 3: 0.95 at what came next, 0.00 at the token just before; an induction head; the strongest"
    )
    assert buttons[3]["style"] == "--value:41.0%"
    assert buttons[0]["data-part"] == "decoder"
    assert rows(html)["layer 2"] == ["0.91", "0.30", "0.95"]


def test_where_there_is_none_the_strongest_is_said_beside_chance():
    html = repeats(scored([[0.06, 0.05]]))
    assert "no induction head" in html
    assert "The strongest, layer 1 · head 1, looks with 0.06 of its weight" in html
    assert "would give 0.03." in html
    assert "data-induction" not in html


def test_many_heads_are_named_in_part():
    html = repeats(scored(np.full((2, 17), 0.5)))
    assert "34 induction heads" in html
    assert "and 28 more." in html
    assert "data-many" in html


@pytest.mark.parametrize("html", [kind_of_head(part_map(previous=1), 0, 0, True), repeats(scored([[0.5]]))])
def test_tables_have_captions_scopes_and_a_name_for_the_keyboard(html):
    tags = Tags(html).tags
    assert any(tag == "caption" for tag, _ in tags)
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert any(attributes.get("role") == "region" and attributes.get("tabindex") == "0" for _, attributes in tags)


def test_an_induction_label_leads_to_the_test():
    assert "the test with random tokens" in kind_of_head(part_map(induction=0.9), 0, 0, True)
    assert "the test with random tokens" not in kind_of_head(part_map(previous=0.9), 0, 0, True)
