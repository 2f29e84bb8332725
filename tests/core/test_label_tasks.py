"""Tasks of labels: one, several at once, a visitor's own. What endpoints reply is in tests/tiers/test_hosted_labels.py."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.calls import Candidate, Classify, Match
from playground.core.errors import BadReply, InputError
from playground.core.label_task import MATCHERS, LabelTask, Matching, choice_schema
from playground.core.multi_label_task import MultiLabelTask
from playground.core.task import Label
from playground.core.types import JudgedLabel, Labels, ModelRef, MultiLabels, Request
from playground.core.zero_shot_task import MOST_CHARS, MOST_LABELS
from playground.tasks.intent import TASK as INTENT
from playground.tasks.spam import TASK as SPAM
from playground.tasks.topics import TASK as TOPICS
from playground.tasks.zero_shot import TASK as ZERO_SHOT

WORDS = {"title": "T", "question": "?", "placeholder": "", "examples": (), "instruction": ""}
COLOURS = (Label("dark_red", "Like wine."), Label("Is it blue?", ""), Label("{description}", "odd"))
ONE = LabelTask(
    name="one", labels=COLOURS, matching=Matching("{label}: {description}", "It is {label}.", scale=7.0), **WORDS
)
EACH = MultiLabelTask(
    name="each",
    labels=COLOURS,
    matching=Matching(words=(("dark_red", "wine red"),), offset=2.0, threshold=0.3),
    **WORDS,
)
REQUEST = Request("text", session="me")


def ref(loader):
    return ModelRef("m", loader, "")


# -- what a local model is asked


@pytest.mark.parametrize("loader", sorted(MATCHERS))
def test_a_model_that_was_not_trained_on_the_labels_is_asked_to_match(loader):
    call = ONE.call(ref(loader), REQUEST)
    assert isinstance(call, Match)
    assert (call.text, call.user, call.many, call.scale) == ("text", "me", False, 7.0)
    if loader == "pipeline-nli":
        assert [one.text for one in call.candidates] == ["It is dark red.", "It is Is it blue.", "It is {description}."]
    else:
        assert call.candidates == (
            Candidate("dark_red", "dark red: Like wine."),
            Candidate("Is it blue?", "Is it blue: Is it blue"),
            Candidate("{description}", "{description}: odd"),  # read in one pass
        )


@pytest.mark.parametrize("loader", ["lora-classifier", "scratch-classifier", "pipeline-classifier"])
def test_a_model_that_was_trained_on_them_classifies(loader):
    assert ONE.call(ref(loader), REQUEST) == Classify(model=ref(loader), user="me", text="text")
    assert EACH.call(ref(loader), REQUEST) == Classify(model=ref(loader), user="me", text="text", many=True)


def test_several_are_matched_each_by_itself():
    call = EACH.call(ref("encoder"), REQUEST)
    assert (call.many, call.offset, call.threshold) == (True, 2.0, 0.3)
    assert call.candidates[0].text == "wine red"


# -- schemas


def test_described_labels_are_branches_and_plain_ones_a_list():
    assert choice_schema((Label("a", "x"), Label("b", "")), "q") == {
        "anyOf": [{"type": "string", "enum": ["a"], "description": "x"}, {"type": "string", "enum": ["b"]}],
        "description": "q",
    }
    assert choice_schema((Label("a", ""), Label("b", "")), "q") == {
        "type": "string",
        "enum": ["a", "b"],
        "description": "q",
    }


def nodes(schema):
    yield schema
    for value in schema.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from nodes(inner)


@pytest.mark.parametrize("many", ["", "1"])
@pytest.mark.parametrize("length", [5, 50, MOST_CHARS])
def test_500_labels_keep_to_openais_strict_mode(many, length):
    """Its documented limits: 1,000 values over all enums; of an enum of more than 250 values 15,000 characters; 120,000 characters
    in all; every object closed, with all its properties required.
    """
    task = ZERO_SHOT.bound({"labels": "\n".join(f"{n:03} ".ljust(length, "x") for n in range(500)), "many": many})
    enums = [node["enum"] for node in nodes(task.schema()) if "enum" in node]
    assert sum(map(len, enums)) == 500
    assert all(len(values) <= 250 or sum(map(len, values)) <= 15_000 for values in enums)
    assert sum(len(value) for values in enums for value in values) <= 120_000
    for node in nodes(task.schema()):
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])


# -- golds of data files


def test_golds_of_one_label():
    assert SPAM.gold({"label": 1}) == "spam"
    assert SPAM.gold({"label": "HAM"}) == "ham"
    assert (
        INTENT.gold({"label": "oos"})
        == INTENT.gold({"label": 77})
        == INTENT.gold({"label": "Out of scope"})
        == "out_of_scope"
    )
    assert INTENT.gold({"label": "refund not showing up"}) == "Refund_not_showing_up"
    for wrong in (2, -1, True, None, "sp am", ["spam"]):
        assert SPAM.gold({"label": wrong}) is None
    assert "and 66 more" in INTENT.fault({"label": "greeting"})


@pytest.mark.parametrize(
    ("row", "gold"),
    [
        ({"labels": ["joy", "LOVE"]}, {"joy", "love"}),
        ({"labels": [17, 18]}, {"joy", "love"}),
        ({"labels": []}, set()),
        ({"label": "17,18"}, {"joy", "love"}),
        ({"label": "joy, love"}, {"joy", "love"}),
        ({"label": "27"}, {"neutral"}),
        ({"label": 27}, {"neutral"}),
        ({"label": ["joy"]}, {"joy"}),
        ({"labels": ["joy"], "label": "fear"}, {"joy"}),
        ({"labels": [28]}, None),
        ({"labels": ["joy", "glee"]}, None),
        ({"labels": [True]}, None),
        ({"labels": None}, None),
        ({"label": 1.5}, None),
        ({}, None),
    ],
)
def test_golds_of_several_labels(row, gold):
    assert TOPICS.gold(row) == (None if gold is None else frozenset(gold))
    if gold is None:
        assert TOPICS.fault(row).startswith("it")


# -- answers against golds


def test_what_is_right():
    assert ONE.matches(Labels("Dark red", ()), "dark_red") is True
    assert ONE.matches(MultiLabels(("dark_red",)), "dark_red") is None
    both = MultiLabels(("dark_red", "Is it blue?"), (JudgedLabel("dark_red", 0.9, 0.5),))
    assert EACH.matches(both, frozenset({"is it blue?", "dark red"})) is True
    assert EACH.matches(both, frozenset({"dark_red"})) is False
    assert EACH.matches(MultiLabels(()), frozenset()) is True
    assert EACH.matches(Labels("dark_red", ()), frozenset({"dark_red"})) is None
    assert EACH.pairs("", frozenset({"dark_red"}), None) == [(frozenset({"dark red"}), None)]


def test_an_accent_is_itself_however_it_is_encoded():
    assert ZERO_SHOT.bound({"labels": "café, tea"}).parse({"label": "cafe\u0301"}, "").label == "café"
    with pytest.raises(InputError, match="twice"):
        ZERO_SHOT.bound({"labels": "café\ncafe\u0301"})


# -- the visitor's own labels


def bound(labels, many=""):
    return ZERO_SHOT.bound({"labels": labels, "many": many})


def names(task):
    return [label.name for label in task.labels]


def test_without_values_it_has_labels_so_that_a_run_works_at_once():
    task = ZERO_SHOT.bound({})
    assert task.labels == ZERO_SHOT.labels
    assert task.values == ZERO_SHOT.values == (("labels", "\n".join(names(task))), ("many", ""))
    assert len(task.labels) >= 2


def test_what_was_chosen_is_kept_in_one_form_however_it_was_written():
    assert bound("a, b").values == bound("a\r\n\r\n b ", "off").values == (("labels", "a\nb"), ("many", ""))
    assert bound('"a, b"', "1").values == (("labels", '"a, b"'), ("many", "1"))
    for task in (bound("a, b"), bound('"a, b"', "on")):
        assert task.bound(dict(task.values)) == task
        assert task.fields == ZERO_SHOT.fields


def test_one_may_be_true_or_several():
    one, each = bound("a, b"), bound("a, b", "yes")
    assert (one.kind, each.kind) == (Labels.kind, MultiLabels.kind)
    assert (one.metrics, each.metrics) == (("accuracy", "macro_f1"), ("macro_f1", "micro_f1"))
    assert isinstance(one.call(ref("lora-encoder"), REQUEST), Match)
    assert each.call(ref("lora-encoder"), REQUEST).many
    assert one.call(ref("encoder"), REQUEST).scale != each.call(ref("encoder"), REQUEST).scale
    assert one.schema() != each.schema()
    assert one.instruction != each.instruction
    assert names(bound("only one", "1")) == ["only one"]


@pytest.mark.parametrize(
    ("labels", "many", "said"),
    [
        ("", "", "no labels"),
        (" , ,\n", "1", "no labels"),
        ("one", "", "only label"),
        ('"a, b"', "", "only label"),
        ("a, b, A", "", "“A” is there twice"),
        ("lost_card\nLost  card", "", "“Lost  card” is there twice"),
        ("\n".join(map(str, range(MOST_LABELS + 1))), "", "501 labels and the limit is 500"),
        ("a, " + "x" * (MOST_CHARS + 1), "", "201 characters and the limit is 200"),
        ("x" * 100_000, "", "only label"),
        ("x" * 100_000, "1", "limit is 200"),
        ("a\x00, b", "", "binary"),
        ("a, b", "2", "on or off"),
    ],
)
def test_a_fault_of_labels_is_one_sentence(labels, many, said):
    with pytest.raises(InputError, match=said) as caught:
        bound(labels, many)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 220


def test_a_field_that_is_not_there():
    with pytest.raises(InputError, match="no field “colour”"):
        ZERO_SHOT.bound({"colour": "red"})
    with pytest.raises(InputError, match="no field"):
        SPAM.bound({"labels": "a, b"})


ODD = [
    "a, b",
    "<script>alert('x')</script>",
    '"quoted"',
    "{label}",
    "🙂",
    "ملصق",
    "\u202eabc",
    "_",
    "-",
    "=1+1",
    "$ref",
    "null",
]


@pytest.mark.parametrize("many", ["", "1"])
def test_odd_labels_are_taken_as_they_are(many):
    task = bound("\n".join(ODD), many)
    assert names(task) == ODD
    json.dumps(task.schema())
    for label in ODD:
        reply = {"labels": [{"label": label, "confidence": 1}]} if many else {"label": label, "confidence": 1}
        output = task.parse(reply, "")
        assert (output.labels if many else (output.label,)) == (label,)
    assert [one.label for one in task.call(ref("encoder"), REQUEST).candidates] == ODD
    assert all(one.text for one in task.call(ref("encoder"), REQUEST).candidates)


LABEL = st.text(min_size=1, max_size=10)


@given(st.lists(LABEL, max_size=6), st.booleans())
def test_any_labels_are_bound_or_one_sentence(labels, many):
    try:
        task = bound("\n".join(labels), "1" if many else "")
    except InputError:
        return
    assert task.bound(dict(task.values)) == task
    first = names(task)[0]
    row = {"label": [first] if many else first}
    assert task.gold(row) == (frozenset({first}) if many else first)
    with pytest.raises(BadReply):
        task.parse({"label": "none of them, surely", "labels": ["none of them, surely"]}, "")


# -- rows of data files bring labels


def test_rows_may_bring_their_own_candidates():
    rows = [
        {"text": "x", "label": "a", "labels": ["a", "b, c"]},
        {"text": "y", "label": "d"},
        {"text": "z", "label": "e"},
    ]
    read = ZERO_SHOT.reader(rows, {})
    assert names(read(rows[0])) == ["a", "b, c"]
    assert names(read(rows[1])) == names(read(rows[2])) == ["a", "d", "e"]  # all true labels of the file
    assert read(rows[1]) is read(rows[2])
    given_ = ZERO_SHOT.reader(rows, {"labels": "d, e"})
    assert names(given_(rows[0])) == ["a", "b, c"]
    assert names(given_(rows[1])) == ["d", "e"]


def test_a_list_of_true_labels_says_that_several_may_be():
    rows = [{"text": "x", "label": ["a", "b"]}, {"text": "y", "label": []}, {"text": "z", "label": "A"}]
    read = ZERO_SHOT.reader(rows, {})
    assert [read(row).gold(row) for row in rows] == [frozenset("ab"), frozenset(), frozenset("a")]
    assert ZERO_SHOT.reader(rows, {"many": ""})(rows[0]).kind == Labels.kind


def test_rows_faults():
    for own in ("a, b", [1, 2], {"a": 1}):
        with pytest.raises(InputError, match="no list of texts"):
            ZERO_SHOT.reader([{"labels": own}], {})({"labels": own})
    row = {"text": "x", "label": "a"}
    read = ZERO_SHOT.reader([row], {})
    with pytest.raises(InputError, match="only label"):
        read(row)


def test_stated_confidences():
    for odd in (2, -1, "0.5", True, None, math.nan):
        assert ONE.parse({"label": "dark_red", "confidence": odd}, "") == Labels("dark_red", (), "stated")
    output = ONE.parse({"label": "dark_red", "confidence": 0.5}, "")
    assert [one.score for one in output.scores] == [0.5, 0.25, 0.25]
