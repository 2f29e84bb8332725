import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.evaluation.intervals import percentile, wilson
from playground.evaluation.metrics import accuracy, macro_f1


def test_accuracy_counts_a_missing_answer_as_wrong():
    assert accuracy(["a", "b", "a", "b"], ["A", "b", None, "a"]) == 0.5


def test_macro_f1_by_hand():
    # a: TP 2, FP 1, FN 0 -> 4/5; b: TP 1, FP 0, FN 1 -> 2/3
    assert macro_f1(["a", "a", "b", "b"], ["a", "a", "a", "b"]) == pytest.approx((4 / 5 + 2 / 3) / 2)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["a", "b", None])), min_size=1))
def test_metrics_are_between_zero_and_one_and_perfect_on_the_gold(pairs):
    golds, said = zip(*pairs, strict=True)
    assert 0 <= accuracy(golds, said) <= 1
    assert 0 <= macro_f1(golds, said) <= 1
    assert accuracy(golds, golds) == macro_f1(golds, golds) == 1


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_proportion(n, data):
    k = data.draw(st.integers(0, n))
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1


def test_the_interval_of_a_textbook():
    # Newcombe 1998, table I: 81 of 263 -> 0.2553 to 0.3662
    assert wilson(81, 263) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_percentiles():
    assert percentile([], 0.5) is None
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([0, 10], 0.95) == pytest.approx(9.5)
