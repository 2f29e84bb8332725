"""Which sentences are taken: centrality by hand, redundancy removed, headings left for last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import picking
from playground.core.picking import central, centrality, ranked

LONG = [f"{word} is a sentence of words" for word in "one two three four five six".split()]


def vectors_of(*rows):
    found = np.array(rows, dtype=np.float64)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_centrality_by_hand():
    likeness = np.array([[1, 0.9, 0.1], [0.9, 1, 0.5], [0.1, 0.5, 1]])
    # cut: 0.1 + 0.4 * 0.8 = 0.42; what is over it: 0.48 between the first two, 0.08 between the last two
    assert centrality(likeness) == pytest.approx([0.48, 0.08 + 0.8 * 0.48, 0.8 * 0.08])


def test_the_sentence_like_all_others_is_taken_and_of_two_alike_the_first():
    assert central(vectors_of([1, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1]), LONG[:4], 1) == [1]
    assert central(vectors_of([1, 1], [1, 0]), LONG[:2], 1) == [0]
    assert central(vectors_of([1, 0], [1, 0], [1, 0]), LONG[:3], 1) == [0]


def test_what_was_said_is_not_said_again():
    rows = vectors_of([1, 0.2, 0.2], [1, 0.2, 0.2], [1, 0.2, 0.2], [0.3, 1, 0], [0.3, 0, 1])
    taken = central(rows, LONG[:5], 2)
    assert len({0, 1, 2} & set(taken)) == 1
    assert taken == sorted(taken)


def test_repetitions_come_after_all_else():
    rows = vectors_of([1, 0.2, 0.2], [1, 0.2, 0.2], [0.3, 1, 0], [0.3, 0, 1])
    assert central(rows, LONG[:4], 3) == [0, 2, 3]
    assert central(rows, LONG[:4], 4) == [0, 1, 2, 3]


def test_headings_come_last():
    rows = vectors_of([1, 1, 1], [1, 0.1, 0], [0, 1, 0.1])
    assert central(rows, ["Results", *LONG[:2]], 1) != [0]
    assert central(rows, ["Results", *LONG[:2]], 3) == [0, 1, 2]
    assert ranked(np.array([9.0, 1.0, 2.0]), ["Results", *LONG[:2]], 1) == [2]
    assert central(vectors_of([1, 0]), ["Results"], 1) == [0]


def test_the_best_scores_are_taken_but_for_repetitions():
    texts = ["we show that it works", "again we show that it works", "nothing of this is new"]
    assert ranked(np.array([3.0, 2.0, 1.0]), texts, 2) == [0, 2]
    assert ranked(np.array([3.0, 2.0, 1.0]), texts, 3) == [0, 1, 2]
    assert ranked(np.array([1.0, 1.0, 1.0]), texts, 1) == [0]


@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 100))
def test_as_many_as_there_are_and_in_order(count, most, seed):
    random = np.random.default_rng(seed)
    rows = vectors_of(*random.normal(size=(count, 4)))
    for taken in (central(rows, LONG[:count], most), ranked(random.normal(size=count), LONG[:count], most)):
        assert taken == sorted(set(taken))
        assert len(taken) == min(most, count)


def test_early_sentences_are_favoured_but_a_central_one_at_the_end_still_wins():
    assert 0 < picking.BEFORE < 1
    assert central(vectors_of([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]), LONG[:4], 1) == [3]
