import doctest
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import places
from playground.core.places import Places, fold

TEXTS = st.text(alphabet=st.sampled_from("aAbé\u0301 \n'’東ß.-İ"), max_size=30) | st.text(max_size=30)


def found(text, quoted):
    return [text[start:end] for start, end in Places(text).all(quoted)]


@pytest.mark.parametrize(
    ("text", "quoted", "expected"),
    [
        ("Annual Ann and Ann", "Ann", [(7, 10), (15, 18)]),
        ("ANN and ann", "Ann", [(0, 3), (8, 11)]),
        ("New  York,\nNew\tYork", "New York", [(0, 9), (11, 19)]),
        ("“Zoe\u0308’s”", '"Zoë\'s"', [(0, 8)]),
        ("Ann", " Ann\n", [(0, 3)]),
        ("东京都的东京", "东京", [(0, 2), (4, 6)]),
        ("กรุงเทพมหานคร", "เทพ", [(4, 7)]),
        ("ibuprofen-induced", "ibuprofen", [(0, 9)]),
        ("ha ha ha", "ha ha", [(0, 5), (3, 8)]),
        ("just us", "US", [(5, 7)]),
        ("just", "US", []),
        ("İzmir STRASSE", "straße", [(6, 13)]),
        ("a", "", []),
        ("a b", "  ", []),
        ("a", "\ud800", []),
    ],
)
def test_quoted_words_are_found_as_a_reader_would(text, quoted, expected):
    assert list(Places(text).all(quoted)) == expected


@given(TEXTS, TEXTS)
def test_what_is_found_is_in_the_text_and_in_order(text, quoted):
    every = Places(text).all(quoted)
    assert list(every) == sorted(every)
    for start, end in every:
        assert 0 <= start < end <= len(text)
        assert fold(text[start:end].strip())[0].strip() != ""


@given(TEXTS, st.data())
def test_a_copy_is_found_where_it_was_taken(text, data):
    start = data.draw(st.integers(0, len(text)))
    quoted = text[start : data.draw(st.integers(start, len(text)))]
    if quoted.strip():
        assert any(quoted.strip() in text[a:b] or quoted == text[a:b] or fold(quoted)[0].strip() == fold(text[a:b])[0].strip()
                   for a, b in Places(text).all(quoted))  # fmt: skip


def test_reading_on_stays_within_reach_and_takes_parts_of_the_next_word_only():
    text = "gonnax the cat " + "x " * 300 + "far"
    here = Places(text)
    assert here.next("gon", 0) == (0, 3)
    assert here.next("he", 6) is None
    assert here.next("THE", 6) == (7, 10)
    assert here.next("far", 0) is None
    assert here.next("far", len(text) - 50) == (len(text) - 3, len(text))
    assert here.next(" ", 0) is None


@pytest.mark.parametrize("text", ["a" * 20_000, "a " * 10_000, "é" * 20_000, "東" * 20_000])
def test_no_reply_takes_long(text):
    here = Places(text)
    began = time.process_time()
    for length in range(1, 400):
        here.all(text[:length])
    for after in range(3000):
        here.next(text[:3], after)
        here.next("b", after)
    assert time.process_time() - began < 5


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(places).failed == 0
