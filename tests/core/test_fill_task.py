"""Gaps, the task that fills them, what an endpoint may say of them, and how answers are judged."""

import doctest
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import gaps
from playground.core.calls import Fill
from playground.core.errors import BadReply, EmptyInput, InputError, InputTooLong
from playground.core.gaps import MASK
from playground.core.reading_types import Choices, Filling, GapWords
from playground.core.types import Labels, ModelRef, Request
from playground.evaluation.perplexity import perplexity
from playground.evaluation.score import score
from playground.tasks.fill_mask import TASK

OTHER = "And [mask] was late."
TEXT = "The [MASK] was [MASK]."
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(["good", MASK]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["gaps", "words", "word", "probability", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def words(*rows):
    return {"words": [{"word": word, "probability": probability} for word, probability in rows]}


def said(*gap):
    return tuple(Filling(word, 0.1) for word in gap)


# -- gaps


def test_doctests():
    assert doctest.testmod(gaps).failed == 0


@pytest.mark.parametrize("written", ["[MASK]", "[mask]", "[ Mask ]", "<mask>", "<MASK>", "___", "________"])
def test_a_gap_may_be_written_in_several_ways(written):
    assert gaps.normalised(f"a {written} b") == f"a {MASK} b"


@pytest.mark.parametrize("text", ["a_b", "__init__", "[MASKED]", "mask", "<masks>", "a [MAS K]"])
def test_what_only_looks_like_one_is_none(text):
    assert gaps.normalised(text) == text


@given(
    st.lists(st.text(max_size=400).filter(lambda text: MASK not in gaps.normalised(text)), min_size=2, max_size=5),
    st.data(),
)
def test_a_passage_holds_its_gaps_word_and_what_stands_around(parts, data):
    text = MASK.join(parts)
    if gaps.count(text) != len(parts) - 1:
        return
    named = [f"<{place}>" for place in range(len(parts) - 1)]
    at = data.draw(st.integers(0, len(named) - 1))
    found = gaps.passage(text, named, at)
    assert named[at] in found
    whole = gaps.filled(text, named)
    assert found.strip("…") in whole or "…" in whole
    assert len(text) > gaps.WHOLE or found == whole


# -- the task


def bound(other=OTHER):
    return TASK.bound({"other": other})


def test_the_text_and_the_other_one_are_asked_for_with_their_gaps_as_masks():
    text = TASK.check("  Paris is the <mask>.", 100)
    assert text == "  Paris is the [MASK]."
    call = bound().call(ModelRef("m", "lora-masked", ""), Request(text, session="s"))
    assert call == Fill(ModelRef("m", "lora-masked", ""), "s", text, "And [MASK] was late.", 20)
    assert TASK.call(ModelRef("m", "lora-masked", ""), Request(text)).other == ""
    assert bound().values == (("other", "And [MASK] was late."),)
    assert bound("  \n ").values == TASK.bound({}).values == TASK.values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nothing is missing", "Write [MASK] where a word is missing."),
        (MASK * 9, "The text has 9 masks and the limit is 8: fill some of them in."),
    ],
)
def test_no_gap_or_too_many_are_refused_in_a_sentence(text, sentence):
    with pytest.raises(InputError) as found:
        TASK.check(text, 1000)
    assert str(found.value) == sentence
    with pytest.raises(InputError) as found:
        bound(text)
    assert str(found.value).startswith("The second sentence has")
    assert bound(MASK * 8).other == MASK * 8


def test_other_input_is_refused_as_everywhere():
    for text, kind in (("", EmptyInput), (" \n", EmptyInput), ("[MASK]" * 30, InputTooLong)):
        with pytest.raises(kind):
            TASK.check(text, 100)
    with pytest.raises(InputError, match="has no field"):
        TASK.bound({"labels": "a"})


# -- what an endpoint says


def test_the_schema_is_strict_and_holds_the_other_text():
    plain, both = TASK.schema(), bound().schema()
    assert plain["required"] == ["gaps"]
    assert both["required"] == ["gaps", "other_gaps"]
    assert "And [MASK] was late." in both["properties"]["other_gaps"]["description"]
    row = plain["properties"]["gaps"]["items"]["properties"]["words"]["items"]
    assert row["required"] == list(row["properties"]) == ["word", "probability"]
    assert plain["additionalProperties"] is row["additionalProperties"] is False
    json.dumps(both)
    assert bound().longest_reply(TEXT) > TASK.longest_reply(TEXT) > TASK.longest_reply(MASK)


def test_words_are_in_order_once_each_and_stand_in_the_text():
    reply = {"gaps": [words(("bad", 0.1), ("good", 0.6), ("Good", 0.5), (" ", 1)), words(("film", None))]}
    output = TASK.parse(reply, TEXT)
    assert [(row.token, row.score, row.text) for row in output.choices] == [
        ("good", 0.6, "The good was film."),
        ("bad", 0.1, "The bad was film."),
    ]
    assert [(row.token, row.score) for row in output.masks[1]] == [("film", None)]
    assert (output.score_source, output.words, output.other) == ("stated", ("good", "film"), ())


