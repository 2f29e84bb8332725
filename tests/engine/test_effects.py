"""How much an answer changed: by hand, and what must hold of any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from playground.core.attention_types import AnswerKind, LensPlace, Option, Place
from playground.engine import effects
from playground.engine.insides import Question

CHOSEN = [AnswerKind.LABELS, AnswerKind.WORDS, AnswerKind.SPAN, AnswerKind.GAPS, AnswerKind.NEXT, AnswerKind.WRITTEN]
numbers = st.floats(-80, 80, width=32)


@st.composite
def pairs(draw, kinds):
    kind = draw(st.sampled_from(kinds))
    places = 1 if kind in (AnswerKind.MANY, AnswerKind.VECTOR) else draw(st.integers(1, 5))
    shape = (places, draw(st.integers(1, 7)))
    return kind, *(draw(arrays.arrays(np.float32, shape, elements=numbers)) for _ in range(2))


@given(pairs([*CHOSEN, AnswerKind.MANY, AnswerKind.SENTENCES]))
def test_an_effect_is_a_distance(pair):
    kind, before, after = pair
    found, back = effects.effect(kind, before, after), effects.effect(kind, after, before)
    assert 0 <= found.effect <= 1
    assert found.effect == pytest.approx(back.effect, abs=1e-9)
    assert abs(found.drop) <= 1
    assert effects.effect(kind, before, before) == effects.Effect(0.0, 0.0, False)
    if kind is not AnswerKind.MANY:
        assert abs(found.drop) <= found.effect * len(before) + 1e-9  # no probability changes by more than the distance
    if found.changed:
        assert found.effect > 0


@given(pairs([*CHOSEN, AnswerKind.SENTENCES]))
def test_shares_sum_to_one_and_what_all_logits_share_does_not_matter(pair):
    kind, before, _ = pair
    found = effects.shares(kind, before)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(-1), 1)
    np.testing.assert_allclose(found, effects.shares(kind, before + np.float32(3)), atol=1e-4)


@given(pairs([AnswerKind.VECTOR]))
def test_of_a_vector_it_is_what_the_cosine_loses(pair):
    kind, before, after = pair
    found = effects.effect(kind, before, after)
    assert 0 <= found.effect <= 1
    assert found.effect == min(1.0, found.drop)
    assert not found.changed
    if np.linalg.norm(before.astype(float)) > 1e-3:
        assert effects.effect(kind, before, 3 * before).effect == pytest.approx(0, abs=1e-6)
        assert effects.effect(kind, before, -before).effect == 1
    assert effects.effect(kind, before, 0 * before).effect == 1  # nothing has no direction


def test_by_hand():
    log = np.log(np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]), dtype=np.float32)
    other = np.log(np.array([[0.3, 0.6, 0.1], [0.5, 0.1, 0.4]]), dtype=np.float32)
    found = effects.effect(AnswerKind.WORDS, log, other)
    assert found.effect == pytest.approx((0.4 + 0.2) / 2)
    assert found.drop == pytest.approx((0.4 + 0.0) / 2)
    assert found.changed
    assert not effects.effect(AnswerKind.WORDS, log[1:], other[1:]).changed
    many = effects.effect(AnswerKind.MANY, np.array([[0.0, 2.0]], np.float32), np.array([[0.0, 0.0]], np.float32))
    lost = 1 / (1 + math.exp(-2)) - 0.5
    assert many.effect == pytest.approx(lost / 2)  # the mean over both labels
    assert many.drop == pytest.approx(lost)
    assert effects.shares(AnswerKind.MANY, np.array([[900.0, -900.0]])).tolist() == [[1.0, 0.0]]


def test_the_likeliest_before_and_after_are_shown():
    names = [f"n{at}" for at in range(40)]
    before, after = np.zeros((2, 1, 40), np.float32)
    before[0, :6] = [9, 8, 7, 6, 5, 4]
    after[0, 30:36] = [9, 8, 7, 6, 5, 4]
    (place,) = effects.places(Question(AnswerKind.NEXT, ("cat",), names.__getitem__), before, after)
    assert place.name == "cat"
    assert [one.text for one in place.options] == [f"n{at}" for at in (0, 1, 2, 3, 4, 30, 31, 32, 33, 34)]
    assert place.changed
    assert place.options[0].before == pytest.approx(place.options[5].after)
    assert place.options[0].before > 0.5
    (same,) = effects.places(Question(AnswerKind.LABELS, ("",), ("no", "yes")), before[:, :2], before[:, :2])
    assert [one.text for one in same.options] == ["no", "yes"]
    assert not same.changed
    vector = effects.places(Question(AnswerKind.VECTOR, ("",), ()), np.ones((1, 2)), np.array([[1.0, 0.0]]))
    assert vector == (Place("", (Option(effects.COSINE, 1.0, pytest.approx(math.sqrt(0.5))),)),)


@given(arrays.arrays(np.float64, st.integers(1, 30), elements=st.integers(-3, 3)), st.integers(1, 8))
def test_the_top_of_a_row_is_that_of_a_stable_sort(row, most):
    assert effects.top(row, most) == sorted(range(len(row)), key=lambda at: -row[at])[:most]


def test_a_layer_says_its_likeliest_and_how_likely_the_answer_is():
    question = Question(AnswerKind.NEXT, ("a", "b"), ("x", "y", "z"))
    last = np.log(np.array([[0.1, 0.8, 0.1], [0.6, 0.3, 0.1]]))
    layer = np.log(np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]))
    one, other = effects.lens_places(question, layer, last)
    assert [text for text, _ in one.options] == ["x", "y", "z"]
    assert one.final == pytest.approx(0.3)
    assert [text for text, _ in other.options] == ["z", "x", "y"]
    assert other.final == pytest.approx(0.2)
    vector = effects.lens_places(Question(AnswerKind.VECTOR, ("",), ()), np.ones((1, 2)), np.array([[1.0, 0.0]]))
    assert vector == (
        LensPlace((("cosine with the last layer's", pytest.approx(0.70710678)),), pytest.approx(0.70710678)),
    )
