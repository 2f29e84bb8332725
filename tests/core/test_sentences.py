"""Texts cut into sentences: offsets that fit, the cases that rules get wrong, and no text that takes long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.sentences import sentences, split


@pytest.mark.parametrize(
    "wanted",
    [
        ["It rains.", "Stay in!", "Why?", "Because…", "I say so."],
        ["Dr. Lee met Mr. J. R. Smith at St. Ives.", "They spoke."],
        ["It rose by 3.5 % to 1,000.25 in all.", "Nobody knew."],
        ["See Fig. 3 and Eq. 4, e.g. here, i.e. there, cf. Sec. 2.", "Done."],
        ["Smith et al. (2016) said so.", "Others did not."],
        ["They cite Smith et al. The others do not."[:22], "The others do not."],
        ["He lives in the U.S. Army base.", "It is large."],
        ["He lives in the U.S.", "The rest do not."],
        ['"Is it you?" she asked.', "“It is.”", "(So it was.)", "He left."],
        ["So do I.", "He does too."],
        ["Visit https://example.org/a.b?c=d or write to a.b@example.org.", "Thanks."],
        ["It works.[12]", "We show why."],
        ["今日は雨です。", "家にいます。"],
        ["Это дождь.", "Останься дома."],
        ["It was 1999.", "In 2000 it ended."],
        ["i stayed home.", "it rained all day."],
    ],
)
def test_sentences_of_a_line(wanted):
    text = " ".join(wanted) if wanted[0][0].isascii() or "." in wanted[0] else "".join(wanted)
    assert split(text) == wanted


def test_lines_end_sentences_unless_they_were_broken_to_fit():
    text = (
        "# Results\n\nWe found that lines which were broken to fit a page go on with\nthe next one. Each is\nread.\n\n"
        "- milk and bread\n- eggs\n1. Open the lid.\n2. Close it.\nIntroduction\nWe begin.\r\n\r\nThe end"
    )
    assert split(text) == [
        "# Results",
        "We found that lines which were broken to fit a page go on with\nthe next one.",
        "Each is\nread.",
        "- milk and bread",
        "- eggs",
        "1. Open the lid.",
        "2. Close it.",
        "Introduction",
        "We begin.",
        "The end",
    ]


@given(st.text(st.sampled_from("aB1 .!?\n\r\t\"'()-“”…。é\u2028"), max_size=60))
def test_nothing_but_blanks_is_left_out_and_no_two_overlap(text):
    before = 0
    for start, end in sentences(text):
        assert before <= start < end <= len(text)
        assert text[before:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        before = end
    assert text[before:].strip() == ""


@pytest.mark.parametrize("part", ["a. ", ".", "\n", "x", "“", "A.(", "Mr. ", "1. ", "- a\n", "。", ". )", "!? "])
def test_no_text_takes_long(part):
    text = (part * 50_000)[:50_000]
    start = time.process_time()
    sentences(text)
    assert time.process_time() - start < 3


def test_no_sentences_in_blanks():
    assert sentences(" \n\t\r\n ") == []
