"""Texts: as they grow, token by token, what they were picked from, and what the tiers' texts have in common."""

import html
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import RateLimited
from playground.core.events import Cancelled, Failed, Finished, Partial, Progress
from playground.core.run import RunRecord, TierResult
from playground.core.types import Choice, Source, Stats
from playground.core.writing_types import References, Text, TokenChoice, WrittenToken
from playground.views.agreement import agreement
from playground.views.announce import announcement
from playground.views.card import card
from playground.views.history import history_row
from playground.views.kinds import view_of
from playground.views.plot import plot
from playground.views.state import Asked, CardState, Phase, fold, waiting, with_result
from playground.views.text_pairs import shared, words_of
from playground.views.written import more, picked_text, shade, written_box
from tests.views.conftest import texts, words, written_tokens
from tests.views.test_html import parsed
from tests.views.test_panels import RISKY

ASKED = Asked("text", continues=True, details=True)
PROMPT = "Once upon <b>a</b> time\nthere was"
HOSTILE = ["<script>x()</script>", "&amp;", "שלום", "🙂", '"><img src=x onerror=x()>', "a\n\n  b", "\x00\ud800"]
TITLES = {"hosted": "Hosted API", "pretrained": "Pretrained", "finetuned": "Fine-tuned", "scratch": "From scratch"}


def token(text, probability=0.4, *others):
    return WrittenToken(text, probability, tuple(TokenChoice(*other) for other in others))


def begun(asked=ASKED, text=PROMPT):
    state = CardState("scratch", 4, "From scratch", (Choice("a", "A", Source.BUNDLED),), asked)
    return waiting(state, model=None, gold=None, input=text)


def heard(state, *events):
    for place, event in enumerate(events):
        state = fold(state, type(event)(**{**vars(event), "seq": place}))
    return state


def shown(markup):
    return "".join(parsed(markup).text)


def named(markup, name):
    return [attributes for _, attributes in parsed(markup).tags if name in (attributes.get("class") or "").split()]


