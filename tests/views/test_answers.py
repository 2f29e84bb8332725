"""Answers in their context: the stretch marked, the runners-up, “no answer”, and where tiers agree."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.reading_types import AnswerSpan, ExtractedAnswer, GoldAnswers
from playground.core.run import TierResult
from playground.core.types import Choice, Source, Stats
from playground.views.agreement import agreement
from playground.views.announce import announcement
from playground.views.answer_text import marked_context
from playground.views.card import card
from playground.views.kinds import view_of
from playground.views.plot import plot
from playground.views.state import Asked, CardState, Phase
from tests.views.conftest import words
from tests.views.test_html import parsed

CONTEXT = "The tower <b>x</b> was built in 1874.\nIts keeper left in 1931, after 19 years."
GOLD = GoldAnswers(("1931", "in 1931"))


def place(said, score=0.6, others=(), none=0.1, context=CONTEXT, **more):
    start = context.index(said) if said else 0
    spans = tuple(AnswerSpan(one, context.index(one), context.index(one) + len(one), 0.1) for one in others)
    return ExtractedAnswer(said, start, start + len(said), score, spans, none, **more)


def state(output, context=CONTEXT, phase=Phase.DONE, gold=None, **more):
    choices = (Choice("m", "M", Source.BUNDLED),)
    asked = Asked(ExtractedAnswer.kind, own=True, context=context)
    return CardState("scratch", 4, "From scratch", choices, asked, phase=phase, output=output, gold=gold, **more)


def text_of(found):
    return html.unescape(re.sub(r"<[^>]+>", "", found))


def test_the_answer_is_marked_where_it_stands_and_nothing_is_markup():
    found = card(state(place("1931", others=("1874", "19 years"))))
    parsed(found)
    assert '<mark class="pg-found" title="The answer · 0.60">1931</mark>' in found
    assert "<b>x</b>" not in found
    rows = re.findall(r'pg-bar-label"[^>]*>([^<]+)<', found)
    assert rows == ["1931", "1874", "19 years", "no answer"]


def test_no_answer_is_calm_and_says_what_it_would_have_been():
    found = card(state(place("", 0.9, others=("1874",), none=0.9)))
    assert ">no answer</p>" in found
    assert "pg-calm" in found
    assert "it would say “1874”" in text_of(found)
    assert "<mark" not in found


def test_words_that_stand_nowhere_are_shown_as_such():
    found = card(state(ExtractedAnswer("a boat", 0, 0, None, score_source="stated", placed=False)))
    assert "do not stand in the context" in text_of(found)
    assert "gave no confidence" in text_of(found)
    assert "<mark" not in found


@given(st.text(max_size=400), st.data())
def test_what_is_shown_is_the_context_from_one_end_to_the_other(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    found = marked_context(text, start, end, "x")
    parsed(found)
    shown = text_of(re.sub(r"<summary>.*?</summary>", "", found, flags=re.DOTALL))
    showable = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]", "\ufffd", text)
    assert shown == showable


def test_of_a_long_context_the_rest_can_be_opened_and_most_of_it_stays_in_the_field():
    text = "far " * 5000 + "1931" + " off" * 5000
    found = marked_context(text, 20_000, 20_004, "x")
    summaries = re.findall(r"<summary>(.*?)</summary>", found)
    assert len(summaries) == 2
    assert all(s.startswith("… 6,000 characters") and "more in the field above" in s for s in summaries)
    assert len(found) < 15_000
    before = found.split("<mark")[0].rsplit("</details>", 1)[1]
    assert len(before) < 120  # the answer is seen at once


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("1931", "✓ gold"),
        ("in 1931", "✓ gold"),
        ("left in 1931", "≈ partly gold, F1 0.80"),
        ("1874", "✗ gold: 1931"),
        ("", "✗ gold: 1931"),
    ],
)
def test_verdicts(said, verdict):
    found = view_of(place(said)).verdict(state(place(said), gold=GOLD))
    assert text_of(found) == verdict


def test_the_verdict_where_there_is_no_answer():
    none = GoldAnswers(())
    assert text_of(view_of(place("")).verdict(state(place(""), gold=none))) == "✓ gold"
    assert text_of(view_of(place("")).verdict(state(place("1874"), gold=none))) == "✗ gold: no answer"
    assert view_of(place("")).verdict(state(place(""))) is None


def test_what_changed():
    view = view_of(place("1931"))
    assert view.change(place("1931"), place("1874"))[0] == "was 1874"
    assert view.change(place("1931"), place(""))[0] == "was no answer"
    assert "since last run" in view.change(place("1931", 0.6), place("1931", 0.8))[0]
    assert view.change(place("1931"), place("1931")) is None


def results(*said):
    tiers = ("pretrained", "finetuned", "scratch")
    return [
        TierResult(tier, "m", place(one), Stats(source=Source.BUNDLED)) for tier, one in zip(tiers, said, strict=False)
    ]


def test_where_tiers_agree_and_differ(titles):
    asked = Asked(ExtractedAnswer.kind, context=CONTEXT)
    same = text_of(agreement(results("1931", "1931", "1931"), titles, asked=asked))
    assert "Tiers agree." in same
    right = {"pretrained": True, "finetuned": False, "scratch": False}
    two = text_of(agreement(results("1931", "in 1931", "1874"), titles, asked=asked, right=right))
    assert "Tiers differ." in two
    assert "Pretrained says 1931 (right)" in two
    assert "the same place" in two
    other = text_of(agreement(results("1931", "", "1931"), titles, asked=asked))
    assert "fine-tuned says no answer" in other
    assert "the same place" not in other
    assert text_of(agreement(results("1931"), titles, asked=asked)).startswith("One answer.")


def test_a_table_a_reader_and_a_plot(titles):
    view = view_of(place("1931"))
    assert view.said(place("x" * 100, context="x" * 100)) == "x" * 59 + "…"
    assert view.said(place("")) == "no answer"
    assert view.differ([place("1931"), place("1931")]) is False
    assert view.differ([place("1931"), place("")]) is True
    assert view.differ([place("1931")]) is None
    assert "From scratch: 1931, 0.60." in text_of(announcement([state(place("1931"))]))
    assert "From scratch: no answer, 0.90." in text_of(announcement([state(place("", 0.9))]))
    assert "0.60" in text_of(plot(results("1931"), titles))


@given(words, words)
def test_the_card_has_one_height_in_every_phase(said, context):
    """As many rows and boxes, whatever is in them."""
    empty = card(state(None, phase=Phase.WAITING))
    found = card(state(ExtractedAnswer(said, 0, 0, 0.5, placed=False), context=context))
    for part in ("pg-context", "pg-bars"):
        assert empty.count(f"{part}") == found.count(f"{part}")
    assert empty.count("<li") == found.count("<li") == 5
    parsed(found)
