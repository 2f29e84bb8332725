"""What bench prints of one tier, by kind of task, against figures counted by hand."""

import pytest

from playground.core.label_task import LabelTask
from playground.core.multi_label_task import MultiLabelTask
from playground.core.task import Label
from playground.core.types import Labels, MultiLabels
from playground.evaluation.score import score

WORDS = {"title": "T", "question": "?", "placeholder": "", "examples": (), "instruction": ""}
SPAM = LabelTask(
    name="spam",
    labels=(Label("ham", ""), Label("spam", "")),
    positive="spam",
    metrics=("f1", "accuracy", "precision", "recall"),
    **WORDS,
)
FEELINGS = MultiLabelTask(
    name="feelings", labels=tuple(Label(name, "") for name in ("Joy", "love_it", "fear")), **WORDS
)


def of_labels(task, *both):
    return [task.pairs("", gold, None if said is None else Labels(said, ())) for gold, said in both]


def of_sets(*both):
    return [FEELINGS.pairs("", frozenset(gold), None if said is None else MultiLabels(said)) for gold, said in both]


def test_a_positive_label():
    found = score(
        SPAM, of_labels(SPAM, ("spam", "spam"), ("spam", "ham"), ("ham", "ham"), ("ham", "spam"), ("ham", None))
    )
    assert found["metrics"] == {"f1": 0.5, "accuracy": 0.4, "precision": 0.5, "recall": 0.5}
    assert found["per_label"]["spam"] == {"f1": 0.5, "precision": 0.5, "recall": 0.5, "n": 2}
    assert found["per_label"]["ham"]["n"] == 3
    for name, value in found["metrics"].items():
        low, high = found["intervals_95"][name]
        assert 0 <= low <= value <= high <= 1
    assert found["intervals_95"]["accuracy"] == [0.1176, 0.7693]  # Wilson's, of 2 in 5


def test_several_labels():
    found = score(
        FEELINGS, of_sets(({"Joy", "love_it"}, ("joy",)), ({"fear"}, ("Joy", "fear")), (set(), ()), ({"Joy"}, None))
    )
    assert found["metrics"] == {"macro_f1": 0.5, "micro_f1": round(4 / 7, 6)}
    assert found["per_label"] == {
        "Joy": {"f1": 0.5, "precision": 0.5, "recall": 0.5, "n": 2},
        "fear": {"f1": 1.0, "precision": 1.0, "recall": 1.0, "n": 1},
        "love_it": {"f1": 0.0, "precision": 0.0, "recall": 0.0, "n": 1},
    }
    for name, value in found["metrics"].items():
        low, high = found["intervals_95"][name]
        assert 0 <= low <= value <= high <= 1


def test_the_macro_interval_shrinks_with_more_examples():
    rows = [("spam", "spam"), ("ham", "ham"), ("ham", "spam")]
    task = LabelTask(name="s", labels=SPAM.labels, **WORDS)
    widths = []
    for times in (5, 500):
        found = score(task, of_labels(task, *(rows * times)))
        assert found["metrics"]["macro_f1"] == pytest.approx(2 / 3, abs=1e-6)
        low, high = found["intervals_95"]["macro_f1"]
        assert low < 2 / 3 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_rows_with_labels_of_their_own_keep_their_names():
    found = score(SPAM, of_labels(SPAM, ("Lost_Card", "Lost_Card")), ["Lost_Card"])
    assert found["per_label"] == {"Lost_Card": {"f1": 1.0, "precision": 1.0, "recall": 1.0, "n": 1}}
