"""What kind of head is this? Each formula on matrices whose scores can be said by hand, and what holds of any attention."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from playground.core.attention_types import Part, PartName, Side
from playground.core.head_measures import MEASURES, PLACES, label_of, measure_of
from playground.inspection.heads import even as even_scores
from playground.inspection.heads import factors, scores

ENCODER = Part(PartName.ENCODER, 1, 1)
DECODER = Part(PartName.DECODER, 1, 1, causal=True)
CROSS = Part(PartName.CROSS, 1, 1, keys=1)


def side(text, special="[]"):
    """A token for each character, its id the character's number; those in `special` are special ones."""
    marks = tuple(sign in special for sign in text)
    spans = tuple((at, at + (not mark)) for at, mark in enumerate(marks))
    words = tuple(-1 if mark else at for at, mark in enumerate(marks))
    return Side(text, tuple(text), spans, tuple(map(ord, text)), marks, words)


def measured(weights, text, part=ENCODER, keys=None):
    """By name, of one head."""
    queries = side(text)
    found = scores(np.asarray(weights, np.float32)[None], part, queries, side(keys) if keys else queries)
    assert found.shape == (1, len(MEASURES))
    assert found.dtype == np.float32
    return {name: float(found[0, place]) for name, place in PLACES.items()}, found[0]


def looking(at):
    """[Q, K] of a head that looks from each token at one alone; K = Q."""
    found = np.zeros((len(at), len(at)))
    found[range(len(at)), at] = 1
    return found


def even(many, causal=False):
    seen = np.tril(np.ones((many, many))) if causal else np.ones((many, many))
    return seen / seen.sum(-1, keepdims=True)


def none_but(found, *names):
    """Everything else that is a share is 0 or says nothing."""
    for measure in MEASURES:
        if measure.share and measure.name not in names:
            assert not found[measure.name] > 1e-6, measure.name


@pytest.mark.parametrize("part", [ENCODER, DECODER])
@pytest.mark.parametrize("n", [2, 5, 64])
def test_a_perfect_previous_token_head(part, n):
    """Of n tokens n - 1 have one before them; the first looks at itself."""
    text = "".join(chr(0x4E00 + at) for at in range(n))
    found, row = measured(looking([0, *range(n - 1)]), text, part)
    assert found["previous"] == pytest.approx((n - 1) / n)
    assert found["entropy"] == found["breadth"] == 0
    assert found["distance"] == pytest.approx((n - 1) / n)
    assert found["first"] == pytest.approx(1 / (n - 1)), "the second token's previous one is the first"
    assert found["self"] == pytest.approx(1 / n if part is ENCODER else 0)
    none_but(found, "previous", "first", "self")
    if n > 2:
        assert label_of(row) == "previous token"


def test_a_perfect_next_token_head_which_no_causal_part_has():
    n = 8
    found, row = measured(looking([*range(1, n), n - 1]), "abcdefgh")
    assert found["next"] == pytest.approx((n - 1) / n)
    none_but(found, "next", "self")
    assert label_of(row) == "next token"
    assert math.isnan(measured(looking(range(n)), "abcdefgh", DECODER)[0]["next"])


@pytest.mark.parametrize("n", [2, 9, 100])
def test_a_head_that_looks_everywhere_alike(n):
    text = "".join(chr(0x4E00 + at) for at in range(n))
    found, row = measured(even(n), text)
    assert found["entropy"] == pytest.approx(math.log(n), rel=1e-5)
    assert found["breadth"] == pytest.approx(1, rel=1e-5)
    assert found["distance"] == pytest.approx((n * n - 1) / (3 * n), rel=1e-5), "mean of |q - k| over a square"
    assert found["first"] == pytest.approx(1 / n, rel=1e-5)
    assert found["self"] == pytest.approx(1 / n, rel=1e-5)
    assert found["previous"] == found["next"] == pytest.approx((n - 1) / n / n, rel=1e-5)
    assert label_of(row) == "broad"

    found, row = measured(even(n, causal=True), text, DECODER)
    assert found["entropy"] == pytest.approx(sum(math.log(i) for i in range(1, n + 1)) / n, rel=1e-5)
    assert found["breadth"] == pytest.approx(1, rel=1e-5)
    assert found["distance"] == pytest.approx((n - 1) / 4, rel=1e-5), "token q looks q/2 back"
    assert label_of(row) == "broad"


def test_a_head_that_looks_at_itself():
    for part in (ENCODER, DECODER):
        found, row = measured(looking(range(6)), "[abcd]", part)
        assert found["self"] == 1
        assert found["distance"] == 0
        none_but(found, "self", "separator")
        assert label_of(row) == "itself"


