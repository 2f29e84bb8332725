"""Counting characters: a distribution, the rule worked out by hand, and longer contexts that help."""

import math
from itertools import product

import pytest

from playground.training.character_counts import nats_per_character

TRAIN = "abracadabra, abracadabra!"


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_probabilities_of_what_may_follow_add_up_to_one(order):
    """Of all texts of two letters, the first one's share times the second one's."""
    letters = sorted(set(TRAIN))
    texts = ["".join(pair) for pair in product(letters, repeat=2)]
    total = sum(math.exp(-2 * nats_per_character(TRAIN, text, order)) for text in texts)
    assert total == pytest.approx(1)


def test_it_is_witten_and_bells_rule():
    """In "aab" a was followed by a and by b, once each: two kinds. a and b themselves: 2 and 1 of 3, two kinds."""
    a, b = ((count + 2 * 1 / 2) / (3 + 2) for count in (2, 1))
    after_a = {"a": (1 + 2 * a) / (2 + 2), "b": (1 + 2 * b) / (2 + 2)}
    expected = -(math.log(a) + math.log(after_a["a"]) + math.log(after_a["b"])) / 3
    assert nats_per_character("aab", "aab", 2) == pytest.approx(expected)


def test_longer_contexts_help_and_unseen_letters_cost():
    text = "the cat sat on the mat. " * 20
    found = [nats_per_character(text, "the cat sat on the mat. ", order) for order in (1, 2, 3, 5)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.3
    assert nats_per_character(text, "7", 3) > 4
