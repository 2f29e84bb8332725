import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import BadReply, BinaryInput, EmptyInput, InputError, InputTooLong
from playground.core.label_task import LabelTask
from playground.core.task import Label, canonical_label, checked_text

TASK = LabelTask(
    "mood",
    "Mood",
    "Which mood?",
    "",
    (Label("Very_Good", "good"), Label("bad", "bad"), Label("so so", "-")),
    (),
    "Choose.",
)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", EmptyInput),
        (" \n\t ", EmptyInput),
        ("x" * 11, InputTooLong),
        ("a\x00b", BinaryInput),
        ("\x1b[0m", BinaryInput),
        ("\ud800", BinaryInput),
    ],
)
def test_unusable_input_is_refused_in_one_sentence(text, error):
    with pytest.raises(error) as caught:
        checked_text(text, 10)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a", "👩‍👩‍👧‍👦", "שלום עולם", "<script>", "tab\tline\r\n", "é\u0301", "isn\x92t \x93so\x94"]
)
def test_usable_input_is_left_as_it_is(text):
    assert checked_text(text, 100) == text


@given(st.text(max_size=30))
def test_checking_returns_the_text_or_an_input_error(text):
    with suppress(InputError):
        assert checked_text(text, 20) == text


def test_labels_compare_without_case_and_with_underscore_as_space():
    assert canonical_label("Very_GOOD ") == canonical_label("very good")


def test_the_schema_names_every_label_with_its_description():
    choices = TASK.schema()["properties"]["label"]["anyOf"]
    assert [(choice["enum"], choice["description"]) for choice in choices] == [
        (["Very_Good"], "good"),
        (["bad"], "bad"),
        (["so so"], "-"),
    ]
    json.dumps(TASK.schema())


def test_a_stated_confidence_becomes_scores_that_add_up_to_one():
    output = TASK.parse({"label": "very good", "confidence": 0.8}, "")
    assert (output.label, output.score_source, output.confidence) == ("Very_Good", "stated", 0.8)
    assert sum(row.score for row in output.scores) == pytest.approx(1)
    assert output.scores[0].label == "Very_Good"


@pytest.mark.parametrize("confidence", [None, "high", True, -1, 7, float("nan")])
def test_a_confidence_that_is_none_gives_a_label_without_scores(confidence):
    assert TASK.parse({"label": "bad", "confidence": confidence}, "").scores == ()


@given(
    st.dictionaries(
        st.sampled_from(["label", "confidence", "x"]),
        st.one_of(st.text(), st.floats(), st.none(), st.booleans(), st.integers()),
    )
)
def test_any_reply_parses_or_is_a_bad_reply(reply):
    try:
        output = TASK.parse(reply, "")
    except BadReply:
        return
    assert output.label in {"Very_Good", "bad", "so so"}
    assert all(0 <= row.score <= 1 for row in output.scores)


def test_golds_are_names_or_indices():
    assert TASK.gold({"label": 1}) == "bad"
    assert TASK.gold({"label": "SO_SO"}) == "so so"
    assert TASK.gold({"label": True}) is None
    assert TASK.gold({}) is None
