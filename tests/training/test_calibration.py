"""Temperature, thresholds and the calibration error, on numbers whose answers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from playground.training import calibration


def drawn(truths: np.ndarray, seed: int = 0) -> np.ndarray:
    """Labels drawn from the probabilities in each row."""
    random = np.random.default_rng(seed)
    return np.array([random.choice(len(row), p=row) for row in truths])


@pytest.mark.parametrize("wrong_by", [0.5, 1.0, 3.0])
def test_it_finds_by_how_much_logits_are_too_bold(wrong_by):
    logits = np.random.default_rng(1).normal(0, 2, (6000, 4))
    truth = drawn(calibration.softmax(logits))
    assert calibration.temperature(logits * wrong_by, truth) == pytest.approx(wrong_by, rel=0.08)


def test_for_labels_judged_each_by_itself_too():
    random = np.random.default_rng(2)
    logits = random.normal(0, 2, (4000, 3))
    truth = random.random(logits.shape) < calibration.sigmoid(logits)
    assert calibration.temperature(logits * 2, truth) == pytest.approx(2, rel=0.08)


def test_no_other_temperature_has_a_lower_loss():
    logits = np.random.default_rng(3).normal(0, 3, (500, 5))
    truth = drawn(calibration.softmax(logits / 2), 3)
    best = calibration.temperature(logits, truth)
    lowest = calibration.nll(logits / best, truth)
    assert all(calibration.nll(logits / (best * off), truth) >= lowest for off in (0.8, 0.95, 1.05, 1.3))


def test_the_loss_is_the_textbooks():
    logits, truth = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]]), np.array([0, 2])
    by_hand = -np.log(calibration.softmax(logits)[[0, 1], truth]).mean()
    assert calibration.nll(logits, truth) == pytest.approx(by_hand)
    many = np.array([[True, False, True], [False, False, True]])
    p = calibration.sigmoid(logits)
    assert calibration.nll(logits, many) == pytest.approx(-np.log(np.where(many, p, 1 - p)).mean())
    assert np.isfinite(calibration.nll(np.array([[900.0, -900.0]]), np.array([1])))


def test_a_threshold_parts_what_can_be_parted():
    scores = np.array([0.9, 0.8, 0.3, 0.2, 0.1])[:, None]
    truth = np.array([1, 1, 0, 0, 0], dtype=bool)[:, None]
    assert calibration.thresholds(scores, truth, fewest=1) == (pytest.approx(0.55),)


scores_and_truth = st.integers(1, 25).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=st.integers(0, 8).map(lambda i: i / 8)), arrays(np.bool_, n))
)


@given(scores_and_truth)
def test_no_other_threshold_has_a_better_f1(drawn_pair):
    scores, truth = drawn_pair

    def f1(cut: float) -> float:
        called = scores >= cut
        return 2 * (called & truth).sum() / max(1, called.sum() + truth.sum())

    (best,) = calibration.thresholds(scores[:, None], truth[:, None], fewest=0)
    assert 0 <= best <= 1
    if truth.any():
        assert f1(best) == pytest.approx(max(f1(cut) for cut in scores))
    else:
        assert best == 0.5


def test_rare_labels_share_a_threshold():
    random = np.random.default_rng(4)
    scores = random.random((400, 3))
    truth = np.stack([scores[:, 0] > 0.6, np.zeros(400, bool), np.zeros(400, bool)], 1)
    truth[np.argsort(-scores[:, 1])[:3], 1] = True
    truth[np.argsort(-scores[:, 2])[:5], 2] = True
    common, *rare = calibration.thresholds(scores, truth, fewest=10)
    assert common == pytest.approx(0.6, abs=0.02)
    assert rare[0] == rare[1] > 0.9


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([1, 1, 1, 0, 1, 0], dtype=bool)
    # Two bins: 4 texts, 0.95 said and 0.75 true; 2 texts, 0.55 said and 0.5 true.
    assert calibration.calibration_error(confidence, right) == pytest.approx((4 * 0.2 + 2 * 0.05) / 6)
    assert calibration.calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


@given(arrays(np.float64, 30, elements=st.floats(0, 1)), arrays(np.bool_, 30))
def test_it_lies_between_the_mean_gap_and_one(confidence, right):
    error = calibration.calibration_error(confidence, right)
    assert abs(confidence.mean() - right.mean()) - 1e-9 <= error <= 1


def test_softmax_and_sigmoid_stand_great_numbers():
    assert calibration.softmax(np.array([[1e4, 0.0]])).tolist() == [[1.0, 0.0]]
    assert calibration.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