def test_a_head_that_looks_at_the_first_token():
    found, row = measured(looking([0] * 6), "[abcde", DECODER)
    assert found["first"] == 1
    assert found["distance"] == pytest.approx(15 / 6)
    assert found["previous"] == pytest.approx(1 / 6)
    assert found["self"] == 0
    assert math.isnan(found["separator"]), "the first token is none"
    assert label_of(row) == "first token"


def test_separators_are_special_tokens_but_the_first():
    text = "[ab]cd]"
    weights = np.zeros((7, 7))
    weights[:, 0], weights[:, 3], weights[:, 6] = 0.2, 0.5, 0.3
    found, row = measured(weights, text)
    assert found["separator"] == pytest.approx(0.8)
    assert found["first"] == pytest.approx(0.2)
    assert label_of(row) == "separator"
    # in a causal part only from the third on is there one to be seen
    causal = np.tril(weights)
    causal[:, 1] += 1 - causal.sum(-1)
    causal[0] = [1, 0, 0, 0, 0, 0, 0]
    found, _ = measured(causal, text, DECODER)
    assert found["separator"] == pytest.approx((0.5 + 0.5 + 0.5 + 0.8) / 4)


def test_punctuation():
    text = "[a,b.]"
    weights = np.tile([0.1, 0, 0.4, 0, 0.3, 0.2], (6, 1))
    found, row = measured(weights, text)
    assert found["punctuation"] == pytest.approx(0.7)
    assert label_of(row) == "punctuation"
    assert math.isnan(measured(even(3), "abc")[0]["punctuation"])
    assert math.isnan(measured(even(3), "?!.")[0]["punctuation"]), "there is nothing else to look at"
    assert measured(even(4), "a+b.")[0]["punctuation"] == pytest.approx(0.25), "a sign of arithmetic is none"


def test_same_tokens_are_other_occurrences():
    text = "[abcab]"
    found, row = measured(looking([0, 4, 5, 3, 1, 2, 6]), text)
    assert found["same"] == 1, "of the four that have another"
    assert label_of(row) == "same token"
    found, _ = measured(looking([0, 1, 2, 3, 1, 2, 6]), text, DECODER)
    assert found["same"] == 1, "of the two that see another"
    assert math.isnan(measured(even(5), "[a]b]")[0]["same"]), "special tokens are left out"
    assert math.isnan(measured(even(4), "abcd")[0]["same"])


