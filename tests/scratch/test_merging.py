"""Byte-pair encoding step by step: what others have published of it, and what must hold of every step."""

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from playground.scratch.merging import Merging
from playground.scratch.tokenizer import Tokenizer

WIKIPEDIA = "aaabdaaabac"
# Sennrich et al. 2016, section 3.2 and their program: words with their counts and a sign for a word's end.
SENNRICH = {"low_": 5, "lower_": 2, "newest_": 6, "widest_": 3}


def of_bytes(text: str, first_seen: bool) -> Merging:
    """One word of raw bytes: their values are their ids, as in minbpe."""
    return Merging([list(text.encode())], [1], [bytes([byte]) for byte in range(256)], first_seen)


def toy(first_seen: bool) -> Merging:
    letters = [*sorted(set("".join(SENNRICH)) - {"_"}), "_"]
    words = [[letters.index(letter) for letter in word] for word in SENNRICH]
    return Merging(words, list(SENNRICH.values()), [letter.encode() for letter in letters], first_seen)


def test_minbpes_example_merge_by_merge():
    learning = of_bytes(WIKIPEDIA, first_seen=True)
    steps = list(learning.steps(259))
    assert [(step.pair, step.count) for step in steps] == [((97, 97), 4), ((256, 97), 2), ((257, 98), 2)]
    assert learning.words == [[258, 100, 258, 97, 99]]
    assert [step.tokens for step in steps] == [9, 7, 5]


def test_ties_by_ids_take_another_way_to_the_same_cut():
    """(a, b) and (aa, a) both occur twice: `tokenizers`, and we, take the lower ids; minbpe what it sees first."""
    learning = of_bytes(WIKIPEDIA, first_seen=False)
    assert [step.pair for step in learning.steps(259)] == [(97, 97), (97, 98), (256, 257)]
    assert learning.words == [[258, 100, 258, 97, 99]]
    assert learning.tokens[258] == b"aaab"


def test_sennrichs_first_merges():
    learning = toy(first_seen=True)
    steps = list(learning.steps(len(learning.tokens) + 10, least=1))
    made = [(learning.tokens[step.id].decode(), step.count) for step in steps]
    assert made[:5] == [("es", 9), ("est", 9), ("est_", 9), ("lo", 7), ("low", 7)]
    assert [name for name, _ in made[5:]] == ["ne", "new", "newest_", "low_", "wi"]  # as their program prints them


def test_of_equal_pairs_ours_takes_the_lower_ids():
    """(es, t) and (t, _) both occur 9 times: ours joins the older tokens first, and is at “est_” after three merges as well."""
    learning = toy(first_seen=False)
    steps = list(learning.steps(len(learning.tokens) + 5))
    made = [(learning.tokens[step.id].decode(), step.count) for step in steps]
    assert made == [("es", 9), ("t_", 9), ("est_", 9), ("lo", 7), ("low", 7)]


def test_a_step_tells_the_pairs_that_came_next_and_the_words_it_cut():
    step = next(toy(first_seen=True).steps(100, rivals=3))
    assert step.rivals == (((7, 8), 9), ((8, 10), 9), ((9, 1), 8))  # s t, t _, w e
    assert step.words == (2, 3)


def test_no_pair_that_occurs_once_is_merged_and_none_of_a_single_byte():
    assert list(of_bytes("abc", first_seen=False).steps(300)) == []
    assert list(of_bytes("a", first_seen=False).steps(300, least=1)) == []
    assert list(of_bytes("", first_seen=False).steps(300, least=1)) == []


@given(
    st.lists(st.text(alphabet="abc d", max_size=20), min_size=1, max_size=5),
    st.booleans(),
    st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_every_step_takes_the_most_frequent_pair_and_tells_the_rest(texts, first_seen, rivals):
    learning = Tokenizer.learning(texts)
    learning.first_seen = first_seen
    while True:
        counted: Counter = Counter()  # anew, as the paper does
        for word, weight in zip(learning.words, learning.weights, strict=True):
            for pair in pairwise(word):
                counted[pair] += weight
        step = next(learning.steps(300, rivals=rivals), None)
        if step is None:
            break
        if first_seen:
            order = sorted(counted, key=lambda pair: -counted[pair])  # stable: of equals the first seen stays first
        else:
            order = sorted(counted, key=lambda pair: (-counted[pair], pair))
        expected = [(pair, counted[pair]) for pair in order][: 1 + rivals]
        assert [(step.pair, step.count), *step.rivals] == expected
        assert step.tokens == sum(len(w) * n for w, n in zip(learning.words, learning.weights, strict=True))
        assert all(
            learning.tokens[step.id] in b"".join(map(learning.tokens.__getitem__, w))
            for w in learning.words
            if step.id in w
        )
    assert max(counted.values(), default=0) < 2 or len(learning.tokens) == 300


def test_the_words_are_cut_as_the_trained_tokenizer_cuts_them():
    text = "low lower lowest new newer newest wide wider widest, and the lowest of the low " * 3
    learning = Tokenizer.learning([text])
    merges = [step.pair for step in learning.steps(300)]
    trained = Tokenizer(merges)
    assert merges == Tokenizer.train([text], 300).merges
    for word in learning.words:
        assert trained.encode(b"".join(trained.tokens[i] for i in word).decode()) == word
