"""Files of tagged words: read as they are written, cut as the tagger cuts, and spans as conlleval finds them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.segment import words as segment_words
from playground.training.columns import Sentence, bio, read_columns, read_conllu, resplit, spans, unique

CONLLU = """\
# newdoc id = reviews-one
# sent_id = reviews-one-0001
# text = I don't mind.
1\tI\tI\tPRON\tPRP\t_\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tmind\tmind\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
4.1\tit\tit\tPRON\tPRP\t_\t_\t_\t_\t_
5\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

# newdoc id = email-two
# sent_id = email-two-0001
1\tThanks\tthanks\tNOUN\tNN\t_\t0\troot\t_\t_
"""


def test_word_classes_are_read_with_their_documents_and_genres(tmp_path):
    path = tmp_path / "some.conllu"
    path.write_text(CONLLU)
    one, two = read_conllu(path)
    assert one.words == ("I", "do", "n't", "mind", ".")
    assert one.tags == ("PRON", "AUX", "PART", "VERB", "PUNCT")
    assert (one.document, one.genre) == ("reviews-one", "reviews")
    assert (two.words, two.document, two.genre) == (("Thanks",), "email-two", "email")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_columns_are_read_with_tabs_or_blanks_and_documents(tmp_path, ending):
    rows = ["Ada\tB-PER", "spoke\tO", "", "", "-DOCSTART- O", "", "in X O", "Rome NNP I-LOC"]
    path = tmp_path / "some.conll"
    path.write_bytes(ending.join(rows).encode())
    one, two = read_columns(path)
    assert (one.words, one.tags, one.document) == (("Ada", "spoke"), ("B-PER", "O"), "some/0")
    assert (two.words, two.tags, two.document) == (("in", "Rome"), ("O", "I-LOC"), "some/1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("I-PER I-PER O", "B-PER I-PER O"),
        ("I-PER I-ORG", "B-PER B-ORG"),
        ("B-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("O I-LOC O I-LOC I-LOC", "O B-LOC O B-LOC I-LOC"),
    ],
)
def test_io_becomes_bio(given, expected):
    assert bio(given.split()) == tuple(expected.split())


TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]), max_size=8)


@given(TAGS)
def test_bio_keeps_the_entities_and_is_stable(tags):
    assert spans(bio(tags)) == spans(tags)
    assert bio(bio(tags)) == bio(tags)
    assert all(
        before[2:] == tag[2:] for before, tag in zip(("O", *bio(tags)), bio(tags), strict=False) if tag[0] == "I"
    )


def test_spans_equal_the_definition_for_all_short_rows():
    """conlleval's rules for where a chunk starts and ends, applied to each pair of neighbours."""
    for tags in product(["O", "B-A", "I-A", "B-C", "I-C"], repeat=4):
        row = ("O", *tags, "O")
        starts, ends = [], []
        for i in range(1, len(row)):
            (p, pt), (t, tt) = ((tag[0], tag[2:]) for tag in row[i - 1 : i + 1])
            if p != "O" and (t in "BO" or pt != tt):
                ends.append(i - 1)
            if t == "B" or (t == "I" and (p == "O" or pt != tt)):
                starts.append((i - 1, tt))
        assert spans(tags) == [(start, end, kind) for (start, kind), end in zip(starts, ends, strict=True)]


def test_a_split_word_keeps_its_entity_and_its_class():
    given = Sentence(("the", "well-known", "Anna"), ("O", "B-MISC", "B-PER"))
    assert resplit(given).words == ("the", "well", "-", "known", "Anna")
    assert resplit(given).tags == ("O", "B-MISC", "I-MISC", "I-MISC", "B-PER")
    classes = resplit(Sentence(("well-known",), ("ADJ",)))
    assert classes.tags == ("ADJ", "ADJ", "ADJ")


@given(st.lists(st.text(st.characters(categories=["L", "N", "P", "S", "M"]), min_size=1, max_size=6), max_size=6))
def test_resplit_words_are_those_of_serving_and_lose_no_entity(given):
    text = " ".join(given)
    found = resplit(Sentence(tuple(given), tuple("B-PER" for _ in given)))
    assert list(found.words) == [text[start:end] for start, end in segment_words(text)]
    assert len(found.words) == len(found.tags)
    assert len(spans(found.tags)) <= len(given)
    assert resplit(found).words == found.words or "'" in text or "’" in text or "." in text or "-" in text


def test_unique_counts_case_as_nothing_and_leaves_out_what_is_held():
    one, other = Sentence(("Go", "on"), ("VERB", "ADV")), Sentence(("go", "ON"), ("VERB", "ADP"))
    third = Sentence(("stop",), ("VERB",))
    assert list(unique([one, other, third, Sentence((), ())])) == [one, third]
    assert list(unique([one, third], without=[other])) == [third]
