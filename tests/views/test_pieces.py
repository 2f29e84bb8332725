"""Texts cut at their spans: nothing of the text is lost, and every place knows what lies over it."""

from hypothesis import given
from hypothesis import strategies as st

from playground.views.pieces import MOST_DEEP, cut

extents = st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40)), max_size=12)


@given(st.integers(0, 36), extents)
def test_pieces_are_the_whole_text_and_nothing_twice(length, found):
    pieces = cut(length, found).pieces
    assert [place for piece in pieces for place in range(piece.start, piece.end)] == list(range(length))
    assert all(piece.start < piece.end for piece in pieces)


@given(st.integers(0, 36), extents)
def test_each_place_has_exactly_the_drawn_spans_over_it(length, found):
    cut_ = cut(length, found)
    drawn = [index for index, level in enumerate(cut_.levels) if level is not None]
    for piece in cut_.pieces:
        for place in range(piece.start, piece.end):
            assert sorted(piece.stack) == [index for index in drawn if found[index][0] <= place < found[index][1]]


@given(st.integers(1, 36), extents)
def test_levels_never_collide_and_the_outermost_comes_first(length, found):
    cut_ = cut(length, found)
    for piece in cut_.pieces:
        levels = [cut_.levels[index] for index in piece.stack]
        assert len(set(levels)) == len(levels) <= MOST_DEEP
        assert levels == sorted(levels, reverse=True)
    assert cut_.depth <= MOST_DEEP


@given(st.integers(1, 36), extents)
def test_a_span_is_left_out_only_where_it_is_empty_or_lies_too_deep(length, found):
    cut_ = cut(length, found)
    inside = [(max(0, start), min(length, end)) for start, end in found]
    for index, (start, end) in enumerate(inside):
        if cut_.levels[index] is None and start < end:
            assert sum(other[0] <= start < other[1] for other in inside) > MOST_DEEP


def test_an_inner_span_lies_nearer_to_the_text():
    nested = cut(20, [(8, 15), (0, 15)])
    assert nested.levels == (0, 1)
    assert [piece.stack for piece in nested.pieces] == [(1,), (1, 0), ()]
    assert cut(20, [(0, 4), (6, 9)]).levels == (0, 0)  # those beside each other stand level


def test_twenty_thousand_places_are_cut_at_once():
    found = [(place, place + 3) for place in range(0, 20_000, 2)]
    assert len(cut(20_000, found).pieces) > 10_000
