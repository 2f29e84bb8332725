"""Beam search: the text that transformers finds, and with beams enough the likeliest of all."""

import math
from itertools import product

import pytest
import torch

from playground.scratch.beams import BeamSearch
from playground.scratch.decoding import stream
from playground.scratch.gpt import GPT, GPTConfig
from playground.scratch.sampling import Sampling
from tests.scratch.oracles import LIKE_GPT2, SHAPES, oracle, random_gpt

PROMPT = [4, 8, 15, 16, 23, 42]


def searched(model: GPT, sampling: Sampling, stop_ids=(), prompt=PROMPT) -> BeamSearch:
    search = BeamSearch(model, prompt, sampling, stop_ids)
    while not search.done:
        search.advance()
    return search


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("length_penalty", [1.0, 0.0, -2.0, 2.0])
@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("stop_ids", [(), (7,), (7, 12, 30)], ids=str)
def test_it_finds_the_text_that_transformers_finds(shape, length_penalty, penalty, stop_ids):
    for seed, beams in ((0, 2), (1, 3), (2, 4)):
        model = random_gpt(SHAPES[shape], seed)
        with torch.no_grad():  # all is a bit likely, stop tokens, too, or searches would hardly differ
            (model.tokens if model.head is None else model.head).weight.mul_(0.3)
        prompt = torch.tensor([PROMPT])
        found = oracle(model).generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=14,
            do_sample=False,
            num_beams=beams,
            length_penalty=length_penalty,
            repetition_penalty=penalty,
            eos_token_id=list(stop_ids) or None,
            pad_token_id=0,
            output_scores=True,
            return_dict_in_generate=True,
        )
        sampling = Sampling(length=14, beams=beams, length_penalty=length_penalty, repetition_penalty=penalty)
        search = searched(model, sampling, stop_ids)
        assert search.best == found.sequences[0, len(PROMPT) :].tolist()
        assert search.finished[0][0] == pytest.approx(found.sequences_scores.item(), rel=1e-4)


def test_one_beam_is_greedy():
    model = random_gpt(LIKE_GPT2)
    expected = [step.token for step in stream(model, PROMPT, Sampling(length=15, temperature=0))]
    assert searched(model, Sampling(length=15, beams=1)).best == expected


def test_with_beams_enough_it_finds_the_likeliest_of_all_texts():
    model = random_gpt(GPTConfig(vocabulary=5, dim=8, layers=1, heads=2, hidden=8, context=8), seed=6)
    texts = torch.tensor([[1, *text] for text in product(range(5), repeat=4)])
    with torch.no_grad():
        chances = model(texts).log_softmax(-1)[:, :-1].gather(2, texts[:, 1:, None]).sum((1, 2))
    best = texts[chances.argmax(), 1:].tolist()
    search = searched(model, Sampling(length=4, beams=125, length_penalty=0.0), prompt=[1])
    assert search.best == best
    assert search.finished[0][0] == pytest.approx(chances.max().item(), rel=1e-4)
    greedy = [step.token for step in stream(model, [1], Sampling(length=4, temperature=0))]
    assert greedy != best, "nothing to find for beams here"


def test_its_steps_are_the_text_with_the_models_probabilities():
    model = random_gpt(LIKE_GPT2)
    sampling = Sampling(length=9, beams=3, length_penalty=0.0)
    search = searched(model, sampling)
    steps = list(stream(model, PROMPT, sampling))
    assert [step.token for step in steps] == search.best
    total = sum(math.log(step.probability) for step in steps)
    assert total == pytest.approx(search.finished[0][0], rel=1e-4)
    assert all(len(step.alternatives) == 5 for step in steps)


def test_it_goes_on_by_one_token_at_a_time():
    model = random_gpt(LIKE_GPT2)
    search = BeamSearch(model, PROMPT, Sampling(length=4, beams=3))
    for _ in range(3):
        search.advance()
        assert not search.done
    search.advance()
    assert search.done
    found = list(search.finished)
    search.advance()
    assert search.finished == found


def test_a_text_that_would_outgrow_the_context_is_refused():
    with pytest.raises(ValueError, match="33 tokens does not fit into a context of 32"):
        BeamSearch(random_gpt(LIKE_GPT2), PROMPT, Sampling(length=27, beams=2))
