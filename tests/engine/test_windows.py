"""Words in windows: none left out, none with two owners, none in a window that is too long."""

import doctest
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine import windows as module
from playground.engine.windows import windows

ROOM = st.integers(1, 40)


@st.composite
def lines(draw):
    """A room, and words that each fit into it."""
    room = draw(ROOM)
    return draw(st.lists(st.integers(1, min(16, room)), max_size=120)), room


def test_the_examples_of_its_documentation():
    assert doctest.testmod(module).failed == 0


@given(lines())
def test_every_word_has_one_owner_and_no_window_is_too_long(line):
    pieces, room = line
    found = windows(pieces, room)
    assert [word for window in found for word in range(window.first, window.last)] == list(range(len(pieces)))
    for window in found:
        assert window.start <= window.first < window.last <= window.end
        assert sum(pieces[window.start : window.end]) <= room


@given(lines())
def test_a_line_that_fits_is_one_window_and_no_other_is(line):
    pieces, room = line
    assert (len(windows(pieces, room)) <= 1) == (sum(pieces) <= room)


@given(lines())
def test_a_word_is_owned_by_the_window_in_which_it_is_farthest_from_an_edge(line):
    pieces, room = line
    found = windows(pieces, room)

    def margin(word, window):
        left = inf if window.start == 0 else sum(pieces[window.start : word])
        right = inf if window.end == len(pieces) else sum(pieces[word + 1 : window.end])
        return min(left, right)

    for owner in found:
        for word in range(owner.first, owner.last):
            assert margin(word, owner) == max(margin(word, w) for w in found if w.start <= word < w.end)


@given(st.integers(64, 200), st.lists(st.integers(1, 16), min_size=40, max_size=200))
def test_neighbours_overlap_by_a_quarter_and_all_but_a_word(room, pieces):
    """A word of 16 pieces may be what does not fit into the quarter."""
    found = windows(pieces, room)
    for one, two in pairwise(found):
        shared = sum(pieces[two.start : one.end])
        assert shared > room // 4 - 16
        assert shared <= room // 4
        assert sum(pieces[one.start : one.end]) > room - 16  # as full as can be, all but the last


def test_ends_of_a_line_are_no_edges_and_ownership_changes_in_the_middle_of_an_overlap():
    one, two, three = windows([1] * 220, 100)
    assert [(w.start, w.end) for w in (one, two, three)] == [(0, 100), (75, 175), (150, 220)]
    assert [(w.first, w.last) for w in (one, two, three)] == [(0, 88), (88, 163), (163, 220)]


@pytest.mark.parametrize("pieces", [[0], [3, 9], [-1]])
def test_a_word_that_fits_nowhere_is_refused(pieces):
    with pytest.raises(ValueError, match="1 to 8"):
        windows(pieces, 8)


def test_long_lines_take_linear_time():
    found = windows([1, 2, 3] * 40_000, 126)
    assert found[-1].last == 120_000
