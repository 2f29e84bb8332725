import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.evaluation.intervals import bootstrap, percentile, wilson
from playground.evaluation.metrics import (
    Hits,
    accuracy,
    f1,
    label_hits,
    macro_f1,
    positive_hits,
    precision,
    recall,
    set_hits_by_label,
    set_macro_f1,
    span_hits_by_label,
)


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


# -- spans

SPANS = st.frozensets(st.tuples(st.integers(0, 2), st.integers(3, 4), st.sampled_from(["per", "loc"])), max_size=5)


def spans(*rows):
    return frozenset(rows)


def test_span_figures_by_hand():
    golds = [spans((0, 3, "per"), (8, 13, "loc")), spans((4, 9, "org")), spans()]
    said = [spans((0, 3, "per"), (8, 13, "org")), None, spans((1, 2, "per"))]
    # one is right of three true and three given: right span with the wrong type is an error twice over
    assert precision(golds, said) == recall(golds, said) == f1(golds, said) == pytest.approx(1 / 3)
    assert span_hits_by_label(golds, said) == {
        "loc": Hits(0, 1, 0),
        "org": Hits(0, 1, 1),
        "per": Hits(1, 1, 2),
    }
    assert f1([spans()], [spans()]) == 0  # as conlleval


def test_conllevals_own_figures():
    """The figures that conlleval (Tjong Kim Sang, 2004 version) prints for these tags, counted by its rules by hand:

    true:  B-PER I-PER O B-LOC O B-ORG I-ORG I-ORG O B-MISC
    said:  B-PER I-PER O I-LOC O B-ORG I-ORG O     O O

    found: 3 phrases; correct: 2 (PER, LOC); 4 phrases. precision 66.67 %; recall 50.00 %; FB1 57.14
    """
    true = spans((0, 2, "per"), (3, 4, "loc"), (5, 8, "org"), (9, 10, "misc"))
    said = spans((0, 2, "per"), (3, 4, "loc"), (5, 7, "org"))
    assert precision([true], [said]) == pytest.approx(0.6667, abs=5e-5)
    assert recall([true], [said]) == 0.5
    assert f1([true], [said]) == pytest.approx(0.5714, abs=5e-5)


@given(st.lists(st.tuples(SPANS, st.none() | SPANS), min_size=1, max_size=6))
def test_span_figures_against_brute_force(pairs):
    golds, said = zip(*pairs, strict=True)
    true = [(i, *span) for i, gold in enumerate(golds) for span in gold]
    given_ = [(i, *span) for i, answer in enumerate(said) for span in answer or ()]
    hits = sum(span in true for span in given_)
    missed, invented = len(true) - hits, len(given_) - hits
    expected = 2 * hits / (2 * hits + missed + invented) if true or given_ else 0
    assert f1(golds, said) == pytest.approx(expected)
    p, r = precision(golds, said), recall(golds, said)
    assert f1(golds, said) == pytest.approx(2 * p * r / (p + r) if p + r else 0)
    each = span_hits_by_label(golds, said).values()
    assert (sum(row.right for row in each), sum(row.true for row in each), sum(row.given for row in each)) == (
        hits,
        len(true),
        len(given_),
    )


@given(st.lists(st.tuples(st.sampled_from("abC"), st.sampled_from(["a", "B", "c", "x", None])), min_size=1))
def test_label_hits_against_brute_force(pairs):
    golds, said = zip(*pairs, strict=True)
    low = [(gold.lower(), label and label.lower()) for gold, label in pairs]
    for label, hits in label_hits(golds, said).items():
        assert hits.right == sum(gold == label == other for gold, other in low)
        assert hits.true == sum(gold == label for gold, _ in low)
        assert hits.given == sum(other == label for _, other in low)


# -- sets of labels, and a label that is looked for

LABELS = st.frozensets(st.sampled_from(["joy", "love", "fear"]))


