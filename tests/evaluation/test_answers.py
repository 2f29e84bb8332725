"""SQuAD's figures of answers to questions."""

import pytest

from playground.core.extract_task import CONTEXT, ExtractTask
from playground.core.fields import Field
from playground.core.reading_types import ExtractedAnswer, GoldAnswers
from playground.evaluation import metrics
from playground.evaluation.score import calibration, score

TASK = ExtractTask("qa", "Questions", "Which?", "", (Field(CONTEXT, "Context", "text"),), (), "Quote.")
GOLDS = [("Denver Broncos",), ("1874", "in 1874"), (), ("a boat",)]
SAID = ["the Broncos", "in 1874", "", None]


def test_figures_by_hand():
    assert metrics.answer_f1(GOLDS, SAID) == pytest.approx((2 / 3 + 1 + 1 + 0) / 4)
    assert metrics.exact_match(GOLDS, SAID) == pytest.approx(0.5)
    assert metrics.answer_f1([()], [None]) == 0  # a failure is no “no answer”


def test_the_score_of_a_file():
    examples = [[pair] for pair in zip(GOLDS, SAID, strict=True)] * 10
    found = score(TASK, examples)
    assert found["metrics"] == {"f1": pytest.approx(2 / 3, abs=1e-6), "exact_match": 0.5}
    for name, value in found["metrics"].items():
        low, high = found["intervals_95"][name]
        assert low < value < high
    assert found["per_label"] == {}


def test_computed_scores_are_held_to_their_word():
    rows = [
        (GoldAnswers(("red",)), ExtractedAnswer("red", 0, 3, 0.9)),
        (GoldAnswers(("red",)), ExtractedAnswer("blue", 0, 4, 0.9)),
        (GoldAnswers(()), ExtractedAnswer("", 0, 0, 0.6, score_source="stated")),
    ]
    assert calibration(rows) == {"ece": 0.4, "n": 2}