def compared(*said, gold=None, source=Source.BUNDLED):
    tiers = ("pretrained", "finetuned", "scratch")[: len(said)]
    results = [TierResult(tier, None, Text(text), Stats(source=source)) for tier, text in zip(tiers, said, strict=True)]
    markup = agreement(results, TITLES, asked=ASKED, gold=gold)
    assert not {tag for tag, _ in parsed(markup).tags} & RISKY
    return " ".join(shown(markup).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_model_writes_is_text_and_keeps_its_lines(text):
    state = heard(begun(), Partial(delta=text))
    markup = card(state)
    assert not {tag for tag, _ in parsed(markup).tags} & RISKY
    kept = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert shown(written_box(state)) == PROMPT + kept
    done = fold(state, Finished(9, Text(text), Stats()))
    assert shown(written_box(done)) == PROMPT + kept


def test_a_prompt_stands_calm_before_its_continuation_and_of_a_long_one_the_end():
    markup = written_box(heard(begun(text="one " * 300), Partial(delta=" two")))
    assert len(named(markup, "pg-prompt")) == 1
    assert shown(markup).startswith("… one")
    assert shown(markup).endswith("one  two")
    assert len(shown(markup)) < 420
    other = written_box(heard(begun(Asked("text")), Partial(delta="deux")))
    assert shown(other) == "deux"  # a translation stands by itself


def test_the_box_is_there_in_every_phase_and_a_stopped_text_stays():
    waits = begun()
    runs = heard(waits, Progress(what="reading"), Partial(delta="And "), Partial(delta="then"))
    assert (runs.phase, runs.what, runs.text) == (Phase.RUNNING, "Writing", "And then")
    stopped, failed = fold(runs, Cancelled(5)), fold(runs, Failed(5, RateLimited(3.0)))
    idle = CardState("scratch", 4, "From scratch", asked=ASKED)
    for state in (idle, waits, runs, stopped, failed, fold(runs, Finished(5, Text("And then."), Stats()))):
        assert len(named(card(state), "pg-written")) == 1
    assert "And then" in shown(card(stopped))
    assert "Stopped: this is what was written." in shown(card(stopped))
    assert "And then" in shown(card(failed))
    assert "broken off" in shown(card(failed))
    assert "word by word" in shown(card(CardState("scratch", 4, "From scratch", asked=Asked("text"))))


def test_a_text_that_grows_says_what_it_has_more_and_nothing_else():
    one = heard(begun(), Progress(what="reading"), Partial(delta="And"))
    two = fold(one, Partial(2, " <i>then"))
    assert more(one, two) == '<span data-from="1" data-to="2"> &lt;i&gt;then</span>'
    assert more(one, fold(one, Progress(2, "reading"))) is None
    assert more(two, fold(two, Cancelled(3))) is None
    assert more(two, fold(two, Finished(3, Text("And then"), Stats()))) is None
    assert more(begun(), heard(begun(), Partial(delta="x"))) is None  # the phase is another: the card is drawn


@given(st.lists(st.lists(written_tokens, min_size=1, max_size=3), min_size=2, max_size=5))
def test_pieces_put_together_are_the_box_as_a_whole(batches):
    state = heard(begun(), Partial(delta="".join(t.text for t in batches[0]), tokens=tuple(batches[0])))
    grown = parsed(written_box(state)).text
    for place, batch in enumerate(batches[1:], 1):
        after = fold(state, Partial(place, "".join(t.text for t in batch), tuple(batch)))
        piece = more(state, after)
        grown = parsed(written_box(after)).text if piece is None else grown + parsed(piece).text
        state = after
    assert "".join(grown) == shown(written_box(state))


def test_each_token_has_its_probability_its_shade_and_its_alternatives():
    tokens = (token(" the", 0.97), token("\n", 0.3, (" <b>", 0.3), ("a%20 b", 0.0123)), token(" x", None))
    state = fold(begun(), Finished(0, Text(" the\n x", tokens), Stats()))
    found = named(written_box(state), "pg-t")
    assert [one["class"] for one in found] == ["pg-t pg-t0", "pg-t pg-t2 pg-nl", "pg-t pg-t0"]
    assert [one.get("data-p") for one in found] == ["0.97", "0.3", None]
    alternatives = found[1]["data-alts"].split(" ")
    assert [unquote(text) for text in alternatives[::2]] == [" <b>", "a%20 b"]
    assert alternatives[1::2] == ["0.3", "0.0123"]
    assert [shade(p) for p in (1, 0.9, 0.89, 0.5, 0.2, 0.05, 0.04, 0)] == [0, 0, 1, 1, 2, 3, 4, 4]
    assert len(named(card(begun()), "pg-shades")) == len(named(card(state), "pg-shades")) == 1


def test_tokens_that_are_not_the_text_are_not_drawn():
    for text, tokens in (("abc", (token("x"),)), ("ab", (token("ab", None),))):
        state = fold(begun(), Finished(0, Text(text, tokens), Stats()))
        assert not named(written_box(state), "pg-t")
        assert shown(written_box(state)) == PROMPT + text


def test_a_part_of_a_character_is_no_token_to_see():
    state = fold(begun(), Finished(0, Text("🙂", (token("", 0.2), token("🙂", 0.9))), Stats()))
    assert len(named(written_box(state), "pg-t")) == 1


@given(texts, words)
def test_nothing_of_a_text_is_markup(output, text):
    state = fold(begun(text=text), Finished(0, output, Stats()))
    found = parsed(card(state))
    assert not {tag for tag, _ in found.tags} & RISKY
    announcement([state])


def test_picked_sentences_are_marked_where_they_stand():
    text = "First <one>. Second. Third."
    output = Text("First <one>. Third.", picked=((0, 12), (21, 27)))
    state = fold(begun(Asked("text"), text), Finished(0, output, Stats()))
    markup = card(state)
    assert len(named(markup, "pg-found")) == 2
    assert "It quotes" in shown(markup)
    assert shown(picked_text(text, output.picked)) == text
    long = f"Begin. {'x ' * 400}Found.{' y' * 400} End."
    at = long.index("Found.")
    cut = shown(picked_text(long, ((at, at + 6),)))
    assert " … " in cut
    assert "Found." in cut
    assert len(cut) < 500
    assert shown(picked_text("abc", ((2, 99), (5, 3), (-4, 2)))) == "abc"


def test_how_it_ended_and_what_is_missing_is_said():
    remarks = view_of(Text("")).remarks
    assert remarks(Text("a", ended="length"), Asked("text")) == ["It ends where the length was reached."]
    assert remarks(Text("a", ended="stop"), ASKED) == ["This model tells no probabilities."]
    assert remarks(Text("a", (token("a"),), "stop"), ASKED) == []


def test_a_text_has_speed_and_tokens_in_its_figures_and_a_dash_for_what_was_not_measured():
    stats = Stats(
        source=Source.BUNDLED, time_to_first_token_seconds=0.08, tokens_per_second=41.4, tokens_in=12, tokens_out=80
    )
    said = " ".join(shown(card(fold(begun(), Finished(0, Text("a b"), stats)))).replace("\xa0", " ").split())
    for figure in ("80 msto the first token", "41tokens per second", "12 → 80tokens in → out"):
        assert figure in said
    empty = shown(card(fold(begun(), Finished(0, Text("a"), Stats(source=Source.BUNDLED)))))
    assert "–to the first token" in empty
    assert "–tokens per second" in empty
    assert ">0<" not in card(begun())
    result = TierResult("scratch", None, Text("a"), stats)
    drawn = shown(plot([result], TITLES, ASKED))
    assert "Tokens per second" in drawn
    assert "Confidence" not in drawn


def test_what_is_other_than_in_the_last_run_is_said_and_what_is_not():
    change = view_of(Text("")).change
    assert change(Text("a"), Text("b"))[0] == "other than last run"
    assert change(Text("a"), Text("a"))[0] == "same as last run"


def test_a_screen_reader_hears_the_text_and_a_table_its_beginning():
    output = Text("One two.\nThree " + "four " * 100)
    state = fold(begun(), Finished(0, output, Stats()))
    assert shown(announcement([state])).startswith("From scratch: One two. Three four")
    assert len(view_of(output).said(output)) <= 80
    assert view_of(output).headline(output, ASKED) == "103 words"
    assert view_of(output).headline(Text(" …"), ASKED) == "no words"
    assert view_of(output).differ([output, Text("x")]) is True
    assert view_of(output).differ([output, Text("One two. Three " + "four " * 100)]) is False
    assert view_of(output).differ([output]) is None


def test_texts_are_compared_by_their_words():
    said = compared("The cat sat, and sat.", "A cat sat.", "The  cat sat, and\nsat.", gold=References(("A <cat>.",)))
    assert said.startswith("Texts differ.A person wrote: A <cat>.")
    assert "Pretrained wrote 5 words, fine-tuned 3 words, from scratch 5 words." in said
    assert "Pretrained and from scratch are the same word for word." in said
    assert "Pretrained and fine-tuned share 2 words, of 5 and 3." in said
    assert compared("a b", "a b").startswith("All texts are the same.Pretrained wrote 2 words, fine-tuned 2 words.")
    assert "No two are the same word for word." in compared("a", "b")
    assert compared("a").startswith("One text.Pretrained wrote 1 word.")
    assert compared("a", source=Source.STAND_IN).startswith("Nothing to compare yet.")


@given(words, words)
def test_words_in_common_are_no_more_than_either_has(one, other):
    ((_, _, common),) = shared([one, other])
    assert common <= min(len(words_of(one)), len(words_of(other)))
    assert shared([one, one]) == [(0, 1, len(words_of(one)))]
    compared(one, other, gold=References((one, html.escape(other))))


def test_a_stopped_text_is_kept_in_the_history():
    result = TierResult("scratch", None, None, Stats(), written="And <b>then")
    state = with_result(begun(), result)
    assert state.phase is Phase.STOPPED
    assert shown(written_box(state)).endswith("And <b>then")
    record = RunRecord(1, datetime(2026, 1, 1, tzinfo=UTC), "generation", "x", (), (result,))
    assert "stopped: And <b>then …" in shown(history_row(record, TITLES, {}))
