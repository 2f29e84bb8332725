"""Thumbnails: a byte stands for a weight on a fixed scale, and a block for its strongest weight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.attention_types import FAINTEST
from playground.inspection.thumbnails import MOST, thumbnails


def weight_of(level):
    """What the page reads in a byte."""
    return 0.0 if level == 0 else FAINTEST ** (1 - (level - 1) / 254)


def level_of(weight):
    (level,) = thumbnails(np.full((1, 1), weight, np.float32)).ravel().tolist()
    return level


def test_the_ends_of_the_scale():
    assert [level_of(weight) for weight in (0, FAINTEST * 0.99, FAINTEST * 1.0001, 0.01, 1)] == [0, 0, 1, 128, 255]
    assert level_of(1.0000001) == 255  # what rounding adds to a row


@given(st.floats(FAINTEST * 1.001, 1), st.floats(0, 1))
def test_a_byte_is_a_weight_within_half_a_step_and_more_is_never_less(weight, other):
    assert weight_of(level_of(weight)) == pytest.approx(weight, rel=0.0185)
    assert (level_of(weight) <= level_of(other)) or other <= weight


@pytest.mark.parametrize("tokens", [1, MOST, MOST + 1, 2 * MOST, 200, 512])
def test_of_many_tokens_each_point_is_the_strongest_of_its_block(tokens):
    weights = np.random.default_rng(tokens).random((2, tokens, tokens)).astype(np.float32) ** 8
    small, block = thumbnails(weights), -(-tokens // MOST)
    count = -(-tokens // block)
    assert small.dtype == np.uint8
    assert small.shape == (2, count, count)
    assert count <= MOST
    for row in (0, count // 2, count - 1):
        for column in (0, count // 3, count - 1):
            one = weights[1, row * block : (row + 1) * block, column * block : (column + 1) * block]
            assert small[1, row, column] == level_of(one.max())


def test_queries_and_keys_are_shrunk_each_by_their_own_number():
    assert thumbnails(np.zeros((3, 5, 200), np.float32)).shape == (3, 5, 50)