def test_set_figures_by_hand():
    golds = [frozenset({"joy", "love"}), frozenset({"fear"}), frozenset(), frozenset({"joy"})]
    said = [frozenset({"joy"}), frozenset({"joy", "fear"}), frozenset(), None]
    # joy: right 1, true 2, given 2 -> 1/2; love: 0, 1, 0 -> 0; fear: 1, 1, 1 -> 1. Together right 2, true 4, given 3.
    assert set_hits_by_label(golds, said) == {"fear": Hits(1, 1, 1), "joy": Hits(1, 2, 2), "love": Hits(0, 1, 0)}
    assert set_macro_f1(golds, said) == pytest.approx(0.5)
    assert f1(golds, said) == pytest.approx(4 / 7)
    assert set_macro_f1([frozenset()], [frozenset()]) == 0  # nothing to find, and nothing found


@given(st.lists(st.tuples(LABELS, st.none() | LABELS), min_size=1, max_size=8))
def test_set_figures_against_single_decisions(pairs):
    """Each label is a yes or no of its own: its F1 is that of the positive label among yes and no."""
    golds, said = zip(*pairs, strict=True)
    used = sorted({label for both in pairs for part in both for label in part or ()})
    each = []
    for label in used:
        true = ["yes" if label in gold else "no" for gold in golds]
        given_ = ["yes" if label in (labels or ()) else "no" for labels in said]
        each.append(positive_hits(true, given_, "yes").f1)
    assert set_macro_f1(golds, said) == pytest.approx(sum(each) / len(each) if each else 0)
    assert (min(each, default=0) - 1e-12) <= set_macro_f1(golds, said) <= (max(each, default=0) + 1e-12)
    assert set_macro_f1(golds, golds) == (1 if any(golds) else 0)


def test_the_positive_label_by_hand():
    hits = positive_hits(["spam", "spam", "ham", "ham"], ["SPAM", None, "spam", "ham"], "spam")
    assert (hits.precision, hits.recall, hits.f1) == (0.5, 0.5, 0.5)
    assert positive_hits(["ham"], ["ham"], "spam") == Hits()


# -- the bootstrap


def ratio(sums):
    with np.errstate(invalid="ignore"):
        return sums[:, 0] / sums[:, 1]


def test_the_bootstrap_is_seeded_and_holds_its_figure():
    counts = np.array([[index % 3 == 0, 1] for index in range(300)], dtype=float)
    low, high = bootstrap(counts, ratio)
    assert (low, high) == bootstrap(counts, ratio)
    assert (low, high) != bootstrap(counts, ratio, seed=1)
    assert (low, high) == pytest.approx(wilson(100, 300), abs=0.01)  # of independent examples it is near Wilson's


def test_words_of_one_text_are_not_independent():
    alone = np.array([[index % 3 == 0, 1] for index in range(300)], dtype=float)
    texts = np.array(
        [[10, 10] if index % 3 == 0 else [0, 10] for index in range(30)], dtype=float
    )  # all right or all wrong
    narrow, wide = bootstrap(alone, ratio), bootstrap(texts, ratio)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_the_bootstrap_of_little():
    assert bootstrap(np.array([[1.0, 2.0]]), ratio) == (0.5, 0.5)
    assert bootstrap(np.array([[0.0, 0.0]]), ratio) == (0.0, 1.0)
    low, high = bootstrap(np.array([[0.0, 0.0], [1.0, 1.0]]), ratio)  # samples that tell nothing are left out
    assert (low, high) == (1.0, 1.0)


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=8), st.integers(0, 9))
def test_the_bootstrap_sums_what_it_draws(rows, seed):
    counts = np.array(rows, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, len(rows), len(rows))
    seen = []
    bootstrap(counts, lambda sums: (seen.append(sums.copy()), sums[:, 0])[1], resamples=1, seed=seed)
    assert seen[0][0].tolist() == counts[drawn].sum(axis=0).tolist()


@pytest.mark.parametrize("shape", [(5000, 3), (5000, 1000)])
def test_five_thousand_examples_take_no_time(shape):
    counts = np.zeros(shape, dtype=np.int32)
    counts[:, :3] = 1
    began = time.process_time()
    bootstrap(counts, lambda sums: sums[:, 0] / sums[:, 1])
    assert time.process_time() - began < 3
