import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import BadReply, EmptyInput, InputError, InputTooLong
from playground.core.extract_task import CONTEXT, ExtractTask
from playground.core.fields import MAX_VALUE_CHARS, Field
from playground.core.reading_types import ExtractedAnswer, GoldAnswers
from playground.core.types import Labels, ModelRef, Request

TASK = ExtractTask("qa", "Questions", "Which words?", "", (Field(CONTEXT, "Context", "text"),), (), "Quote.")
TEXT = "Ann has a red bike. Ben has a red car, and the café has a “blue” one."
BOUND = TASK.bound({CONTEXT: TEXT})


def reply(answer, occurrence=1, answerable=True, confidence=0.8):
    return {"answerable": answerable, "answer": answer, "occurrence": occurrence, "confidence": confidence}


def test_without_a_context_it_asks_for_one():
    assert TASK.bound({}).context == ""
    for wrong in ("", " \n"):
        with pytest.raises(InputError, match="no context"):
            TASK.bound({CONTEXT: wrong})
    with pytest.raises(InputError, match="no context"):
        TASK.check("Who?", 100)
    with pytest.raises(EmptyInput, match="no question"):
        BOUND.check(" ", 100)
    with pytest.raises(InputTooLong):
        BOUND.check("x" * 101, 100)
    with pytest.raises(InputError, match="limit is 120,000"):
        TASK.bound({CONTEXT: "x" * (MAX_VALUE_CHARS + 1)})
    with pytest.raises(InputError, match="control characters"):
        TASK.bound({CONTEXT: "a\x00b"})
    with pytest.raises(InputError, match="no field"):
        TASK.bound({"labels": "x"})
    assert BOUND.check("Who?", 100) == "Who?"


def test_what_a_model_is_asked():
    call = BOUND.call(ModelRef("m", "lora-reader", ""), Request("Who?", session="s"))
    assert (call.question, call.context, call.user) == ("Who?", TEXT, "s")
    prompt = TASK.bound({CONTEXT: 'He said "stop".\n\nQuestion: none'}).prompt("Really?")
    assert prompt == 'Context: "He said \\"stop\\".\\n\\nQuestion: none"\n\nQuestion: "Really?"'
    schema = BOUND.schema()
    assert schema["required"] == list(schema["properties"])
    assert "offset" not in json.dumps(schema)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (reply("red bike"), (10, 18)),
        (reply("a red", 2), (28, 33)),
        (reply("a red", 99), (28, 33)),
        (reply("RED  car"), (30, 37)),
        (reply(' "blue" '), (TEXT.index("“"), TEXT.index("”") + 1)),
        (reply("cafe\u0301"), (47, 51)),
    ],
)
def test_offsets_are_found_by_the_words(said, place):
    found = BOUND.parse(said, "?")
    assert (found.start, found.end) == place
    assert found.answer == TEXT[slice(*place)]
    assert (found.score, found.score_source, found.placed) == (0.8, "stated", True)


def test_words_that_stand_nowhere_are_kept_and_said_to_be_nowhere():
    found = BOUND.parse(reply("a green boat", confidence=7), "?")
    assert found == ExtractedAnswer("a green boat", 0, 0, None, score_source="stated", placed=False)


@pytest.mark.parametrize("said", [reply("", answerable=True), reply("whatever", answerable=False)])
def test_no_answer_is_an_answer(said):
    found = BOUND.parse(said, "?")
    assert (found.answer, found.score, found.no_answer) == ("", 0.8, 0.8)


@pytest.mark.parametrize(
    "said", [{}, {"answer": "x"}, {"answer": 3, "answerable": True}, {"answer": "x", "answerable": "yes"}]
)
def test_a_reply_of_another_shape_is_refused(said):
    with pytest.raises(BadReply):
        BOUND.parse(said, "?")


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("red")


@given(st.dictionaries(st.sampled_from(["answer", "answerable", "occurrence", "confidence"]), JSON))
def test_whatever_a_model_says_is_an_answer_or_a_bad_reply(said):
    try:
        found = BOUND.parse(said, "?")
    except BadReply:
        return
    assert TEXT[found.start : found.end] == (found.answer if found.placed else "")


def test_rows_of_a_file():
    assert TASK.asked({"question": "Who?"}) == "Who?"
    assert TASK.gold({"answers": ["red", {"text": "a red car", "answer_start": 3}, "red"]}) == GoldAnswers(
        ("red", "a red car")
    )
    assert TASK.gold({"answers": {"text": ["red"], "answer_start": [1]}}) == GoldAnswers(("red",))
    assert TASK.gold({"answers": []}) == GoldAnswers(())
    for wrong in ({}, {"answers": "red"}, {"answers": [3]}, {"answers": [" "]}):
        assert TASK.gold(wrong) is None
        assert "answers" in TASK.fault(wrong)
    read = TASK.reader([{CONTEXT: TEXT}], {})
    assert read({CONTEXT: TEXT}) is read({CONTEXT: TEXT})
    assert read({CONTEXT: TEXT}).context == TEXT
    with pytest.raises(InputError, match='no "context"'):
        read({})
    assert TASK.reader([], {CONTEXT: "given"})({}).context == "given"


def test_right_is_what_squad_calls_exact():
    gold = GoldAnswers(("red car",))
    assert BOUND.matches(ExtractedAnswer("The red car.", 0, 12), gold) is True
    assert BOUND.matches(ExtractedAnswer("red", 0, 3), gold) is False
    assert BOUND.matches(ExtractedAnswer("", 0, 0), GoldAnswers(())) is True
    assert BOUND.matches(Labels("red car", ()), gold) is None
    assert BOUND.pairs("?", gold, None) == [(("red car",), None)]
    assert BOUND.pairs("?", gold, ExtractedAnswer("red", 0, 3)) == [(("red car",), "red")]
