"""A cache changes no logits, whatever happens to its rows: each is what a pass over the whole of its text gives."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from playground.scratch.cache import KVCache
from playground.scratch.gpt import GPT, GPTConfig
from tests.scratch.oracles import random_gpt

LEARNED = GPTConfig(vocabulary=17, dim=16, layers=2, heads=2, hidden=20, context=12)
ROTARY = GPTConfig(17, 16, 2, 2, 20, 12, "rotary", "rms", "swiglu", False)
MODELS = {"learned": random_gpt(LEARNED), "rotary": random_gpt(ROTARY)}
TEXT = [3, 14, 15, 9, 2, 6, 5, 3, 5, 8, 16, 7]

both = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def alone(model: GPT, text: list[int]) -> torch.Tensor:
    """[T, V], without a cache."""
    return model(torch.tensor([text]))[0]


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@both
@pytest.mark.parametrize("sizes", [[1] * 12, [5, 1, 1, 5], [12], [1, 11]], ids=str)
def test_a_text_read_in_parts_gives_the_logits_of_the_whole(model, sizes):
    cache, parts = model.cache(), []
    for part in torch.tensor([TEXT]).split(sizes, dim=1):
        parts.append(model(part, cache))
    close(torch.cat(parts, dim=1)[0], alone(model, TEXT))
    assert cache.lengths == [12]


@both
@pytest.mark.parametrize("off", [-1, 1])
def test_places_off_by_one_behind_the_cache_would_show(model, off, monkeypatch):
    """The test above is able to fail: with a mutant that counts the tokens of the cache wrongly it does."""
    begin = KVCache.begin

    def mutant(self, new):
        places, allowed = begin(self, new)
        return places + (off if self.lengths[0] else 0), allowed

    monkeypatch.setattr(KVCache, "begin", mutant)
    cache = model.cache()
    model(torch.tensor([TEXT[:5]]), cache)
    found = model(torch.tensor([TEXT[5:6]]), cache)[0, 0]
    assert (found - alone(model, TEXT[:6])[-1]).abs().max() > 0.01


@both
@pytest.mark.parametrize("new", [1, 3])
def test_the_attention_of_tokens_behind_the_cache_is_the_last_rows(model, new):
    whole: list[torch.Tensor] = []
    model(torch.tensor([TEXT]), record=whole)
    cache, record = model.cache(), []
    model(torch.tensor([TEXT[:-new]]), cache)
    model(torch.tensor([TEXT[-new:]]), cache, record)
    for found, expected in zip(record, whole, strict=True):
        close(found, expected[:, :, -new:])


def test_a_cache_that_is_full_refuses_more():
    model = MODELS["learned"]
    cache = model.cache()
    model(torch.tensor([TEXT]), cache)
    with pytest.raises(ValueError, match="13 tokens does not fit into a context of 12"):
        model(torch.tensor([[1]]), cache)
    small = KVCache(2, 2, 8, context=4)
    with pytest.raises(ValueError, match="12 tokens does not fit into a context of 4"):
        small.join(cache)


def test_rows_that_leave_do_not_keep_the_others_from_the_end_of_the_context():
    model = MODELS["rotary"]
    cache, other = model.cache(), model.cache()
    model(torch.tensor([TEXT]), cache)
    model(torch.tensor([TEXT[:3]]), other)
    cache.join(other)
    cache.select([1])
    close(model(torch.tensor([TEXT[3:]]), cache)[0], alone(model, TEXT)[3:])


def test_memory_grows_with_the_texts_and_not_before():
    cache = KVCache(1, 2, 4, context=1000)
    taken = [cache.keys.numel()]
    for new in (10, 50, 10, 900):
        places, _ = cache.begin(new)
        cache.append(0, torch.ones(1, 2, new, 4), torch.ones(1, 2, new, 4))
        cache.end()
        taken.append(cache.keys.numel())
        assert len(places) == new
    assert [size // 8 for size in taken] == [64, 64, 64, 128, 970]
    assert cache.keys[0, 0, :, :970].min() == cache.values[0, 0, :, :970].min() == 1


@both
def test_what_some_rows_forget_is_as_if_it_had_not_been_read(model):
    cache, other = model.cache(), model.cache()
    model(torch.tensor([TEXT[:5]]), cache)
    model(torch.tensor([TEXT[:8]]), other)
    cache.join(other)
    found = model(torch.tensor([TEXT[5:6], [1]]), cache)[0, 0]
    close(found, alone(model, TEXT[:6])[-1])
    cache.forget([1])
    assert cache.lengths == [6, 8]
    both_rows = model(torch.tensor([TEXT[6:7], TEXT[8:9]]), cache)[:, 0]
    close(both_rows, torch.stack([alone(model, TEXT[:7])[-1], alone(model, TEXT[:9])[-1]]))


def test_no_gradient_is_kept_in_a_cache():
    cache = MODELS["learned"].cache()
    MODELS["learned"](torch.tensor([TEXT[:3]]), cache)
    assert not cache.keys.requires_grad
    assert cache.keys[0, 0, :, :3].abs().min() > 0


operations = st.one_of(
    st.tuples(st.just("read"), st.integers(1, 4)),
    st.tuples(st.just("select"), st.lists(st.integers(0, 100), min_size=1, max_size=5)),
    st.tuples(st.just("join"), st.lists(st.integers(1, 9), min_size=1, max_size=2)),
)


@both
@given(st.lists(operations, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_whatever_happens_to_the_rows_each_has_the_logits_it_has_alone(model, todo, random):
    def tokens(count: int) -> list[int]:
        return [random.randrange(17) for _ in range(count)]

    def read(texts: list[list[int]], cache: KVCache, count: int) -> None:
        fresh = [tokens(count) for _ in texts]
        with torch.no_grad():
            found = model(torch.tensor(fresh), cache)
            for row, (text, more) in enumerate(zip(texts, fresh, strict=True)):
                text += more
                close(found[row], alone(model, text)[-count:])
        assert cache.lengths == [len(text) for text in texts]

    texts: list[list[int]] = [[]]
    cache = model.cache()
    read(texts, cache, 2)
    for name, what in [*todo, ("read", 1)]:
        if name == "read" and max(map(len, texts)) + what <= 12:
            read(texts, cache, what)
        elif name == "select":
            rows = [n % len(texts) for n in what]
            cache.select(rows)
            texts = [list(texts[row]) for row in rows]
        elif name == "join":
            for length in what:
                more: list[list[int]] = [[], []]
                other = model.cache(2)
                read(more, other, length)
                cache.join(other)
                texts += more