def test_two_texts_are_weighed_by_what_was_said_of_each():
    reply = {"gaps": [words(("she", 0.7), ("he", 0.2))], "other_gaps": [words(("he", 0.6))]}
    output = bound().parse(reply, "Then [MASK]!")
    assert output.other_text == "And [MASK] was late."
    assert output.other[0][0].text == "And he was late."
    assert [(row.token, row.here, row.there) for row in output.weighed] == [("she", 0.7, None), ("he", 0.2, 0.6)]


@pytest.mark.parametrize(
    "reply",
    [
        {}, {"gaps": None}, {"gaps": []}, {"gaps": "good"}, {"gaps": [words(("a", 1))]}, {"gaps": [words(), words(("a", 1))]},
        {"gaps": [words(("a", 1)), {"words": [{"word": 3}]}]}, {"gaps": [1, 2]}, {"gaps": [words((MASK, 1)), words(("a", 1))]},
    ],
)  # fmt: skip
def test_a_gap_without_words_is_a_bad_reply(reply):
    with pytest.raises(BadReply):
        TASK.parse(reply, TEXT)


def test_bare_lists_of_words_are_understood_and_odd_probabilities_left_out():
    output = TASK.parse({"gaps": [["good", "bad"], words(("a", 7), ("b", float("nan")), ("c", True))]}, TEXT)
    assert [row.token for row in output.choices] == ["good", "bad"]
    assert {row.score for gap in output.masks for row in gap} == {None}


REPLIES = st.dictionaries(st.sampled_from(["gaps", "other_gaps", "x"]), JSON | st.lists(JSON), max_size=3)


@given(REPLIES, st.sampled_from(["", OTHER]))
def test_any_reply_is_an_answer_or_a_bad_reply(reply, other):
    with suppress(BadReply):
        output = bound(other).parse(reply, TEXT)
        assert len(output.masks) == 2
        assert all(output.masks)
        assert bool(output.other) == bool(other)


# -- data files, verdicts, figures


def test_golds_are_read_from_rows():
    one, two = "a [mask]", TEXT
    assert TASK.gold({"text": one, "answers": ["x", "y"]}) == GapWords((frozenset({"x", "y"}),))
    assert TASK.gold({"text": one, "answer": "x"}) == GapWords((frozenset({"x"}),))
    assert TASK.gold({"text": two, "answers": ["x", ["y", "z"]]}) == GapWords((frozenset({"x"}), frozenset({"y", "z"})))
    for row in ({"text": one}, {"text": "a", "answers": ["x"]}, {"text": two, "answers": ["x"]}, {"answers": ["x"]},
                {"text": one, "answers": [1]}, {"text": one, "answers": []}, {"text": two, "answers": ["x", []]}):  # fmt: skip
        assert TASK.gold(row) is None
        assert TASK.fault(row)


def test_the_first_word_decides_without_case_and_five_count_at_five():
    gold = GapWords((frozenset({"Paris", "Lyon"}),))
    right, second, none = (
        Choices(rows, (rows,)) for rows in (said("paris", "x"), said("x", "LYON"), said(*"abcdef", "paris"))
    )
    assert TASK.matches(right, gold) is True
    assert TASK.matches(second, gold) is False
    assert TASK.matches(Labels("x", ()), gold) is None
    pairs = [TASK.pairs(MASK, gold, output) for output in (right, second, none, None)]
    figures = score(TASK, pairs)
    assert figures["metrics"] == {"accuracy": 0.25, "accuracy_at_5": 0.5}
    assert figures["per_label"] == {}
    low, high = figures["intervals_95"]["accuracy_at_5"]
    assert 0.1 < low < 0.5 < high < 0.9


def test_every_gap_of_a_text_counts():
    gold = GapWords((frozenset({"a"}), frozenset({"b"})))
    half = Choices(said("a"), (said("a"), said("x", "b")))
    assert TASK.matches(half, gold) is False
    assert TASK.pairs(TEXT, gold, half) == [(frozenset({"a"}), ("a",)), (frozenset({"b"}), ("x", "b"))]
    assert score(TASK, [TASK.pairs(TEXT, gold, half)] * 3)["metrics"] == {"accuracy": 0.5, "accuracy_at_5": 1.0}


def test_of_an_example_the_right_words_are_wanted():
    rows = [{"text": TEXT, "answers": ["a", ["b", "c"]]}, {"text": f"x {MASK}", "answers": ["y"]}]
    read = TASK.reader(rows, {})
    assert [read(row).wanted for row in rows] == [(frozenset("a"), frozenset("bc")), (frozenset("y"),)]
    assert {read(row).values for row in rows} == {TASK.values}


def test_perplexity_is_the_exponential_of_what_the_right_words_cost():
    outputs = [Choices((), wanted=(0.5, None)), Choices((), wanted=(0.125,)), Labels("x", ()), None]
    assert perplexity(outputs) == {"value": 4.0, "n": 2}
    assert perplexity([Choices((), wanted=(1.0,) * 3)])["value"] == 1
    assert perplexity([Choices((), wanted=(0.0,))])["value"] > 1e300  # and no fault
    assert perplexity([Choices((), wanted=(None,)), None]) is None
