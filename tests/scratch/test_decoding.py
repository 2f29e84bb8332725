"""Texts, token by token: as transformers writes them, alone as in company, with a cache as without."""

import random
from itertools import islice

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from playground.scratch.decoding import Batch, Sampling, Stream, stream, window_start
from playground.scratch.gpt import GPT, GPTConfig
from playground.scratch.sampling import Step
from tests.scratch.oracles import LIKE_LLAMA, SHAPES, oracle, random_gpt

PROMPT = [4, 8, 15, 16, 23, 42]
GREEDY = Sampling(length=20, temperature=0)
SMALL = {
    "learned": random_gpt(GPTConfig(vocabulary=17, dim=16, layers=2, heads=2, hidden=20, context=12)),
    "rotary": random_gpt(GPTConfig(17, 16, 2, 2, 20, 12, "rotary", "rms", "swiglu", False)),
}
small = pytest.mark.parametrize("model", SMALL.values(), ids=SMALL)


def tokens(model: GPT, prompt: list[int], sampling: Sampling, stop_ids: tuple[int, ...] = ()) -> list[int]:
    return [step.token for step in stream(model, prompt, sampling, stop_ids)]


def plainly(model: GPT, prompt: list[int], sampling: Sampling) -> list[int]:
    """Without a cache: for every token a pass over the whole window."""
    text = Stream(prompt, sampling)
    while not text.done:
        seen = text.ids[window_start(len(text.ids), model.config.context) :]
        with torch.no_grad():
            text.take(model(torch.tensor([seen]))[0, -1])
    return text.ids[len(prompt) :]


