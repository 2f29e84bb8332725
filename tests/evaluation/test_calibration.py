import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.types import JudgedLabel, Labels, LabelScore, MultiLabels
from playground.evaluation.calibration import confidences, expected_calibration_error
from playground.evaluation.score import calibration

ROWS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def labels(label, score, source="computed"):
    return Labels(label, (LabelScore(label, score),), source)


def test_by_hand():
    # Two bins of 10: [0.61, 0.69] mean 0.65, half are right, gap 0.15; [0.95] right, gap 0.05. (2 * 0.15 + 1 * 0.05) / 3
    assert expected_calibration_error([0.61, 0.69, 0.95], [True, False, True], 10) == pytest.approx(0.35 / 3)


def test_the_edges_of_bins():
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0
    # 0.2 belongs to (0.1, 0.2], together with 0.15
    assert expected_calibration_error([0.2, 0.15], [True, False], 10) == pytest.approx(abs(1 - 0.35) / 2)
    assert expected_calibration_error([0.2, 0.25], [True, False], 10) == pytest.approx((0.8 + 0.25) / 2)


@given(ROWS, st.integers(1, 30))
def test_it_is_a_weighted_mean_of_gaps(rows, bins):
    sure, right = zip(*rows, strict=True)
    error = expected_calibration_error(sure, right, bins)
    assert -1e-12 <= error <= 1 + 1e-12
    whole = abs(sum(right) - sum(sure)) / len(rows)
    assert expected_calibration_error(sure, right, 1) == pytest.approx(whole)
    assert error >= whole - 1e-9  # gaps of opposite signs cancel out in one bin, and in no other way


@given(st.lists(st.booleans(), min_size=1))
def test_who_is_sure_and_right_has_none(right):
    assert expected_calibration_error([float(one) for one in right], right) == 0


def test_what_counts():
    assert confidences([("spam", labels("SPAM", 0.9)), ("ham", labels("spam", 0.6))]) == ([0.9, 0.6], [True, False])
    nothing = [
        ("spam", None),
        ("spam", labels("spam", 0.9, "stated")),
        ("spam", labels("spam", 0.9, "logprobs")),
        ("spam", Labels("spam", ())),
        (frozenset({"joy"}), labels("joy", 1.0)),
    ]
    assert confidences(nothing) == ([], [])
    assert calibration(nothing) is None


def test_of_several_labels_each_is_judged_by_itself():
    judged = (JudgedLabel("joy", 0.8, 0.5), JudgedLabel("love", 0.4, 0.5), JudgedLabel("fear", None, 0.5))
    output = MultiLabels(("joy",), judged)
    assert confidences([(frozenset({"Joy"}), output)]) == ([0.8, 0.4], [True, False])
    assert calibration([(frozenset({"Joy"}), output)]) == {"ece": 0.3, "n": 2}
