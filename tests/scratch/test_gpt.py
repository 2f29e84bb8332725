"""The decoder from scratch against transformers' GPT-2 and Llama with the same weights, and what must hold for every shape."""

import json
import math
from dataclasses import replace
from itertools import product

import pytest
import torch
from safetensors import safe_open
from torch import nn

from playground.scratch.gpt import GPT, GPTConfig
from tests.scratch.oracles import LIKE_GPT2, LIKE_LLAMA, SHAPES, oracle, random_gpt

IDS = torch.tensor([[1, 5, 9, 42, 7, 7, 60], [3, 3, 8, 0, 11, 12, 13]])
EVERY = [
    GPTConfig(17, 16, 2, 2, 20, 12, *choice)
    for choice in product(("learned", "rotary"), ("layer", "rms"), ("gelu", "swiglu"), (True, False))
]


def named(config: GPTConfig) -> str:
    return f"{config.positions}-{config.norm}-{config.feed_forward}-{'bias' if config.bias else 'plain'}"


every = pytest.mark.parametrize("config", EVERY, ids=named)
shapes = pytest.mark.parametrize("shape", SHAPES)


@shapes
def test_its_logits_equal_transformers(shape):
    model = random_gpt(SHAPES[shape])
    found = model(IDS)
    assert found.std() > 0.5
    torch.testing.assert_close(found, oracle(model)(IDS).logits, atol=1e-5, rtol=1e-5)


@shapes
def test_its_gradients_equal_transformers(shape):
    model = random_gpt(SHAPES[shape])
    theirs = oracle(model)
    theirs(IDS).logits.square().mean().backward()
    model(IDS).square().mean().backward()
    expected = theirs.get_input_embeddings().weight.grad
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(model.tokens.weight.grad, expected, atol=1e-5, rtol=1e-4)


@shapes
def test_its_attention_equals_transformers(shape):
    model = random_gpt(SHAPES[shape])
    record: list[torch.Tensor] = []
    model(IDS, record=record)
    expected = oracle(model, "eager")(IDS, output_attentions=True).attentions
    assert len(record) == len(expected) == 3
    for ours, theirs in zip(record, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


@every
def test_recording_attention_changes_no_logits_and_nobody_looks_ahead(config):
    model, ids = random_gpt(config), IDS % config.vocabulary
    record: list[torch.Tensor] = []
    torch.testing.assert_close(model(ids, record=record), model(ids), atol=1e-5, rtol=1e-5)
    assert [tuple(weights.shape) for weights in record] == [(2, config.heads, 7, 7)] * config.layers
    for weights in record:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, config.heads, 7))
        assert (weights.triu(1) == 0).all()
        assert (weights.tril() > 0).sum() == 2 * config.heads * 28


@every
def test_what_comes_later_changes_no_logits(config):
    model, ids = random_gpt(config), IDS % config.vocabulary
    other = ids.clone()
    other[:, 4:] = (ids[:, 4:] + 1) % config.vocabulary
    one, two = model(ids), model(other)
    torch.testing.assert_close(one[:, :4], two[:, :4], atol=1e-6, rtol=1e-6)
    assert (one[:, 4:] - two[:, 4:]).abs().amax(-1).min() > 1e-3


@every
def test_the_order_of_tokens_matters(config):
    model = random_gpt(config)
    one, two = model(torch.tensor([[1, 5, 9, 4]])), model(torch.tensor([[9, 1, 5, 4]]))
    assert (one[:, -1] - two[:, -1]).abs().max() > 1e-3


@pytest.mark.parametrize("cached", [False, True])
def test_a_text_longer_than_the_context_is_refused(cached):
    model = random_gpt(EVERY[0])
    with pytest.raises(ValueError, match="13 tokens does not fit into a context of 12"):
        model(torch.zeros(1, 13, dtype=torch.long), model.cache() if cached else None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@every
def test_saved_and_loaded_it_answers_the_same(config, tmp_path, dtype):
    model, ids = random_gpt(config), IDS % config.vocabulary
    model.save(tmp_path, dtype)
    again = GPT.load(tmp_path)
    assert again.config == config
    assert not again.training
    tolerance = 0.0 if dtype == torch.float32 else 0.02
    torch.testing.assert_close(again(ids), model(ids), atol=tolerance, rtol=0)


@shapes
def test_its_file_holds_what_was_learned_once(shape, tmp_path):
    model = random_gpt(SHAPES[shape])
    model.save(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert set(file.keys()) == {name for name, _ in model.named_parameters()}
    assert ("head.weight" in dict(model.named_parameters())) is not SHAPES[shape].tied


def test_weights_of_another_shape_are_refused_in_a_sentence(tmp_path):
    random_gpt(LIKE_GPT2).save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"dim": 48}))
    with pytest.raises(ValueError, match=r"do not fit their config"):
        GPT.load(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"heads": 5}, "5 heads cannot share a width of 24"),
        ({"heads": 8, "positions": "rotary"}, "a head has 3"),
        ({"positions": "absolute"}, "positions cannot be “absolute”: choose learned or rotary"),
        ({"norm": "batch"}, "norm cannot be “batch”: choose layer or rms"),
        ({"feed_forward": "relu"}, "feed_forward cannot be “relu”: choose gelu or swiglu"),
    ],
)
def test_shapes_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        replace(LIKE_GPT2, **wrong)


def test_without_bias_there_is_none():
    assert not [name for name, _ in GPT(LIKE_LLAMA).named_parameters() if name.endswith("bias")]
    assert not [name for name, _ in GPT(replace(LIKE_GPT2, bias=False)).named_parameters() if name.endswith("bias")]


def test_it_starts_with_what_adds_up_scaled_to_the_number_of_layers():
    torch.manual_seed(0)
    block = GPT(GPTConfig(vocabulary=9, dim=128, layers=8, heads=2, hidden=256)).blocks[3]
    for last in (block.attention.output, block.feed_forward.narrow):
        assert last.weight.std().item() == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    assert block.attention.three.weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_dropout_acts_while_it_is_trained_alone():
    model = random_gpt(replace(LIKE_GPT2, dropout=0.5))
    torch.testing.assert_close(model(IDS), model(IDS), atol=0, rtol=0)
    model.train()
    assert (model(IDS) - model(IDS)).abs().max() > 0.1


@pytest.mark.parametrize("config", [EVERY[0], EVERY[-1]], ids=named)
def test_it_learns_to_look_two_tokens_back(config):
    """Each token is the one before the last, so that none says what follows it: only its place does."""
    torch.manual_seed(0)
    pairs = torch.tensor(list(product(range(config.vocabulary), repeat=2)))
    texts = pairs.repeat(1, 4)  # a b a b a b a b
    new = torch.arange(len(texts)) % 4 == 0
    model = GPT(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(120):
        logits = model(texts[~new, :-1])[:, 2:]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), texts[~new, 3:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = model(texts[new, :-1])[:, 2:].argmax(-1) == texts[new, 3:]
    assert right.float().mean() > 0.9
