"""Tasks that write: their settings, what they ask a model, and how a data file's rows are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.calls import Foresee, Generate, Pick, Rewrite
from playground.core.errors import BadReply, InputError, NotSupported
from playground.core.types import Labels, ModelRef, Request
from playground.core.writing_task import WritingTask, writing_fields
from playground.core.writing_types import Foreseen, References, Text, Writing

DEFAULTS = Writing(length=80, temperature=0.8, top_p=0.95, repetition_penalty=1.1)
FIELDS = writing_fields(DEFAULTS, 512, chance=True)
TASK = WritingTask("t", "T", "Q?", "p", (), "i", FIELDS, ("rougeL",))
GOING_ON = WritingTask("g", "G", "Q?", "p", (), "i", FIELDS, ("bits_per_byte",), continues=True, foresees=True)


def ref(loader: str) -> ModelRef:
    return ModelRef("m", loader, "folder")


def test_the_settings_are_the_fields_defaults_until_others_are_given():
    assert TASK.writing == DEFAULTS
    assert TASK.bound({}).writing == DEFAULTS
    bound = TASK.bound({"temperature": "0", "top_k": "40", "beams": "4", "seed": "7", "length": "12", "details": "1"})
    assert bound.writing == Writing(12, 0.0, 40, 0.95, 1.1, 4, 7, True)


@given(
    st.builds(
        Writing,
        length=st.integers(1, 512),
        temperature=st.integers(0, 20).map(lambda n: n / 10),
        top_k=st.integers(0, 1000),
        top_p=st.integers(1, 100).map(lambda n: n / 100),
        repetition_penalty=st.integers(20, 40).map(lambda n: n / 20),
        beams=st.integers(1, 8),
        seed=st.integers(0, 2**31 - 1),
        details=st.booleans(),
    )
)
def test_every_setting_survives_its_field(writing):
    values = {field.name: f"{getattr(writing, field.name):.10g}" for field in FIELDS}
    assert TASK.bound(values).writing == writing


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("temperature", "3"),
        ("top_p", "0"),
        ("beams", "2.5"),
        ("seed", "-1"),
        ("length", "x"),
        ("length", "1e9"),
        ("seed", "nan"),
    ],
)
def test_a_number_outside_its_bounds_is_said_in_a_sentence(name, said):
    with pytest.raises(InputError, match=r"is a (whole )?number from .* to .*, and not"):
        TASK.bound({name: said})


@pytest.mark.parametrize(
    ("loader", "call"),
    [
        ("pipeline-decoder", Generate), ("lora-decoder", Generate), ("scratch-decoder", Generate),
        ("pipeline-seq2seq", Rewrite), ("lora-seq2seq", Rewrite), ("scratch-seq2seq", Rewrite),
        ("encoder", Pick), ("lora-picker", Pick),
    ],
)  # fmt: skip
def test_each_kind_of_model_is_asked_what_it_can_do(loader, call):
    asked = TASK.call(ref(loader), Request("Once", session="me"))
    assert type(asked) is call
    assert (asked.text, asked.user) == ("Once", "me")
    if call is not Pick:
        assert asked.writing == DEFAULTS


def test_a_model_that_writes_nothing_is_refused():
    with pytest.raises(NotSupported, match="writes no texts"):
        TASK.call(ref("lora-tagger"), Request("Once"))


def test_a_row_of_plain_text_is_foreseen_and_one_with_references_is_written():
    read = GOING_ON.reader([], {})
    row = {"text": "Once upon a time."}
    task = read(row)
    assert task.metrics == ("bits_per_byte",)
    assert type(task.call(ref("scratch-decoder"), Request(row["text"]))) is Foresee
    with pytest.raises(NotSupported, match="foresees"):
        task.call(ref("encoder"), Request(row["text"]))
    assert task.gold(row) == References((row["text"],))
    assert task.pairs(row["text"], task.gold(row), Foreseen(8.0, 4)) == [((row["text"],), Foreseen(8.0, 4))]
    written = read(row | {"references": ["x"]})
    assert type(written.call(ref("scratch-decoder"), Request("Once"))) is Generate


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"references": ["a", "b"]}, References(("a", "b"))),
        ({"reference": "a"}, References(("a",))),
        ({"references": []}, None),
        ({"references": [""]}, None),
        ({"references": [1]}, None),
        ({}, None),
    ],
)
def test_references_are_texts(row, gold):
    assert TASK.gold({"text": "x"} | row) == gold
    if gold is None:
        assert "references" in TASK.fault({"text": "x"} | row)


def test_a_plain_reply_is_the_answer_and_an_empty_one_is_none():
    assert TASK.schema() == {}
    assert TASK.parse({"text": " and so on"}, "x") == Text(" and so on")
    for said in ("", " \n", None, 3):
        with pytest.raises(BadReply):
            TASK.parse({"text": said}, "x")


def test_what_is_no_text_counts_as_no_answer():
    gold = References(("a",))
    assert TASK.pairs("x", gold, Text("b")) == [(("a",), "b")]
    assert TASK.pairs("x", gold, None) == [(("a",), None)]
    assert TASK.pairs("x", gold, Labels("joy", ())) == [(("a",), None)]
    assert TASK.matches(Text("a"), gold) is None
