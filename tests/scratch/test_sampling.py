"""How settings bend scores: the results of transformers' processors, and what their definitions promise."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from playground.scratch.sampling import Sampling, keep_top_k, keep_top_p, penalise, processed, told
from tests.scratch.oracles import SHAPES, oracle, random_gpt

scores = st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=30).map(torch.tensor)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.7, top_k=9, top_p=0.8, repetition_penalty=1.4),
        Sampling(temperature=1.6, top_k=20, top_p=0.95, repetition_penalty=0.8),
        Sampling(temperature=2.5, top_p=0.5),
        Sampling(top_k=3),
        Sampling(repetition_penalty=2.0),
        Sampling(),
    ],
    ids=str,
)
def test_the_chances_are_those_that_transformers_draws_from(shape, sampling):
    """In the very run of its `generate`, so that what it does, in which order, is its own choice."""
    model = random_gpt(SHAPES[shape])
    torch.manual_seed(1)
    prompt = torch.tensor([[4, 8, 15, 16, 23, 42]])
    found = oracle(model).generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=12,
        do_sample=True,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        repetition_penalty=sampling.repetition_penalty,
        output_scores=True,
        return_dict_in_generate=True,
    )
    ids = found.sequences[0]
    with torch.no_grad():
        logits = model(ids[None])[0]
    assert len(found.scores) == 12
    for n, theirs in enumerate(found.scores):
        end = prompt.shape[1] + n
        ours = processed(logits[end - 1], ids[:end].tolist(), sampling)
        torch.testing.assert_close(ours, theirs[0], atol=1e-5, rtol=1e-5)


@given(scores, st.integers(1, 40))
def test_top_k_keeps_the_k_likeliest_and_their_equals(logits, k):
    kept = keep_top_k(logits, k)
    inside = kept > -math.inf
    assert torch.equal(kept[inside], logits[inside])
    assert inside.sum() >= min(k, len(logits))
    if not inside.all():
        assert logits[~inside].max() < logits[inside].min()
        assert (logits > logits[inside].min()).sum() < k, "one more than needed was kept"


@given(scores, st.floats(0.01, 0.999) | st.just(1e-12))
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits, p):
    kept = keep_top_p(logits, p)
    inside = kept > -math.inf
    chances = logits.double().softmax(-1)
    assert torch.equal(kept[inside], logits[inside])
    assert inside.any()
    assert chances[inside].sum() >= p - 1e-5
    assert chances[inside].sum() - chances[inside].min() < p + 1e-5, "one more than needed was kept"
    if not inside.all():
        assert logits[~inside].max() <= logits[inside].min()


@given(scores, st.lists(st.integers(0, 1), min_size=1, max_size=6), st.floats(1.01, 3))
def test_a_penalty_makes_what_was_there_less_likely_once(logits, ids, penalty):
    bent = penalise(logits, ids, penalty)
    for token, (before, after) in enumerate(zip(logits.tolist(), bent.tolist(), strict=True)):
        if token in ids:
            assert after == pytest.approx(before / penalty if before > 0 else before * penalty, rel=1e-5)
        else:
            assert after == before


@given(scores, st.integers(0, 5), st.floats(0.1, 1))
def test_greedy_is_what_no_setting_of_chance_changes(logits, top_k, top_p):
    bent = processed(logits, [0], Sampling(temperature=0, top_k=top_k, top_p=top_p))
    assert torch.equal(bent, logits)


def test_settings_are_applied_to_a_copy():
    logits = torch.tensor([1.0, 2.0, -3.0])
    processed(logits, [0, 2], Sampling(temperature=0.5, top_k=1, top_p=0.5, repetition_penalty=2))
    assert logits.tolist() == [1.0, 2.0, -3.0]


def test_a_step_tells_the_models_own_probabilities():
    step = told(torch.tensor([0.1, 0.4, 0.2, 0.3]).log(), 0)
    assert step.token == 0
    assert step.probability == pytest.approx(0.1)
    assert [token for token, _ in step.alternatives] == [1, 3, 2, 0]
    assert [chance for _, chance in step.alternatives] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    many = told(torch.linspace(0, 1, 50), 7)
    assert [token for token, _ in many.alternatives] == [49, 48, 47, 46, 45]


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 0},
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"repetition_penalty": 0.0},
        {"beams": 0},
        {"length_penalty": math.inf},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="A text cannot be written with"):
        Sampling(**wrong)