@pytest.mark.parametrize("penalty", [1.0, 1.3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_greedy_tokens_equal_transformers(shape, seed, penalty):
    model = random_gpt(SHAPES[shape], seed)
    prompt = torch.tensor([PROMPT])
    how = {"max_new_tokens": 20, "do_sample": False, "repetition_penalty": penalty}
    found = oracle(model).generate(prompt, attention_mask=torch.ones_like(prompt), **how)[0, len(PROMPT) :].tolist()
    ours = tokens(model, PROMPT, Sampling(length=20, temperature=0, repetition_penalty=penalty))
    assert len(set(ours)) > 1
    assert ours == found


@small
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_with_a_cache_as_without_also_beyond_the_context(model, temperature):
    for seed in range(5):
        sampling = Sampling(length=30, temperature=temperature, top_k=8, seed=seed)
        prompt = [seed, 3, 5, 1 + seed]
        assert tokens(model, prompt, sampling) == plainly(model, prompt, sampling)


@small
@pytest.mark.parametrize("length", [11, 12, 13, 40])
def test_a_prompt_as_long_as_the_context_or_longer_is_gone_on_from(model, length):
    prompt = [random.Random(length).randrange(17) for _ in range(length)]
    found = tokens(model, prompt, Sampling(length=9, temperature=0))
    assert found == plainly(model, prompt, Sampling(length=9, temperature=0))
    assert len(found) == 9


@small
def test_a_text_goes_on_from_what_it_wrote_as_if_it_had_been_given(model):
    whole = tokens(model, [3, 1], Sampling(length=30, temperature=0))
    for cut in (1, 9, 10, 11, 17):
        rest = tokens(model, [3, 1, *whole[:cut]], Sampling(length=30 - cut, temperature=0))
        assert rest == whole[cut:]


@given(st.integers(1, 300), st.integers(1, 40))
def test_the_window_fits_and_moves_seldom(length, context):
    start = window_start(length, context)
    assert 0 <= start < length
    assert length - start <= context
    if start:
        assert length - start > context - max(1, context // 2), "more was forgotten than needed"
    assert window_start(length + 1, context) >= start
    assert (start == 0) == (length <= context)


def test_the_same_seed_gives_the_same_tokens_whatever_else_runs():
    model = SMALL["learned"]
    sampling = Sampling(length=25, seed=7)
    torch.manual_seed(0)
    quiet = tokens(model, PROMPT[:3], sampling)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert tokens(model, PROMPT[:3], sampling) == quiet
    assert torch.equal(torch.get_rng_state(), before), "it drew from numbers that others draw from"
    noisy = []
    for step in stream(model, PROMPT[:3], sampling):
        torch.rand(3)
        next(stream(model, [1], Sampling(seed=7)))
        noisy.append(step.token)
    assert noisy == quiet
    assert len({tuple(tokens(model, PROMPT[:3], Sampling(length=25, seed=seed))) for seed in range(8)}) == 8


def test_tokens_are_drawn_as_often_as_their_chances_say():
    logits = torch.tensor([0.1, 0.4, 0.15, 0.35]).log()
    counts = [0] * 4
    for seed in range(2000):
        counts[Stream([0], Sampling(length=1, seed=seed, top_p=0.9)).take(logits).token] += 1
    expected = [0, 0.4 / 0.9, 0.15 / 0.9, 0.35 / 0.9]
    assert [count / 2000 for count in counts] == pytest.approx(expected, abs=0.04)
    assert counts[0] == 0


def test_nothing_is_computed_for_a_token_that_nobody_asks_for(monkeypatch):
    model, passes = random_gpt(LIKE_LLAMA), []
    states = model.states
    monkeypatch.setattr(model, "states", lambda ids, *more: passes.append(tuple(ids.shape)) or states(ids, *more))
    running = stream(model, PROMPT, GREEDY)
    assert passes == []
    first = list(islice(running, 3))
    running.close()
    assert passes == [(1, 6), (1, 1), (1, 1)], "the prompt in one pass, then token by token"
    assert [step.token for step in first] == tokens(model, PROMPT, GREEDY)[:3]


def test_a_stop_token_is_the_last_one_told():
    model = random_gpt(LIKE_LLAMA)
    free = tokens(model, PROMPT, GREEDY)
    stop = free[5]
    assert tokens(model, PROMPT, GREEDY, (stop, 99)) == free[: free.index(stop) + 1]


@pytest.mark.parametrize("beams", [1, 2])
def test_a_text_from_nothing_is_refused(beams):
    with pytest.raises(ValueError, match="from at least one token"):
        stream(SMALL["learned"], [], Sampling(beams=beams))


def test_beams_are_not_taken_for_one_text():
    with pytest.raises(ValueError, match="use BeamSearch"):
        Stream([1], Sampling(beams=2))


def test_a_step_tells_the_probabilities_of_a_pass_over_the_text():
    model = random_gpt(LIKE_LLAMA)
    steps = list(stream(model, PROMPT, Sampling(length=10, temperature=3.0, top_k=30, repetition_penalty=1.5)))
    ids = [*PROMPT, *(step.token for step in steps)]
    with torch.no_grad():
        chances = model(torch.tensor([ids]))[0].softmax(-1)
    assert any(step.token != step.alternatives[0][0] for step in steps)
    for place, step in enumerate(steps, start=len(PROMPT) - 1):
        assert step.probability == pytest.approx(chances[place, step.token].item(), abs=1e-5)
        best = chances[place].topk(5)
        assert [token for token, _ in step.alternatives] == best.indices.tolist()
        assert [chance for _, chance in step.alternatives] == pytest.approx(best.values.tolist(), abs=1e-5)


texts = st.lists(
    st.tuples(
        st.integers(0, 12),  # the step before which it comes
        st.lists(st.integers(0, 16), min_size=1, max_size=20),
        st.builds(
            Sampling,
            length=st.integers(1, 20),
            temperature=st.sampled_from([0, 0.7, 1.5]),
            top_k=st.sampled_from([0, 5]),
            top_p=st.sampled_from([0.8, 1.0]),
            repetition_penalty=st.sampled_from([1.0, 1.3]),
            seed=st.integers(0, 9),
        ),
        st.sampled_from([(), (2,)]),
        st.sampled_from([None, 1, 4]),  # the token after which it is taken out, if any
    ),
    min_size=1,
    max_size=6,
)


@small
@given(texts)
def test_in_company_each_text_gets_the_tokens_that_it_gets_alone(model, todo):
    batch, told, came = Batch(model), {}, {}
    for n in range(40):
        for number, (at, prompt, sampling, stop_ids, _) in enumerate(todo):
            if at == n:
                came[number] = Stream(prompt, sampling, stop_ids)
                told[came[number]] = []
                batch.add(came[number])
        expected = [text for text in came.values() if text in [*batch.streams, *batch.waiting]]
        steps = batch.step()
        assert {id(text) for text, _ in steps} == {id(text) for text in expected}, "one token for each"
        assert len(steps) == len(expected)
        for text, step in steps:
            told[text].append(step)
        for number, text in came.items():
            if todo[number][4] == len(told[text]):
                batch.remove(text)
    assert len(batch) == 0
    assert batch.cache is None, "memory is held for nobody"
    for number, (_, prompt, sampling, stop_ids, leaves) in enumerate(todo):
        same(told[came[number]], list(islice(stream(model, prompt, sampling, stop_ids), leaves)))


@small
@given(texts, st.sampled_from([1, 3, None]), st.randoms(use_true_random=False))
def test_whoever_has_a_turn_and_however_little_is_read_at_once_the_tokens_are_the_same(model, todo, most, random):
    batch = Batch(model)
    told = {Stream(prompt, sampling, stops): ([], prompt, sampling, stops) for _, prompt, sampling, stops, _ in todo}
    for text in told:
        batch.add(text)
    while len(batch):
        turn = random.sample([*batch.streams, *batch.waiting], random.randint(1, len(batch)))
        unread = {text: batch.unread(text) for text in turn}
        steps = batch.step(turn, most)
        due = [text for text in turn if most is None or unread[text] <= most]
        assert {id(text) for text, _ in steps} == {id(text) for text in due}
        for text, step in steps:
            told[text][0].append(step)
    assert batch.cache is None
    for steps, *how in told.values():
        same(steps, list(stream(model, *how)))


def same(found: list[Step], expected: list[Step]) -> None:
    assert [step.token for step in found] == [step.token for step in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-5)


def test_texts_together_take_one_pass_a_token(monkeypatch):
    model, passes = random_gpt(LIKE_LLAMA), []
    batch = Batch(model)
    for length in (2, 5, 3):
        batch.add(Stream(PROMPT[:length], GREEDY))
    batch.step()
    states = model.states
    monkeypatch.setattr(model, "states", lambda ids, *more: passes.append(tuple(ids.shape)) or states(ids, *more))
    batch.step()
    batch.step()
    assert passes == [(3, 1), (3, 1)]


def test_a_text_that_was_taken_out_before_its_first_token_never_runs():
    batch = Batch(SMALL["learned"])
    gone, stays = Stream([1], GREEDY), Stream([2], GREEDY)
    batch.add(gone)
    batch.add(stays)
    batch.remove(gone)
    assert [text for text, _ in batch.step()] == [stays]
    assert gone.ids == [1]
