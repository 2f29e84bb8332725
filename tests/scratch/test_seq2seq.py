"""The encoder-decoder from scratch against transformers' Pegasus with the same weights, and what must hold for every shape."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from playground.scratch.beams import BeamSearch
from playground.scratch.decoding import Batch, Stream, stream
from playground.scratch.model import pad
from playground.scratch.sampling import Sampling
from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig
from tests.scratch.seq2seq_oracles import LIKE_LLAMA, LIKE_PEGASUS, PAD, START, pegasus, random_seq2seq

SOURCES = [[5, 9, 42, 7, 7, 60, 2], [3, 8, 11], [50, 31, 12, 13, 2, 44, 18, 29, 30, 6, 2]]
IDS, MASK = pad(SOURCES)
TARGETS = torch.tensor([[1, 5, 9, 42, 7], [1, 3, 8, 4, 11], [1, 60, 59, 58, 57]])
SHAPES = {"pegasus": LIKE_PEGASUS, "llama": LIKE_LLAMA, "untied": replace(LIKE_LLAMA, tied=False)}
EVERY = [
    Seq2SeqConfig(17, 16, 2, 2, 20, 12, *choice, encoder_layers=1, source_context=9)
    for choice in product(("learned", "rotary"), ("layer", "rms"), ("gelu", "swiglu"), (True, False))
]
shapes = pytest.mark.parametrize("config", SHAPES.values(), ids=SHAPES)


def generated(model: Seq2Seq, source: list[int], length: int = 14, **options):
    """What transformers writes of one source."""
    row = torch.tensor([source])
    return pegasus(model).generate(
        input_ids=row,
        attention_mask=torch.ones_like(row),
        max_new_tokens=length,
        do_sample=False,
        pad_token_id=PAD,
        output_scores=True,
        return_dict_in_generate=True,
        **options,
    )


def written(model: Seq2Seq, source: list[int], sampling: Sampling, stop_ids=()) -> list[int]:
    return [step.token for step in stream(model.read(source), [START], sampling, stop_ids)]


def test_its_logits_equal_transformers():
    model = random_seq2seq()
    found = model(IDS, MASK, TARGETS)
    assert found.std() > 0.3
    expected = pegasus(model)(input_ids=IDS, attention_mask=MASK.long(), decoder_input_ids=TARGETS).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_its_gradients_equal_transformers():
    model = random_seq2seq()
    theirs = pegasus(model)
    theirs(input_ids=IDS, attention_mask=MASK.long(), decoder_input_ids=TARGETS).logits.square().mean().backward()
    model(IDS, MASK, TARGETS).square().mean().backward()
    expected = theirs.get_input_embeddings().weight.grad
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(model.tokens.weight.grad, expected, atol=1e-5, rtol=1e-4)


def test_its_attention_to_source_and_target_equals_transformers():
    model = random_seq2seq()
    record: list[torch.Tensor] = []
    cross: list[torch.Tensor] = []
    encoded: list[torch.Tensor] = []
    model(IDS, MASK, TARGETS, record, cross)
    model.encode(IDS, MASK, encoded)
    expected = pegasus(model, "eager")(
        input_ids=IDS, attention_mask=MASK.long(), decoder_input_ids=TARGETS, output_attentions=True
    )
    pairs = (
        (record, expected.decoder_attentions),
        (cross, expected.cross_attentions),
        (encoded, expected.encoder_attentions),
    )
    for ours, theirs in pairs:
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    assert cross[0].shape == (3, 4, 5, 11)
    assert not cross[0][1, :, :, 3:].any(), "padding of the source was looked at"


@pytest.mark.parametrize("penalty", [1.0, 1.4])
@pytest.mark.parametrize("source", SOURCES, ids=len)
def test_it_writes_greedily_what_transformers_writes(source, penalty):
    model = random_seq2seq()
    expected = generated(model, source, 20, repetition_penalty=penalty).sequences[0, 1:].tolist()
    assert written(model, source, Sampling(length=20, temperature=0, repetition_penalty=penalty)) == expected
    stop = expected[4]
    stopped = generated(model, source, 20, repetition_penalty=penalty, eos_token_id=stop).sequences[0, 1:].tolist()
    assert written(model, source, Sampling(length=20, temperature=0, repetition_penalty=penalty), {stop}) == stopped


@pytest.mark.parametrize("length_penalty", [1.0, 0.0, -2.0, 2.0])
@pytest.mark.parametrize("stop_ids", [(), (7,), (7, 12, 30)], ids=str)
def test_its_beams_find_what_transformers_beams_find(length_penalty, stop_ids):
    for seed, beams, penalty in ((0, 2, 1.0), (1, 3, 1.3), (2, 4, 1.0)):
        model = random_seq2seq(seed=seed)
        found = generated(
            model,
            SOURCES[seed],
            num_beams=beams,
            length_penalty=length_penalty,
            repetition_penalty=penalty,
            eos_token_id=list(stop_ids) or None,
        )
        sampling = Sampling(length=14, beams=beams, length_penalty=length_penalty, repetition_penalty=penalty)
        search = BeamSearch(model.read(SOURCES[seed]), [START], sampling, stop_ids)
        while not search.done:
            search.advance()
        # behind the end of a shorter text transformers pads
        assert search.best == found.sequences[0, 1:].tolist()
        assert search.finished[0][0] == pytest.approx(found.sequences_scores.item(), rel=1e-4)


@shapes
def test_a_cache_changes_nothing(config):
    model = random_seq2seq(config)
    reading = model.read(SOURCES[0])
    cache = reading.cache()
    whole = reading(TARGETS[:1])
    for t in range(TARGETS.shape[1]):
        following = reading.following(TARGETS[:1, t : t + 1], cache)
        torch.testing.assert_close(following, whole[:, t], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole, model(IDS[:1, :7], MASK[:1, :7], TARGETS[:1]), atol=1e-5, rtol=1e-5)


@shapes
def test_texts_side_by_side_get_the_tokens_that_each_gets_alone(config):
    model = random_seq2seq(config)
    settings = [
        Sampling(length=12, temperature=0),
        Sampling(length=5, seed=3),
        Sampling(length=16, seed=8, temperature=1.3, top_k=9, repetition_penalty=1.2),
    ]
    alone = [written(model, source, one) for source, one in zip(SOURCES, settings, strict=True)]
    batch = Batch(model)
    streams = [Stream([START], one, (), model.read(source)) for source, one in zip(SOURCES, settings, strict=True)]
    for text in streams:  # each comes a step later than the one before
        batch.add(text)
        batch.step()
    while len(batch):
        batch.step()
    assert [text.ids[1:] for text in streams] == alone


def test_a_text_that_leaves_takes_its_source_with_it():
    model = random_seq2seq()
    batch = Batch(model)
    streams = [Stream([START], Sampling(length=9, temperature=0), (), model.read(source)) for source in SOURCES]
    for text in streams:
        batch.add(text)
    batch.step()
    assert batch.cache.sources.mask.shape == (3, 11)
    batch.remove(streams[2])
    assert batch.cache.sources.mask.sum(1).tolist() == [7, 3]
    assert batch.cache.sources.mask.shape == (2, 7), "padding that nobody needs any more is kept"
    while len(batch):
        batch.step()
    assert [text.ids[1:] for text in streams[:2]] == [
        written(model, source, Sampling(length=9, temperature=0)) for source in SOURCES[:2]
    ]


@shapes
def test_what_is_written_depends_on_the_source(config):
    model = random_seq2seq(config)
    found = model(IDS, MASK, TARGETS[:1].expand(3, -1))
    assert (found[0] - found[1]).abs().max() > 0.05
    assert (found[1] - found[2]).abs().max() > 0.05


@pytest.mark.parametrize("config", EVERY, ids=str)
def test_padding_changes_nothing_in_any_shape(config):
    model = random_seq2seq(config)
    source, target = torch.tensor([[3, 4, 5]]), torch.tensor([[1, 6, 7]])
    alone = model(source, torch.ones_like(source, dtype=torch.bool), target)
    wide, mask = pad([[3, 4, 5], [3, 4, 5, 6, 7, 8]], padding=9)
    padded = model(wide, mask, torch.tensor([[1, 6, 7, 0, 0], [1, 6, 7, 8, 9]]))
    torch.testing.assert_close(padded[:1, :3], alone, atol=1e-5, rtol=1e-5)


@shapes
def test_the_source_is_read_in_order(config):
    model = random_seq2seq(config)
    mask = torch.ones(1, 4, dtype=torch.bool)
    one = model(torch.tensor([[5, 6, 7, 8]]), mask, TARGETS[:1])
    other = model(torch.tensor([[8, 7, 6, 5]]), mask, TARGETS[:1])
    assert (one - other).abs().max() > 0.05


def test_what_was_saved_is_what_is_loaded(tmp_path):
    model = random_seq2seq(LIKE_LLAMA)
    model.save(tmp_path)
    again = Seq2Seq.load(tmp_path)
    assert again.config == LIKE_LLAMA
    assert torch.equal(again(IDS, MASK, TARGETS), model(IDS, MASK, TARGETS))


def test_a_source_that_is_too_long_or_empty_is_refused():
    model = random_seq2seq()
    with pytest.raises(ValueError, match="33 tokens is longer than the 32"):
        model.read([5] * 33)
    with pytest.raises(ValueError, match="at least one token"):
        model.read([])
