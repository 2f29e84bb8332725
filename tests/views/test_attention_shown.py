"""Heads put together, tokens left out, the strongest kept, words instead of pieces: what must hold of any text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName, Side
from playground.core.errors import InputError
from playground.inspection.sides import side
from playground.views.attention.shown import Choice, Combine, groups, of_words, shown, strongest
from playground.views.attention.token_names import names

LAYERS, HEADS = 2, 3


def read(words: list[int]) -> Side:
    """A text of words with so many pieces each, between [CLS] and [SEP]."""
    text = " ".join("abcdef"[:pieces] for pieces in words)
    spans = [(at, at + 1) for at, sign in enumerate(text) if sign != " "]
    names = ["[CLS]", *(text[start:end] for start, end in spans), "[SEP]"]
    return side(text, names, [(0, 0), *spans, (0, 0)], range(len(names)))


def stochastic(generator, *shape) -> np.ndarray:
    weights = generator.random(shape) ** 4 + 1e-9
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def look(words: list[int], kept=range(LAYERS), other: list[int] | None = None) -> tuple[AttentionMap, PartMap]:
    sides = (read(words),) if other is None else (read(words), read(other))
    keys = len(sides) - 1
    weights = stochastic(np.random.default_rng(len(words)), LAYERS, HEADS, len(sides[0]), len(sides[keys]))
    part = Part(PartName.ENCODER if keys == 0 else PartName.CROSS, LAYERS, HEADS, 0, keys)
    nothing = np.zeros((LAYERS, HEADS, 0, 0), np.uint8)
    one = PartMap(part, {layer: weights[layer] for layer in kept}, nothing, np.zeros((LAYERS, HEADS, 0), np.float32))
    return AttentionMap(sides, (one,)), one


texts = st.lists(st.integers(1, 4), min_size=1, max_size=6)
combines = st.sampled_from(Combine)
masses = st.sampled_from([0.3, 0.5, 0.8, 0.95, 1.0])
choices = st.builds(Choice, combines, st.booleans(), st.booleans(), st.booleans(), masses)


@given(texts, st.integers(0, LAYERS - 1), st.integers(0, HEADS - 1), st.booleans())
def test_a_head_shown_whole_is_the_head(words, layer, head, crosses):
    found, one = look(words, other=[2, 1] if crosses else None)
    seen = shown(found, one, layer, head, Choice())
    np.testing.assert_array_equal(seen.weights, one.weights[layer][head])
    assert (seen.hidden, seen.blank) == (0, 0)
    assert seen.row_names == found.sides[0].tokens
    assert seen.column_names == found.sides[-1].tokens


@given(texts, combines, st.integers(0, LAYERS - 1))
def test_rows_of_words_sum_to_one(words, combine, layer):
    found, one = look(words)
    seen = shown(found, one, layer, 0, Choice(combine, words=True))
    assert seen.weights.shape == (len(words) + 2,) * 2
    assert seen.weights.max() <= 1 + 1e-5
    sums = seen.weights.sum(axis=1)
    if combine in (Combine.LAYER_MAX, Combine.ALL_MAX):
        assert (sums >= 1 - 1e-5).all()
        assert seen.hidden is None
        assert seen.blank is None
    else:
        np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert seen.row_names[1:-1] == tuple("abcdef"[:pieces] for pieces in words)
    assert sorted(place for places in seen.rows for place in places) == list(range(len(found.sides[0])))


def test_a_word_is_the_sum_of_its_pieces_looked_at_and_their_mean_looking():
    weights = np.array([[0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.5, 0.4, 0.1]], np.float32)
    of = of_words(weights, [(0,), (1, 2)], [(0,), (1, 2)])
    np.testing.assert_allclose(of, [[0.1, 0.9], [0.4, 0.6]], atol=1e-7)


def test_a_words_pieces_need_not_stand_together():
    text = side("ab", ["a", "x", "b"], [(0, 1), (0, 0), (1, 2)], [1, 2, 3])
    assert groups(text, words=True) == [(0, 2), (1,)]


@given(texts, choices, st.integers(0, LAYERS - 1), st.integers(0, HEADS - 1))
def test_what_is_shown_and_what_is_left_out_make_the_whole(words, choice, layer, head):
    found, one = look(words)
    seen = shown(found, one, layer, head, choice)
    rows, columns = seen.weights.shape
    assert (rows, columns) == (len(seen.rows), len(seen.columns)) == (len(seen.row_names), len(seen.column_names))
    if choice.hide_special:
        assert not any(found.sides[0].special[place] for places in seen.rows + seen.columns for place in places)
    if choice.hide_first:
        assert not any(0 in places for places in seen.rows + seen.columns)
    assert (np.isfinite(seen.weights).sum(axis=1) >= 1).all()
    if seen.hidden is not None:
        mean = np.nansum(seen.weights, axis=1, dtype=np.float64).mean()
        assert mean + seen.hidden + seen.blank == pytest.approx(1, abs=1e-4)


def test_weights_of_what_stays_are_as_they_were():
    found, one = look([2, 1, 3])
    seen = shown(found, one, 1, 2, Choice(hide_special=True))
    np.testing.assert_array_equal(seen.weights, one.weights[1][2][1:-1, 1:-1])
    assert seen.hidden == pytest.approx(float(one.weights[1][2][1:-1, [0, -1]].sum(axis=1).mean()), abs=1e-5)


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.floats(0, 1, width=32)),
    masses,
)
def test_the_fewest_keys_that_hold_the_mass_are_kept(weights, mass):
    kept = strongest(weights, mass)
    for row, keep in zip(weights.astype(float), kept, strict=True):
        assert keep.any()
        needed = mass * row.sum()
        assert row[keep].sum() >= needed * (1 - 1e-6)
        if mass < 1:
            fewer = np.sort(row)[::-1][: keep.sum() - 1]  # the strongest of one key less
            assert fewer.sum() <= needed * (1 + 1e-6)
            assert row[keep].min() >= row[~keep].max(initial=0)


@given(texts)
def test_means_and_greatest_of_heads(words):
    found, one = look(words)
    every = one.stack()
    for combine, wanted in {
        Combine.LAYER_MEAN: every[1].mean(axis=0),
        Combine.LAYER_MAX: every[1].max(axis=0),
        Combine.ALL_MEAN: every.mean(axis=(0, 1)),
        Combine.ALL_MAX: every.max(axis=(0, 1)),
    }.items():
        np.testing.assert_allclose(shown(found, one, 1, 0, Choice(combine)).weights, wanted, atol=1e-6)


def test_all_heads_of_a_map_that_is_not_whole_are_refused_and_a_kept_layer_is_not():
    found, one = look([1, 2], kept=[1])
    for combine in (Combine.ALL_MEAN, Combine.ALL_MAX):
        with pytest.raises(InputError, match="too long for all layers"):
            shown(found, one, 1, 0, Choice(combine))
    assert shown(found, one, 1, 0, Choice(Combine.LAYER_MEAN)).weights.shape == (5, 5)
    with pytest.raises(InputError, match="no such head"):
        shown(found, one, 0, 0, Choice())


def test_heads_that_there_are_not_and_texts_of_which_nothing_is_left():
    found, one = look([1])
    for head in (-1, HEADS):
        with pytest.raises(InputError, match="no such head"):
            shown(found, one, 0, head, Choice())
    only = side("", ["[CLS]"], [(0, 0)], [1])
    alone = PartMap(Part(PartName.ENCODER, 1, 1), {0: np.ones((1, 1, 1), np.float32)}, np.zeros(0), np.zeros(0))
    assert shown(AttentionMap((only,), (alone,)), alone, 0, 0, Choice()).weights.tolist() == [[1]]
    for choice in (Choice(hide_first=True), Choice(hide_special=True)):
        with pytest.raises(InputError, match="Nothing is left"):
            shown(AttentionMap((only,), (alone,)), alone, 0, 0, choice)


def test_the_pieces_of_one_character_are_numbered():
    text = side("a🤔\ufe0f b", ["a", "🤔", "🤔", "\ufe0f", " b"], [(0, 1), (1, 2), (1, 2), (2, 3), (3, 5)], range(5))
    assert names(text, groups(text, words=False)) == ("a", "🤔·1", "🤔·2", "U+FE0F", "␣b")
    assert names(text, groups(text, words=True)) == ("a", "🤔\ufe0f", "␣b")
