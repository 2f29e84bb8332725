"""Our byte-pair encoding against the reference trainer, and its promises for any text."""

import json
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.scratch.tokenizer import CLS, MASK, PAD, Tokenizer

TEXTS = [
    "the cat sat on the mat, and the dog sat on the cat's mat!",
    "there is nothing better than a better batter; bitter butter isn't.",
    "aaaa aaa aa abab ababab  banana bandana   ananas",
    "I'll see 1234 and 12345 in 2024: they've 99 bottles_of_beer.",
    "low lower lowest new newer newest wide wider widest " * 3,
]
AWKWARD = [
    "",
    " ",
    "\0",
    "a\0b",
    "🙂👩‍👩‍👧🇫🇷",
    "مرحبا بالعالم",
    "שלום",
    "<pad><cls>",
    "½ ² ٣ 五",
    "e\u0301",
    "\ud800",
    "ﬀİı\r\n\t\x85\u2028",
]
TRAINED = (Tokenizer.train(TEXTS, 340), Tokenizer([]))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return TRAINED[0]


def reference(texts: list[str], size: int):
    from tokenizers import Tokenizer as Theirs
    from tokenizers import models, pre_tokenizers, trainers

    theirs = Theirs(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, CLS, MASK],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    return theirs


@pytest.mark.parametrize("size", [259, 263, 300, 340, 1000])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[2:3], ["abcabc abc bcabca cab"] * 2], ids=["all", "repeats", "ties"])
def test_merges_and_ids_equal_the_reference_trainers(texts, size):
    theirs, ours = reference(texts, size), Tokenizer.train(texts, size)
    model = json.loads(theirs.to_str())["model"]
    expected = [(model["vocab"][a], model["vocab"][b]) for a, b in model["merges"]]
    assert ours.merges == expected
    assert len(ours) == len(model["vocab"])
    for text in [*texts, "unseen words: zebra, batten, lowest-newest"]:
        assert ours.encode(text) == theirs.encode(text).ids


@given(st.lists(st.text(alphabet="abc d'", max_size=25), min_size=1, max_size=6), st.integers(260, 300))
@settings(max_examples=60, deadline=None)
def test_merges_equal_the_reference_trainers_on_any_small_corpus(texts, size):
    model = json.loads(reference(texts, size).to_str())["model"]
    expected = [(model["vocab"][a], model["vocab"][b]) for a, b in model["merges"]]
    assert Tokenizer.train(texts, size).merges == expected


@given(st.text(alphabet=st.characters(exclude_categories=[])))  # surrogates too
@settings(max_examples=300, deadline=None)
def test_any_text_comes_back_and_spans_partition_its_bytes(text):
    for tokenizer in TRAINED:
        check_round_trip(tokenizer, text)


def check_round_trip(tokenizer: Tokenizer, text: str) -> None:
    ids, spans = tokenizer.encode_with_offsets(text)
    assert tokenizer.decode(ids) == text
    assert all(i >= len(tokenizer.specials) for i in ids), "a text turned into a special token"
    data = text.encode("utf-8", "surrogatepass")
    edges = [0, *(end for _, end in spans)]
    assert [start for start, _ in spans] == edges[:-1]
    assert edges[-1] == len(data)
    assert [data[start:end] for start, end in spans] == [tokenizer.tokens[i] for i in ids]


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_come_back(tokenizer, text):
    check_round_trip(tokenizer, text)


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_lowering_keeps_every_place(text):
    tokenizer = Tokenizer([], lowercase=True)
    ids, spans = tokenizer.encode_with_offsets(text)
    assert (spans[-1][1] if spans else 0) == len(text.encode())
    if text.isascii():
        assert tokenizer.decode(ids) == text.lower()


def test_lowering_makes_both_cases_one(tokenizer):
    low = Tokenizer(tokenizer.merges, lowercase=True)
    assert low.encode("The CAT") == low.encode("the cat") != tokenizer.encode("The CAT")
    assert low.decode(low.encode("ÄÖÉ Ж")) == "äöé ж"


@given(st.text(max_size=60), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_dropped_merges_change_the_cut_and_never_the_text(text, seed):
    tokenizer = TRAINED[0]
    ids = tokenizer.encode(text, 0.5, Random(seed))
    assert tokenizer.decode(ids) == text
    assert tokenizer.encode(text, 1.0, Random(seed)) == Tokenizer([]).encode(text)


def test_dropout_cuts_differently_by_seed(tokenizer):
    text = TEXTS[4]
    cuts = {tuple(tokenizer.encode(text, 0.3, Random(seed))) for seed in range(5)}
    assert len(cuts) == 5
    assert tokenizer.encode(text, 0.3, Random(1)) == tokenizer.encode(text, 0.3, Random(1))


def test_decode_leaves_specials_out_and_marks_a_cut_character(tokenizer):
    ids = tokenizer.encode("hi")
    assert tokenizer.decode([tokenizer.special(CLS), *ids, tokenizer.special(PAD)]) == "hi"
    assert tokenizer.decode(tokenizer.encode("🙂")[:-1]) == "\ufffd"


def test_a_classifier_reads_cls_and_what_fits(tokenizer):
    ids = tokenizer.encode("the cat sat on the mat")
    assert tokenizer.for_classifier("the cat sat on the mat", 4) == [tokenizer.special(CLS), *ids[:3]]
    assert tokenizer.for_classifier("", 4) == [tokenizer.special(CLS)]


def test_saved_and_loaded_it_is_the_same(tokenizer, tmp_path):
    path = tmp_path / "tokenizer.json"
    low = Tokenizer(tokenizer.merges, lowercase=True)
    low.save(path)
    again = Tokenizer.load(path)
    assert (again.merges, again.specials, again.lowercase, again.tokens) == (
        low.merges,
        low.specials,
        True,
        low.tokens,
    )
    path.write_text(json.dumps({"format": "something else"}))
    with pytest.raises(ValueError, match="not a tokenizer of this project"):
        Tokenizer.load(path)


@pytest.mark.parametrize("text", ["love " * 20_000, "a" * 100_000, "ab" * 50_000, " " * 100_000, "🙂" * 25_000])
def test_100_kb_are_cut_within_two_seconds(tokenizer, text):
    """A tenth of that on a free core; a cut whose time grows with the square of the length takes minutes."""
    start = time.process_time()
    ids = tokenizer.encode(text)
    assert time.process_time() - start < 2.0
    assert tokenizer.decode(ids) == text
