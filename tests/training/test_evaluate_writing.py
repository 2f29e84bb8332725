"""Bits per byte and nats per token: what is computed equals a direct computation, and each token counts once."""

import math

import pytest
import torch

from playground.training.evaluate_writing import bits_per_byte, nats_per_token

SIZE = 7


@pytest.fixture(scope="module")
def model():
    """Scores of the next token from the two before it alone, so that a window of any length tells the same of most tokens."""
    torch.manual_seed(1)
    table = torch.randn(SIZE, SIZE, SIZE) * 2

    def logits(ids):  # [B, T] -> [B, T, V]
        before = torch.cat([ids[:, :1], ids[:, :-1]], dim=1)
        return table[before, ids]

    return logits


def encode(text):
    return [ord(letter) - ord("a") for letter in text]


def directly(model, ids):
    """Nats of all but the first, the whole text in one window."""
    scores = model(torch.tensor([ids]))[0].log_softmax(-1)
    return [-float(scores[place, token]) for place, token in enumerate(ids[1:])]


@pytest.mark.parametrize("length", [1, 3, 9, 10, 11, 64])
def test_bits_per_byte_equals_a_direct_computation(model, length):
    texts = {"a": "abcdefg" * 20, "b": "gfedcba"[::-1] * 3 + "b"}
    texts = {name: text[:length] for name, text in texts.items()}
    found = bits_per_byte(model, encode, 3, texts, context=10)
    nats = {name: sum(directly(model, [3, *encode(text)])) for name, text in texts.items()}
    for name, text in texts.items():
        assert found[name] == pytest.approx(nats[name] / math.log(2) / len(text), rel=1e-5)
    total = sum(nats.values()) / math.log(2) / sum(map(len, texts.values()))
    assert found["all"] == pytest.approx(total, rel=1e-5)


def test_bytes_are_those_of_utf_8(model):
    found = bits_per_byte(model, lambda text: [1] * len(text), 3, {"a": "é–"}, context=10)
    assert found["a"] == pytest.approx(sum(directly(model, [3, 1, 1])) / math.log(2) / 5, rel=1e-5)


@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 15, 16, 64])
def test_every_token_is_foreseen_once_and_from_half_a_context(length):
    """A model that is sure of its guess, the place itself: what it sees tells which tokens were asked, and from how many."""
    context = 10
    asked: dict[int, int] = {}

    def logits(ids):
        first, size = int(ids[0, 0]), ids.shape[1]
        for place in range(size):
            # The places asked are the last ones of the window; earlier windows have asked the others.
            asked.setdefault(first + place + 1, place + 1)
        scores = torch.full((1, size, 100), -50.0)
        scores[0, torch.arange(size), ids[0] + 1] = 50.0
        return scores

    found = bits_per_byte(logits, lambda text: list(range(1, len(text) + 1)), 0, {"a": "x" * length}, context)
    assert found["a"] == pytest.approx(0, abs=1e-6), "each token was compared with its own place"
    assert sorted(asked) == list(range(1, length + 1))
    assert all(seen >= min(place, context // 2) for place, seen in asked.items())


@pytest.mark.parametrize("length", [2, 10, 11, 21, 47])
@pytest.mark.parametrize("rows", [1, 3])
def test_nats_per_token_are_those_of_blocks_side_by_side(model, length, rows):
    torch.manual_seed(length)
    ids = torch.randint(SIZE, (length,)).tolist()
    expected = [nats for at in range(0, length - 1, 10) for nats in directly(model, ids[at : at + 11])]
    assert len(expected) == length - 1
    assert nats_per_token(model, ids, 10, rows) == pytest.approx(sum(expected) / (length - 1), rel=1e-5)
