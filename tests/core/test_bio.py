"""Tags to spans, against cases made by hand after conlleval's convention."""

import doctest
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import bio
from playground.core.bio import Scheme
from playground.core.types import Span

PLAIN = ["ADJ", "NOUN", "PUNCT"]


def decoded(tags, names=None):
    """The (label, first word, last word) of a row of tags, one letter a word."""
    names = names or sorted({*tags, "O"})
    text = " ".join("w" * len(tags))
    words = [(2 * place, 2 * place + 1) for place in range(len(tags))]
    shares = np.eye(len(names))[[names.index(tag) for tag in tags]]
    return [(span.label, span.start // 2, span.end // 2) for span in Scheme.read(names).spans(text, words, shares)]


def test_the_examples_of_its_documentation():
    assert doctest.testmod(bio).failed == 0


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", []),
        ("B-PER", [("PER", 0, 0)]),
        ("B-PER I-PER O", [("PER", 0, 1)]),
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("B-PER O I-PER", [("PER", 0, 0), ("PER", 2, 2)]),  # I- behind O begins one
        ("B-PER I-LOC", [("PER", 0, 0), ("LOC", 1, 1)]),  # I- of another label begins one
        ("I-PER I-PER B-PER I-PER", [("PER", 0, 1), ("PER", 2, 3)]),  # IOB1
        ("I-LOC I-LOC I-PER", [("LOC", 0, 1), ("PER", 2, 2)]),  # IO
        ("O B-PER I-PER I-LOC I-LOC B-LOC O", [("PER", 1, 2), ("LOC", 3, 4), ("LOC", 5, 5)]),
        ("B-PER I-PER E-PER S-PER S-LOC O", [("PER", 0, 2), ("PER", 3, 3), ("LOC", 4, 4)]),  # BIOES
        ("S-PER B-PER E-PER", [("PER", 0, 0), ("PER", 1, 2)]),
        ("U-PER B-LOC L-LOC", [("PER", 0, 0), ("LOC", 1, 2)]),  # BILOU
        ("B-X M-X E-X", [("X", 0, 2)]),  # BMES
        ("PER PER O LOC PER", [("PER", 0, 1), ("LOC", 3, 3), ("PER", 4, 4)]),  # without prefixes, O says it is entities
        ("B_PER I_PER", [("PER", 0, 1)]),
        ("B-New-York I-New-York", [("New-York", 0, 1)]),
    ],
)
def test_entities(tags, expected):
    assert decoded(tags.split()) == expected


def test_word_classes_are_a_span_for_each_word():
    assert decoded(["NOUN", "NOUN", "PUNCT"], PLAIN) == [("NOUN", 0, 0), ("NOUN", 1, 1), ("PUNCT", 2, 2)]


def test_labels_are_without_prefixes_in_the_tags_order():
    assert Scheme.read(["O", "B-MISC", "I-MISC", "B-PER", "I-PER"]).labels == ("MISC", "PER")
    assert Scheme.read(["I-PER", "O", "B-PER", "S-LOC"]).labels == ("PER", "LOC")
    assert Scheme.read(PLAIN).labels == tuple(PLAIN)


def test_a_score_is_the_mean_over_the_words_of_the_label_whatever_its_prefix():
    scheme = Scheme.read(["O", "B-PER", "I-PER", "B-LOC"])
    shares = np.array([[0.1, 0.5, 0.3, 0.1], [0.2, 0.2, 0.6, 0.0], [0.1, 0.2, 0.1, 0.6]])
    spans = scheme.spans("Ada King Paris", [(0, 3), (4, 8), (9, 14)], shares)
    assert spans == [
        Span(0, 8, "PER", "Ada King", pytest.approx(0.8)),
        Span(9, 14, "LOC", "Paris", pytest.approx(0.6)),
    ]
    assert scheme.spans("", [], np.zeros((0, 4))) == []


@given(st.data())
def test_the_best_row_of_tags_is_the_likeliest_that_fits_together(data):
    """Against all rows of tags there are."""
    names = data.draw(
        st.sampled_from([["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], ["B-X", "O", "I-X"], ["A", "B"], ["O", "I-X"]])
    )
    words = data.draw(st.integers(1, 4))
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    shares = random.dirichlet(np.full(len(names), 0.5), words)
    best = Scheme.read(names, consistent=True).best(shares)

    def fits(row):
        before = ["O", *row[:-1]]
        return all(
            tag[:2] != "I-" or (old[1:] == tag[1:] and old[0] in "BI") for old, tag in zip(before, row, strict=True)
        )

    begins = any(name[:2] != "I-" and name != "O" for name in names)
    rows = [row for row in product(range(len(names)), repeat=words) if not begins or fits([names[tag] for tag in row])]
    chance = {row: np.log(shares[range(words), row]).sum() for row in rows}
    assert chance[tuple(best)] == pytest.approx(max(chance.values()))
    assert (Scheme.read(names).best(shares) == shares.argmax(axis=1)).all()


SCHEMES = st.sampled_from(
    [
        ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
        ["O", "I-PER", "I-LOC"],
        ["O", "B-PER", "I-PER", "E-PER", "S-PER"],
        ["O", "PER", "LOC"],
        PLAIN,
    ]
)


@given(SCHEMES, st.data())
def test_spans_cover_exactly_the_labelled_words_in_order(names, data):
    tags = data.draw(st.lists(st.sampled_from(names), max_size=12))
    found = decoded(tags, names)
    covered = [(label, word) for label, first, last in found for word in range(first, last + 1)]
    labels = [tag[2:] if tag[1:2] == "-" else tag for tag in tags]
    assert covered == [(label, word) for word, label in enumerate(labels) if label != "O"]
    assert found == sorted(found, key=lambda span: span[1])
