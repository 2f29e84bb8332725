"""Counts over readings that are made here, against plain loops over bytes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from playground.core.token_counts import counts, cut, difference, halved, own, size, unread
from playground.core.token_types import Family, Flag, Opener, Reading, TokenizerRef

HUB = TokenizerRef("test/hub", "test", Opener.HUB)
SPLIT = TokenizerRef("split/characters", "characters", Opener.SPLIT)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["👩‍🚀 né", "e\u0301a", "日本", "a\r\nb", " \t "]
)


def reading(text, spans, flags=None, ref=HUB, **rest):
    flags = [0] * len(spans) if flags is None else flags
    return Reading(
        ref,
        Family.BYTE_BPE if ref is HUB else Family.CHARACTERS,
        text,
        np.arange(len(spans), dtype=np.int32),
        np.array(spans, dtype=np.int32).reshape(-1, 2),
        np.array(flags, dtype=np.uint8),
        **rest,
    )


def characters(text):
    """Cut by `regex`'s \\X, in bytes."""
    edges = np.cumsum([0, *(len(one.encode()) for one in regex.findall(r"\X", text))])
    return reading(text, list(itertools.pairwise(edges)), ref=SPLIT)


@st.composite
def cuts(draw):
    """A text, cut anywhere between two bytes, some of the pieces left out or unknown."""
    text = draw(TEXTS)
    length = len(text.encode())
    inner = draw(st.sets(st.integers(1, max(1, length - 1)), max_size=12)) if length > 1 else set()
    edges = sorted({0, length, *inner})
    pieces = list(itertools.pairwise(edges))
    kept = [piece for piece in pieces if draw(st.booleans()) or draw(st.booleans())]
    flags = [draw(st.sampled_from([0, 0, int(Flag.UNKNOWN)])) for _ in kept]
    return reading(text, kept, flags)


@given(cuts())
def test_what_is_cut_and_what_is_not_read_against_a_plain_loop(read):
    data, spans = read.text.encode(), read.spans.tolist()
    unknown = [bool(flag & Flag.UNKNOWN) for flag in read.flags]
    clusters = characters(read.text)
    in_two = missed = 0
    for start, end in clusters.spans.tolist():
        parts = [place for place, (a, b) in enumerate(spans) if a < end and b > start]
        in_two += len(parts) >= 2
        blank = data[start : start + 1] in b" \t\n\r\v\f"
        missed += not blank and all(unknown[place] for place in parts)
    assert cut(read, clusters.spans) == in_two
    assert unread(read, clusters)[0] == missed
    place, apart = 0, 0
    edges = {edge for span in spans for edge in span}
    for letter in read.text:
        length = len(letter.encode())
        apart += any(place < edge < place + length for edge in edges)
        place += length
    assert halved(read) == apart


@given(cuts())
def test_the_numbers_hold_together(read):
    clusters = characters(read.text)
    found = counts(read, clusters, words=3)
    length = len(read.text.encode())
    assert found.tokens == found.own == len(read.spans)
    assert found.bytes_per_token == (length / found.own if found.own else None)
    assert found.unknown_bytes == sum(
        int(b - a) for (a, b), flag in zip(read.spans, read.flags, strict=True) if flag & Flag.UNKNOWN
    )
    assert 0 <= found.cut <= len(clusters)
    assert found.halved <= len(read.text)


def test_what_a_tokenizer_puts_around_a_text_is_no_part_of_it():
    text = "hi [SEP]"
    flags = [Flag.SPECIAL, 0, Flag.SPECIAL, Flag.SPECIAL]
    read = reading(text, [[0, 0], [0, 2], [3, 8], [8, 8]], flags)  # the third was typed, and read as a control token
    assert own(read).tolist() == [False, True, True, False]
    found = counts(read, characters(text), words=4)
    assert (found.tokens, found.own, found.bytes_per_token, found.tokens_per_word) == (4, 2, 4.0, 0.5)


def test_tokens_that_share_one_character_cut_it_and_those_that_share_more_are_not_counted():
    ligature = reading("ﬃ", [[0, 3], [3, 3], [3, 3]], [0, Flag.SHARED, Flag.SHARED])
    assert cut(ligature, characters("ﬃ").spans) == 1
    pair = reading("中文", [[0, 6], [6, 6]], [0, Flag.SHARED])
    assert cut(pair, characters("中文").spans) == 0


def test_a_plain_cut_has_no_vocabulary_to_be_unknown_in_and_nothing_to_decode():
    read = characters("né")
    found = counts(read, read, words=1)
    assert (found.unknown, found.unknown_bytes, found.unknown_share, found.exact, found.difference) == (None,) * 5
    assert counts(replace(read, ref=HUB), read, 1).exact is True


def test_an_empty_reading_has_no_averages():
    empty = characters("")
    found = counts(reading("", []), empty, words=0)
    assert (found.tokens, found.bytes_per_token, found.tokens_per_word, found.unknown_share) == (0, None, None, None)
    assert size(empty, empty).characters == 0


@given(TEXTS, TEXTS, TEXTS)
def test_the_first_difference_is_where_the_common_beginning_ends(same, text, other):
    found = difference(same + text, same + other)
    if text == other:
        assert found is None
    else:
        assert (same + text)[: found.place] == (same + other)[: found.place]
        assert (same + text)[found.place : found.place + 1] != (same + other)[found.place : found.place + 1]
        assert (same + text)[found.place :].startswith(found.wrote)
        assert (same + other)[found.place :].startswith(found.came)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("👩‍🚀", (1, 3, 11, 1)), ("cafe\u0301 au", (7, 8, 9, 2)), ("日本", (2, 2, 6, 1))],
)
def test_a_texts_size(text, expected):
    words = reading(text, [[0, 1]] * expected[3], ref=SPLIT)
    found = size(characters(text), words)
    assert (found.characters, found.code_points, found.bytes, found.words) == expected
