"""Layers as a table that is read downwards, by the kind of answer."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.attention_types import AnswerKind, LayerLens, LensPlace
from playground.views.attention import layers
from tests.views.test_attention_ablation import EVIL, Tags


def lens(kind, places, rows, note=""):
    """rows: by layer, by place, (option, share) pairs."""
    last = [max(place, key=lambda pair: pair[1])[0] for place in rows[-1]]
    return LayerLens(
        kind,
        tuple(places),
        tuple(
            tuple(
                LensPlace(tuple(sorted(place, key=lambda pair: -pair[1])), dict(place).get(last[at], 0.0))
                for at, place in enumerate(row)
            )
            for row in rows
        ),
        note,
    )


def labels(*shares):
    return lens(AnswerKind.LABELS, [""], [[[("positive", share), ("negative", 1 - share)]] for share in shares])


@pytest.mark.parametrize(
    ("shares", "layer", "said"),
    [
        (
            (0.4, 0.6, 0.45, 0.7, 0.9),
            3,
            "From layer 3 on the likeliest answer stays “positive”: 0.70 there, 0.90 at the end.",
        ),
        (
            (0.6, 0.6, 0.7),
            0,
            "From the embeddings on the likeliest answer stays “positive”: 0.60 there, 0.70 at the end.",
        ),
        ((0.6, 0.6, 0.3), 2, "The likeliest answer becomes “negative” in the last layer: 0.70."),
    ],
)
def test_a_classifier_says_from_which_layer_on_its_answer_stands(shares, layer, said):
    found = labels(*shares)
    assert layers.decided(found) == layer
    assert layers.sentence(found) == said
    page = Tags(layers.lens(found))
    assert said in page.text
    decided = [number for number, row in enumerate(page.of("tr")[1:]) if "data-decided" in row]
    assert decided == [layer]


def test_layers_are_read_from_the_embeddings_down_to_the_answer():
    page = Tags(layers.lens(labels(0.4, 0.6, 0.9)))
    assert re.findall(r"embeddings|layer \d|the answer", page.text[page.text.index("embeddings") :])[:4] == [
        "embeddings", "layer 1", "layer 2", "the answer",
    ]  # fmt: skip
    assert "read downwards" in page.text
    assert "nostalgebraist 2020" in page.text
    assert "our own use" in page.text


def test_a_decoder_has_a_column_for_each_token_and_says_where_it_agrees_with_the_end():
    rows = [
        [[(" cat", 0.2), (" dog", 0.1)], [("\n", 0.3), (" cat", 0.2)]],
        [[(" dog", 0.4), (" cat", 0.3)], [("\n", 0.8), (" cat", 0.1)]],
    ]
    found = lens(AnswerKind.NEXT, ["The", " old"], rows, note="A note.")
    page = Tags(layers.lens(found))
    assert "after The" in page.text
    assert "after ␣old" in page.text
    assert "“interpreting GPT: the logit lens”" in page.text
    assert "A note." in page.text
    cells = [cell for cell in page.of("td") if "data-told" in cell]
    assert ["data-same" in cell for cell in cells] == [False, True, True, True]
    assert cells[0]["data-told"] == "embeddings, “The”: “␣cat” 0.20, “␣dog” 0.10. At the end “␣dog”: here 0.10."
    assert (
        layers.sentence(found) == "1 of 2 places has its final answer only from the last layer on; the others earlier."
    )


def test_of_many_tokens_the_last_are_shown_and_the_others_can_be():
    places = [f"t{number}" for number in range(40)]
    found = lens(AnswerKind.NEXT, places, [[[("a", 0.9)] for _ in places]] * 3)
    page = Tags(layers.lens(found))
    heads = [head for head in page.of("th") if head["scope"] == "col"][1:]
    assert ["data-early" in head for head in heads] == [True] * 16 + [False] * 24
    assert "show the 16 places before these too" in page.text
    few = lens(AnswerKind.NEXT, places[:24], [[[("a", 0.9)] for _ in places[:24]]] * 3)
    assert "before these too" not in Tags(layers.lens(few)).text
    assert layers.sentence(found) == "All 40 places have their final answer from the embeddings on."


def test_words_gaps_and_ends_have_their_names():
    rows = [[[("O", 0.9)], [("O", 0.8), ("B", 0.2)]], [[("O", 0.9)], [("B", 0.8), ("O", 0.2)]]]
    for kind, name, what in (
        (AnswerKind.WORDS, "words", "answer"),
        (AnswerKind.GAPS, "gaps", "answer"),
        (AnswerKind.SPAN, "ends of the answer", "place"),
    ):
        assert layers.sentence(lens(kind, ["a", "b"], rows)) == (
            f"1 of 2 {name} has its final {what} only from the last layer on; the others earlier."
        )
    assert "gap 1" in Tags(layers.lens(lens(AnswerKind.GAPS, ["gap 1", "gap 2"], rows))).text
    both = lens(AnswerKind.SPAN, ["start", "end"], [rows[0], rows[0]])
    assert layers.sentence(both) == "Both ends of the answer have their final place from the embeddings on."


def test_a_vector_has_the_cosine_with_the_one_at_the_end():
    rows = tuple((LensPlace((("cosine", value),), value),) for value in (0.2, 0.37, 1.0))
    found = LayerLens(AnswerKind.VECTOR, ("",), rows)
    page = Tags(layers.lens(found))
    assert "a cosine of 0.37 with" in page.text
    assert "cosine with the vector at the end" in page.text
    assert "0.20" in page.text
    assert "from here on" not in page.text


def test_what_a_layer_does_not_name_is_unknown():
    found = lens(AnswerKind.LABELS, [""], [[[("x", 0.1)]], [[("a", 0.6), ("b", 0.2)]]])
    page = Tags(layers.lens(found))
    heads = [text for text in page.data if text in ("a", "b", "x")]
    assert heads == ["a", "b", "x"]
    assert page.text.count("–") == 2


def test_what_somebody_wrote_is_no_markup():
    for kind in AnswerKind:
        for places in ([EVIL], [EVIL] * 5):
            found = lens(kind, places, [[[(EVIL, 0.9), ("x" + EVIL, 0.1)] for _ in places]] * 2, note=EVIL)
            assert not {"script", "img"} & {tag for tag, _ in Tags(layers.lens(found)).found}


OPTIONS = st.dictionaries(st.text(max_size=4), st.floats(0, 1), min_size=1, max_size=6).map(
    lambda found: list(found.items())
)


@given(
    st.sampled_from(list(AnswerKind)),
    st.integers(1, 30).flatmap(
        lambda places: st.lists(st.lists(OPTIONS, min_size=places, max_size=places), min_size=1, max_size=4)
    ),
)
def test_any_lens_is_a_table_with_a_row_for_each_layer(kind, rows):
    found = lens(kind, [f"p{at}" for at in range(len(rows[0]))], rows)
    page = Tags(layers.lens(found))
    assert len(page.of("tr")) == len(rows) + 1
    assert layers.sentence(found).endswith(".")


def test_how_likely_the_last_answer_was_is_known_of_every_layer():
    found = LayerLens(
        AnswerKind.LABELS, ("",), ((LensPlace((("x", 0.3),), 0.02),), (LensPlace((("a", 0.6), ("b", 0.2)), 0.6),))
    )
    assert "embeddings 0.02 – 0.30" in Tags(layers.lens(found)).text