def test_a_perfect_induction_head():
    """Of x a b c a b c d the second a looks at the first b, the second b at the first c, the second c at the second a."""
    text = "xabcabcd"
    found, row = measured(looking([0, 0, 0, 0, 2, 3, 4, 0]), text, DECODER)
    assert found["induction"] == 1
    assert label_of(row) == "induction"
    assert found["same"] == 0
    found, _ = measured(looking([0, 0, 0, 0, 2, 0, 0, 0]), text, DECODER)
    assert found["induction"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("text", ["abcdef", "aa", "[]]]", "a]a"])
def test_induction_says_nothing_where_nothing_that_follows_can_be_looked_at(text):
    assert math.isnan(measured(even(len(text), causal=True), text, DECODER)[0]["induction"])


def test_induction_counts_all_earlier_times_and_no_later_one():
    text = "abacada"
    weights = even(7, causal=True)
    expected = np.mean([1 / 3, 2 / 5, 3 / 7])  # b after the first a; b, c; b, c, d
    assert measured(weights, text, DECODER)[0]["induction"] == pytest.approx(expected)
    assert measured(even(7), text)[0]["induction"] == pytest.approx(np.mean([1 / 7, 2 / 7, 3 / 7]))


def test_of_cross_attention_only_what_needs_no_common_places():
    weights = np.full((3, 5), 0.2)
    found, row = measured(weights, "xab", CROSS, "ab.a]")
    assert found["entropy"] == pytest.approx(math.log(5))
    assert found["first"] == found["separator"] == found["punctuation"] == pytest.approx(0.2)
    said = {name for name, value in found.items() if not math.isnan(value)}
    assert said == {measure.name for measure in MEASURES if measure.crosses}
    assert label_of(row) == "broad"


@pytest.mark.parametrize("part", [ENCODER, DECODER])
def test_one_token_alone(part):
    found, row = measured([[1.0]], "a", part)
    assert (found["entropy"], found["distance"]) == (0, 0)
    assert [name for name, value in found.items() if not math.isnan(value)] == ["entropy", "distance"]
    assert label_of(row) == ""


def test_the_label_is_the_measure_that_went_farthest_beyond_its_threshold():
    def named(**given):
        row = [math.nan] * len(MEASURES)
        for name, value in given.items():
            row[PLACES[name]] = value
        return label_of(row)

    assert named() == ""
    assert named(previous=0.49, first=0.59, induction=0.39, breadth=0.89) == ""
    assert named(previous=0.5) == "previous token"
    assert named(previous=0.6, induction=0.6) == "induction", "a third of its way, and a fifth"
    assert named(entropy=9, distance=40) == ""
    assert named(first=1.0, separator=1.0) == "first token", "of equals the first"
    assert named(breadth=0.99, punctuation=0.62) == "broad"
    row = [math.nan] * len(MEASURES)
    assert measure_of(row) is None


@pytest.mark.parametrize(("part", "text"), [(ENCODER, "[ab,ab]"), (DECODER, "[ab,ab]"), (ENCODER, "a")])
def test_what_looking_everywhere_alike_would_give(part, text):
    found = even_scores(part, side(text), side(text))
    np.testing.assert_allclose(found, measured(even(len(text), part.causal), text, part)[1], atol=1e-6)


def test_of_two_texts_too():
    found = even_scores(CROSS, side("ab"), side("a,b]"))
    assert found[PLACES["entropy"]] == pytest.approx(math.log(4))
    assert found[PLACES["punctuation"]] == pytest.approx(0.25)
    assert math.isnan(found[PLACES["self"]])


def test_every_measure_is_described():
    assert len(PLACES) == len(MEASURES)
    assert [measure.threshold is None for measure in MEASURES] == [not measure.label for measure in MEASURES]
    for measure in MEASURES:
        assert all((measure.title, measure.formula, measure.source))
        assert measure.missing or measure.name in ("entropy", "distance"), "those two say something of any text"
        assert bool(measure.meaning) == bool(measure.label)


texts = st.text("ab.,]", min_size=1, max_size=12)


@st.composite
def attention(draw):
    """A part, its two texts, and the attention of some heads between them."""
    part = draw(st.sampled_from([ENCODER, DECODER, CROSS]))
    queries = draw(texts)
    keys = draw(texts) if part is CROSS else queries
    heads = draw(st.integers(1, 4))
    numbers = st.floats(0, 1, width=32).map(lambda value: value if value > 1e-3 else 0.0)
    weights = draw(arrays.arrays(np.float64, (heads, len(queries), len(keys)), elements=numbers)) ** 3
    if part.causal:
        weights = np.tril(weights)
    weights[:, :, 0] += weights.sum(-1) == 0
    weights /= weights.sum(-1, keepdims=True)
    return part, side(queries), side(keys), weights.astype(np.float32)


@given(attention())
def test_each_score_lies_in_its_range_and_belongs_to_its_head(found):
    part, queries, keys, weights = found
    table = scores(weights, part, queries, keys)
    for place, measure in enumerate(MEASURES):
        column = table[:, place]
        assert np.isnan(column).all() or not np.isnan(column).any(), "it hangs on the text, not on the head"
        if np.isnan(column).any():
            continue
        assert (column >= 0).all()
        most = {"entropy": math.log(len(keys)), "distance": len(queries) - 1}.get(measure.name, 1)
        assert (column <= most + 1e-5).all(), measure.name
        if measure.name in ("previous", "next"):
            assert (column <= (len(queries) - 1) / len(queries) + 1e-5).all()
    order = np.arange(len(weights))[::-1]
    np.testing.assert_allclose(scores(weights[order], part, queries, keys), table[order], atol=1e-6)


@given(attention())
def test_a_share_is_a_mean_of_parts_of_rows(found):
    """By its definition: what a row is multiplied with is 0 or the same everywhere, and never where nothing is seen."""
    part, queries, keys, _ = found
    for name, factor in factors(part, queries, keys).items():
        assert factor.shape == (len(queries), len(keys))
        if name == "distance":
            continue
        counted = (factor > 0).any(axis=1).sum()
        divisor = len(queries) if name in ("previous", "next") else counted
        assert set(np.unique(factor)) <= {np.float32(0), np.float32(1 / np.float32(divisor))}, name
        assert not part.causal or not np.triu(factor, 1).any(), name


def test_a_layer_of_a_large_model_is_measured_at_once():
    """12 heads of 512 tokens, 12 MB of weights: it runs on the thread that answers. Measured: 10 ms."""
    import time

    n = 512
    random = np.random.default_rng(0)
    text = side("".join(random.choice(list("abcdefghij.")) for _ in range(n)))
    weights = random.random((12, n, n), dtype=np.float32)
    weights /= weights.sum(-1, keepdims=True)
    best = math.inf
    for _ in range(5):
        start = time.perf_counter()
        scores(weights, ENCODER, text, text)
        best = min(best, time.perf_counter() - start)
    assert best < 0.05
