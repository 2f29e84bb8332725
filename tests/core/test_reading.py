import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import reading

logits = st.lists(st.floats(-8, 8), min_size=1, max_size=12)


def test_the_docstrings_hold():
    assert doctest.testmod(reading).failed == 0


def brute(start, end, begins, ends, lines, longest):
    size = len(start)
    return {
        (i, j): start[i] + end[j]
        for i in range(size)
        for j in range(i, min(size, i + longest))
        if begins[i] and ends[j] and lines[i] == lines[j]
    }


@given(st.data())
def test_it_is_the_softmax_over_all_spans_that_may_be(data):
    start = np.array(data.draw(logits))
    size = len(start)
    some = st.lists(st.booleans(), min_size=size, max_size=size)
    end = np.array(data.draw(st.lists(st.floats(-8, 8), min_size=size, max_size=size)))
    begins, ends = np.array(data.draw(some)), np.array(data.draw(some))
    lines = np.cumsum(data.draw(some))
    longest = data.draw(st.integers(1, 5))
    found = reading.rank(start, end, begins, ends, lines, count=4, longest=longest)
    scores = brute(start, end, begins, ends, lines, longest)
    total = np.logaddexp.reduce([0.0, *scores.values()])
    assert found.none == pytest.approx(np.exp(-total))
    left = dict(scores)
    for one in found.candidates:
        assert one.score == pytest.approx(np.exp(scores[one.first, one.last] - total))
        assert scores[one.first, one.last] == pytest.approx(max(left.values()))
        left = {(i, j): s for (i, j), s in left.items() if j < one.first or i > one.last}
    assert len(found.candidates) == 4 or not left


@given(st.integers(0, 300), st.integers(1, 60))
def test_windows_cover_everything_and_none_is_for_nothing(size, room):
    parts = reading.windows(size, room)
    assert all(first >= 0 and after - first <= room for first, after in parts)
    assert sorted({place for part in parts for place in range(*part)}) == list(range(size))
    assert len(parts) == 1 or all(parts[i + 1][1] > parts[i][1] for i in range(len(parts) - 1))


@given(st.integers(1, 80), st.integers(3, 30))
def test_a_token_has_its_scores_from_the_window_with_most_text_around_it(size, room):
    parts = reading.windows(size, room)
    number = [np.full(after - first, place) for place, (first, after) in enumerate(parts)]
    own, _ = reading.joined(size, parts, number, number)
    for token, chosen in enumerate(own.astype(int)):
        around = [min(token - a, b - 1 - token) if a <= token < b else -1 for a, b in parts]
        assert around[chosen] == max(around)


def test_scores_of_windows_stand_beside_one_another():
    """A window that is sure of its answer wins over one that finds little, though the latter's raw scores are higher."""
    weak, strong = np.array([11.0, 10.0]) - 12.0, np.array([2.0, 1.0]) - (-3.0)  # each less its own [CLS]
    start, _ = reading.joined(4, [(0, 2), (2, 4)], [weak, strong], [weak, strong])
    (best, *_) = reading.rank(start, start).candidates
    assert (best.first, best.last) == (2, 2)


def test_a_hundred_thousand_characters_take_no_time():
    import time

    size = 30_000
    scores = np.random.default_rng(0).normal(size=size)
    began = time.process_time()
    reading.rank(scores, scores)
    assert time.process_time() - began < 2
