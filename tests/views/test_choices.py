"""Words for gaps: the text with them in it, who applied, two texts side by side, and where the tiers agree."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.reading_types import Choices, Filling, GapWords, Weighed
from playground.core.run import TierResult
from playground.core.types import Choice, Source, Stats
from playground.views.agreement import agreement
from playground.views.announce import announcement
from playground.views.card import card
from playground.views.gap_words import LONGEST, filled_text
from playground.views.html import el
from playground.views.kinds import view_of
from playground.views.plot import plot
from playground.views.state import Asked, CardState, Phase
from playground.views.table import table
from tests.views.conftest import filled, words
from tests.views.test_html import parsed
from tests.views.test_panels import RISKY

ASKED = Asked("choices")
TEXT = "The [MASK] said [MASK]."
TITLES = {"hosted": "Hosted API", "pretrained": "Pretrained", "finetuned": "Fine-tuned", "scratch": "From scratch"}


def gap(*rows):
    return tuple(Filling(word, score, f"… {word} …") for word, score in rows)


FIRST = gap(("nurse", 0.4), ("doctor", 0.3), ("man", 0.1), ("dog", 0.05), ("cat", 0.04), ("girl", 0.03))
SECOND = gap(("yes", 0.6), ("no", 0.2))
TWO = Choices(FIRST, (FIRST, SECOND))
ONE = Choices(FIRST, (FIRST,))
STATED = Choices(SECOND, (gap(("yes", None)),), score_source="stated")
WEIGHED = Choices(
    FIRST,
    (FIRST,),
    (SECOND,),
    "And [MASK]!",
    (Weighed("she", 0.7, 0.2), Weighed("he", 0.1, 0.65), Weighed("it", None, 0.1)),
)


def answered(output, text=TEXT, asked=ASKED, **changes):
    fixed = {"choices": (Choice("a", "A", Source.BUNDLED),), "phase": Phase.DONE, "stats": Stats(source=Source.BUNDLED)}
    return CardState("scratch", 4, "From scratch", asked=asked, output=output, input=text, **{**fixed, **changes})


def shown(markup):
    return " ".join("".join(parsed(markup).text).replace("\xa0", " ").split())


def verdict(output, *gaps):
    gold = GapWords(tuple(frozenset(words.split()) for words in gaps))
    right = all(one[0].token in words for one, words in zip(output.masks, gold.gaps, strict=True))
    found = view_of(output).verdict(answered(output, gold=gold, right=right))
    return shown(found)


def test_the_answer_stands_in_the_text_and_in_the_headline():
    markup = card(answered(TWO))
    assert "The nurse said yes." in shown(markup)
    assert view_of(TWO).headline(TWO, ASKED) == "nurse · yes"
    assert view_of(TWO).confidence(TWO) == pytest.approx(0.5)
    assert view_of(STATED).confidence(STATED) is None
    assert view_of(TWO).remarks(TWO, ASKED) == ["Each gap is filled by itself."]
    assert view_of(STATED).remarks(STATED, ASKED) == ["Probabilities as stated by the model."]
    assert "From scratch: nurse and yes, 0.50." in shown(announcement([answered(TWO)]))


def test_before_there_is_an_answer_the_gaps_stand_open():
    waiting = card(answered(None, phase=Phase.WAITING))
    assert "The [MASK] said [MASK]." in shown(waiting)
    assert "Your text will stand here" in shown(card(answered(None, text="", phase=Phase.IDLE)))


def test_candidates_of_several_gaps_take_turns_with_their_gaps_number():
    found = parsed(card(answered(TWO))).text
    labels = [text for text in found if re.fullmatch(r"\d · \w+", text)]
    assert labels == ["1 · nurse", "2 · yes", "1 · doctor", "2 · no", "1 · man", "1 · dog", "1 · cat", "1 · girl"]
    single = shown(card(answered(ONE, "The [MASK] said.")))
    assert "nurse0.40" in single
    assert "1 · nurse" not in single


def test_two_texts_stand_side_by_side_with_both_probabilities():
    found = shown(card(answered(WEIGHED, "Then [MASK]!")))
    assert "Then nurse!" in found
    assert "And yes!" in found
    assert "she0.70 → 0.20" in found
    assert "it– → 0.10" in found
    styles = [
        a["style"] for _, a in parsed(card(answered(WEIGHED, "Then [MASK]!"))).tags if "pg-there" in a.get("class", "")
    ]
    assert styles == ["--value:20.0%", "--value:65.0%", "--value:10.0%"]


def test_the_verdict_says_where_the_true_word_stands():
    assert verdict(ONE, "nurse teacher") == "✓ gold"
    assert verdict(ONE, "doctor") == "✗ gold is second"
    assert verdict(ONE, "cat") == "✗ gold is fifth"
    assert verdict(ONE, "girl") == "✗ gold is not among the 5 likeliest"
    assert verdict(TWO, "nurse", "no") == "✗ 1 of 2 gaps as gold"
    assert verdict(TWO, "nurse", "yes") == "✓ gold"
    assert view_of(ONE).verdict(answered(ONE)) is None


def test_what_changed_is_marked():
    view = view_of(ONE)
    other = Choices(SECOND, (SECOND,))
    assert view.change(ONE, other) == ("was yes", "Changed since the last run: it was yes.")
    assert view.change(ONE, ONE) is None
    surer = Choices(gap(("nurse", 0.6)), (gap(("nurse", 0.6)),))
    assert view.change(surer, ONE)[0] == "+0.20 since last run"


def test_tiers_agree_on_the_first_word_whatever_its_case_and_share_some_of_five():
    upper = Choices(gap(("Nurse", 0.9), ("man", 0.05)), (gap(("Nurse", 0.9), ("man", 0.05)),))
    view = view_of(ONE)
    assert view.differ([ONE]) is None
    assert view.differ([ONE, upper]) is False
    assert view.differ([ONE, Choices(SECOND, (SECOND,))]) is True
    results = [TierResult(tier, None, output, Stats(source=Source.BUNDLED)) for tier, output in
               (("pretrained", ONE), ("finetuned", upper), ("scratch", Choices(SECOND, (SECOND,))))]  # fmt: skip
    found = shown(agreement(results[:2], TITLES, asked=ASKED, right={"pretrained": True, "finetuned": True}))
    assert "Tiers agree." in found
    assert "Pretrained and fine-tuned say nurse. Pretrained and fine-tuned are right." in found
    assert "Among the 5 likeliest of all: nurse and man." in found
    found = shown(agreement(results, TITLES, asked=ASKED, right={"pretrained": False}))
    assert "Tiers differ." in found
    assert "Pretrained and fine-tuned say nurse; from scratch says yes. That is not the true answer." in found
    assert "Among the 5 likeliest of all: none." in found
    assert "One answer." in shown(agreement(results[:1], TITLES, asked=ASKED))
    assert "nurse" in shown(plot(results, TITLES, ASKED))


def test_a_table_has_the_words():
    class Row:
        index, text, results = 0, TEXT, (TierResult("scratch", None, TWO, Stats(source=Source.BUNDLED)),)

    assert "nurse · yes" in shown(table([Row()], {"scratch": "From scratch"}, 1))


def test_of_a_long_text_what_stands_around_the_gaps_is_shown():
    text = "a " * LONGEST + "[MASK]" + " b" * LONGEST + " [MASK] c"
    found = "".join(parsed(el("p", filled_text(text, ["one", "two"]))).text)
    assert len(found) < 1200
    assert re.search(r"… [a ]+one[ b]+ … [b ]+two c", found)


def test_a_piece_inside_a_word_joins_it():
    assert "".join(parsed(el("p", filled_text("play [MASK]!", ["##ing"]))).text) == "playing!"


@given(filled, words.map(lambda text: f"{text} [MASK] {text}"), st.one_of(st.none(), filled))
def test_whatever_words_say_the_card_is_one_article_and_runs_nothing(output, text, before):
    state = answered(output, text, previous=before, gold=GapWords((frozenset({"x"}),)), right=False)
    found = parsed(card(state))
    assert next(tag for tag, _ in found.tags) == "article"
    assert not RISKY & {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
