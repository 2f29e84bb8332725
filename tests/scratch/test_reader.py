"""The reader from scratch: what a token is told, and that neither padding nor neighbours in the batch change an answer."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from playground.scratch.model import EncoderReader, ReaderConfig, kinds_of, pad
from playground.scratch.tokenizer import CLS, MASK, PAD, SEP, Tokenizer

SMALL = ReaderConfig(vocabulary=97, dim=24, layers=2, heads=4, hidden=40, max_length=30, dropout=0.3)
ROWS = [([1, 5, 9, 3, 9, 42, 5, 7], 4), ([1, 96, 3, 96], 3), ([1, 3, 8, 90], 2)]


@pytest.fixture
def model() -> EncoderReader:
    torch.manual_seed(5)
    model = EncoderReader(SMALL).eval()
    with torch.no_grad():  # away from the start's zeros and ones, where mistakes would not show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def batch(rows):
    ids, mask = pad([ids for ids, _ in rows])
    return ids, mask, torch.tensor([start for _, start in rows])


def test_a_token_is_told_what_it_is_part_of_and_whether_the_question_has_it():
    assert kinds_of(*batch(ROWS)).tolist() == [
        [0, 0, 0, 0, 2, 1, 2, 1],
        [0, 0, 0, 2, 0, 0, 0, 0],
        [0, 0, 1, 1, 0, 0, 0, 0],
    ]


def test_scores_are_those_of_each_alone(model):
    with torch.inference_mode():
        together = model(*batch(ROWS))
        for row, (ids, start) in enumerate(ROWS):
            alone = model(*batch([(ids, start)]))
            assert alone.shape == (1, len(ids), 2)
            torch.testing.assert_close(together[row, : len(ids)], alone[0], atol=1e-5, rtol=1e-4)


def test_the_question_changes_what_is_read(model):
    with torch.inference_mode():
        one, other = (model(*batch([([1, word, 3, 9, 42], 3)])) for word in (9, 10))
    assert not torch.allclose(one[0, 3:], other[0, 3:], atol=1e-3)


def test_saved_and_loaded_it_says_the_same(model, tmp_path):
    model.save(tmp_path)
    with torch.inference_mode():
        torch.testing.assert_close(EncoderReader.load(tmp_path)(*batch(ROWS)), model(*batch(ROWS)))


def test_every_weight_learns():
    torch.manual_seed(0)
    model = EncoderReader(SMALL)
    model(*batch(ROWS)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@given(st.text(max_size=60))
def test_a_readers_tokens_are_those_of_the_encoder_with_the_piece_that_each_is_of(text):
    tokenizer = Tokenizer.train(["the cat sat on the mat"] * 3, 290, (PAD, CLS, MASK, SEP), lowercase=True)
    ids, spans, pieces = tokenizer.for_reader(text)
    assert (ids, spans) == tokenizer.encode_with_offsets(text)
    assert len(pieces) == len(ids)
    assert pieces == sorted(pieces)
