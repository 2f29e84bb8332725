"""The tagger from scratch: a word's vector is what it says, and neither padding nor neighbours in the batch change an answer."""

import json
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from playground.scratch.model import EncoderTagger, TaggerConfig, gather_words, pad
from playground.scratch.tokenizer import CLS, Tokenizer

SMALL = TaggerConfig(vocabulary=97, labels=3, dim=24, layers=2, heads=4, hidden=40, max_length=30, dropout=0.3)
ROWS = [
    ([1, 5, 9, 42, 7], [-1, 0, 0, 1, 2]),
    ([1, 96], [-1, 0]),
    ([1, 3, 3, 8, 90, 11, 12, 13], [-1, 0, 1, 1, 1, 2, 3, 3]),
]


@pytest.fixture(params=["mean", "first"])
def model(request) -> EncoderTagger:
    torch.manual_seed(5)
    model = EncoderTagger(TaggerConfig(**{**vars(SMALL), "word": request.param})).eval()
    with torch.no_grad():  # away from the start's zeros and ones, where mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def batch(rows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    ids, mask = pad([ids for ids, _ in rows])
    return ids, mask, pad([words for _, words in rows], padding=-1)[0]


@pytest.mark.parametrize("first", [False, True])
def test_words_are_gathered_by_the_book(first):
    torch.manual_seed(0)
    _, _, words = batch(ROWS)
    x = torch.randn(*words.shape, 6)
    found = gather_words(x, words, first)
    assert found.shape == (3, 4, 6)
    for b, row in enumerate(words.tolist()):
        for w in range(4):
            places = [t for t, word in enumerate(row) if word == w]
            expected = torch.zeros(6) if not places else x[b, places[0]] if first else x[b, places].mean(0)
            torch.testing.assert_close(found[b, w], expected)


def test_neither_padding_nor_the_batch_changes_an_answer(model):
    together = model(*batch(ROWS))
    assert together.shape == (3, 4, 3)
    turned = model(*batch(ROWS[::-1]))
    ids, mask, words = batch(ROWS)
    wider = model(
        nn.functional.pad(ids, (0, 9)), nn.functional.pad(mask, (0, 9)), nn.functional.pad(words, (0, 9), value=-1)
    )
    for row, (tokens, places) in enumerate(ROWS):
        alone = model(*batch([(tokens, places)]))[0]
        for other in (together[row], turned[2 - row], wider[row]):
            torch.testing.assert_close(other[: len(alone)], alone, atol=1e-5, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=6), min_size=2, max_size=4), st.randoms())
def test_any_batch_in_any_order(sizes, random):
    torch.manual_seed(5)
    model = EncoderTagger(SMALL).eval()
    rows = []
    for i, text in enumerate(sizes):
        places = [-1, *(word for word, size in enumerate(text) for _ in range(size))]
        rows.append(([1, *(3 + (7 * i + t) % 90 for t in range(1, len(places)))], places))
    order = list(range(len(rows)))
    random.shuffle(order)
    mixed = model(*batch([rows[i] for i in order]))
    for at, i in enumerate(order):
        alone = model(*batch([rows[i]]))[0]
        torch.testing.assert_close(mixed[at, : len(alone)], alone, atol=1e-5, rtol=1e-5)


def test_every_piece_of_a_word_counts_in_the_mean_and_the_first_alone_in_first(model):
    """Attention hidden: states are given, so only the word's own pieces can matter."""
    torch.manual_seed(1)
    words = torch.tensor([[-1, 0, 0, 1]])
    states = torch.randn(1, 4, 24)
    changed = states.clone()
    changed[0, 2] += 1.0
    same = torch.equal(model.score(states, words), model.score(changed, words))
    assert same == (model.config.word == "first")


def test_the_words_beside_are_seen_and_no_others(model):
    torch.manual_seed(1)
    words = torch.arange(5)[None]
    states = torch.randn(1, 5, 24)
    changed = states.clone()
    changed[0, 0] += 1.0
    moved = (model.score(states, words) - model.score(changed, words)).abs().amax(-1)[0] > 1e-6
    assert moved.tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_and_loaded_it_answers_the_same(model, tmp_path, dtype):
    model.save(tmp_path, dtype)
    again = EncoderTagger.load(tmp_path)
    assert again.config == model.config
    assert json.loads((tmp_path / "config.json").read_text())["word"] == model.config.word
    assert not again.training
    tolerance = 0.0 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(again(*batch(ROWS)), model(*batch(ROWS)), atol=tolerance, rtol=0)


def test_its_attention_can_be_recorded(model):
    record: list[torch.Tensor] = []
    model(*batch(ROWS), record)
    assert [tuple(weights.shape) for weights in record] == [(3, 4, 8, 8)] * 2


def test_another_way_to_read_a_word_is_refused():
    with pytest.raises(ValueError, match="choose mean or first"):
        TaggerConfig(vocabulary=10, word="last")


def test_the_tokens_of_words_one_by_one():
    tokenizer = Tokenizer.train(["low lower lowest new newer newest wide wider widest " * 3], 300)
    words = ["lowest", "🙂", "x" * 400, "new"]
    ids, places = tokenizer.for_tagger(words)
    assert (ids[0], places[0]) == (tokenizer.special(CLS), -1)
    for place, word in enumerate(words):
        own = [i for i, p in zip(ids, places, strict=True) if p == place]
        assert own == tokenizer.encode(word)[:16]
    assert places[1:] == sorted(places[1:])
    assert tokenizer.for_tagger([]) == ([tokenizer.special(CLS)], [-1])
    finer, _ = tokenizer.for_tagger(words, 0.5, Random(1))
    assert len(finer) > len(ids)
