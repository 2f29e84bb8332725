import doctest
import itertools
import time
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from playground.core import segment
from playground.core.segment import blank_separated, lines, words

# Pieces that rules are about, so that random texts hold them often.
PIECES = st.sampled_from(
    ["a", "Anna's", "don't", "N'T", "’s", "http://", "www.x.", "@", "#", "a@b.co", ".", "...", "U.S.", "Dr.", "No. ", "3.5", "1/2",
     "713-853-1696", "-", ":)", ":-D", "=", "<3", "&", "AT&T", "can", "cannot", "gonna", "東京", "カ", "👩‍🔬", "🇩", "❤️", "e\u0301",
     "\u0301", "\u200b", "\u200d", "\u00ad", "\u0600", " ", "\t", "\n", "\r\n", "\u2028", "\x85", "\xa0"]
)  # fmt: skip
TEXTS = st.text(max_size=40) | st.lists(PIECES | st.characters(), max_size=20).map("".join)


def cut(text):
    return [text[start:end] for start, end in words(text)]


def invisible(character):
    """Blanks, controls and format characters that Unicode calls ignorable (the property itself, looked up by `regex`)."""
    return bool(regex.match(r"[\s\p{Cc}\p{Default_Ignorable_Code_Point}]", character))


@given(TEXTS)
def test_words_are_in_order_and_disjoint_and_leave_out_only_what_cannot_be_seen(text):
    places = words(text)
    assert all(start < end for start, end in places)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(places))
    covered = {index for start, end in places for index in range(start, end)}
    assert all(invisible(text[index]) for index in range(len(text)) if index not in covered)
    assert not any(text[index].isspace() for index in covered)


@given(TEXTS)
def test_the_words_of_a_text_are_those_of_its_lines(text):
    assert words(text) == [place for line in lines(text) for place in words(text, *line)]
    assert words(text) == [
        (start + a, start + b) for start, end in lines(text) for a, b in words(text[start:end])
    ]  # a line by itself


@given(TEXTS)
def test_a_mark_is_never_cut_from_its_letter(text):
    places = words(text)
    for start, _ in places:
        if start and unicodedata.combining(text[start]):
            assert not text[start - 1].isalnum()


@given(TEXTS)
def test_words_never_cross_blanks(text):
    parts = blank_separated(text)
    assert all(any(a <= start and end <= b for a, b in parts) for start, end in words(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("They don't; Anna's dog's DON'T", "They do n't ; Anna 's dog 's DO N'T"),
        ("we’re I’d he’ll can’t", "we ’re I ’d he ’ll ca n’t"),
        ("cannot gonna wanna gotta canny", "can not gon na wan na got ta canny"),
        ("O'Brien's rock'n'roll, 'tis so", "O'Brien 's rock'n'roll , ' tis so"),
        ("Dr. No said No. I too.", "Dr. No said No . I too ."),
        ("No. 5 in St. Ives, U.S. law", "No. 5 in St. Ives , U.S. law"),
        ("see http://x.org/a?b=1, or (www.y.com).", "see http://x.org/a?b=1 , or ( www.y.com ) ."),
        ("mail ann.b@x-y.co.uk or @ann_b #x2!", "mail ann.b@x-y.co.uk or @ann_b #x2 !"),
        ("$5.20, 20% at 10:30 on 11/28/2000", "$ 5.20 , 20 % at 10:30 on 11/28/2000"),
        ("call 713-555-0199, pages 20-30", "call 713-555-0199 , pages 20 - 30"),
        ("(n=8) and f(x)=(a+b); Fig. 3:", "( n = 8 ) and f ( x ) = ( a + b ) ; Fig. 3 :"),
        ("great:) so sad :-( :D <3 wait...!!", "great :) so sad :-( :D <3 wait ... !!"),
        ("AT&T, R&D, salt&pepper", "AT&T , R&D , salt & pepper"),
        ("drug-induced 5-HT", "drug - induced 5 - HT"),
        ("iPhone東京タ", "iPhone 東 京 タ"),
        ("😂😂 👩‍🔬❤️🇩🇪🇫🇷1️⃣", "😂 😂 👩‍🔬 ❤️ 🇩🇪 🇫🇷 1️⃣"),
        ("Zoe\u0308 co\u00adop \u200bfoo\ufeff", "Zoe\u0308 co\u00adop foo"),
    ],
)
def test_the_rules(text, expected):
    assert cut(text) == expected.split(" ")


def test_blanks_between_words_stay_cuts_and_treebank_words_stay_whole():
    text = "I do n't think Anna 's U.S. visa ca n't be 5,000 % ... wrong !! :)"
    assert cut(text) == text.split()


@pytest.mark.parametrize(
    "piece",
    ["a", "a ", "http://", "http://.", "www.!", ".", "a.", "a-", "a.b@", "@", "n'", "a'", "1.", "1,1", "A&", ":-", "🇩", "👩‍",
     "👩🏽", "\u0301", "\u200d", "Dr. ", "No. ", "a@b.", "a-.", "123-", "_a", "\u0600", "東", "\n", "x\n"],
)  # fmt: skip
def test_no_text_takes_long(piece):
    text = (piece * 100_000)[:100_000]
    began = time.process_time()
    words(text)
    lines(text)
    assert time.process_time() - began < 2


def test_lines_are_never_blank_and_hold_no_break():
    assert [("a\r\n \u2028b\x85c")[start:end] for start, end in lines("a\r\n \u2028b\x85c")] == ["a", "b", "c"]


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(segment).failed == 0
