"""bfloat16 weights, float32 logits: near the float32 answers, on the CPU and on a GPU; what a GPU held is given back."""

import numpy as np
import pytest

from playground.core.attention_types import Cut, Head, Instead, PartName, Token
from playground.engine import stack
from playground.engine.loaders import LoadContext, build_loaders
from playground.engine.models._agreement import answers

from .taggers import TEXTS as WORDS

TEXTS = ["I loved it", "the plot was not good and the film was very bad", "a", "hated every minute of it", "good book"]


def load_all(tiny, device, dtype):
    import torch

    stack.import_all()
    context = LoadContext(torch.device(device), getattr(torch, dtype), lambda function: function())
    loaders = build_loaders()
    base = loaders.get("encoder").load(tiny.encoder_ref, None, context)
    adapters = [loaders.get("lora-classifier").load(tiny.adapter_ref(i), base, context) for i in range(2)]
    whole = loaders.get("pipeline-classifier").load(tiny.classifier_ref, None, context)
    scratch = loaders.get("scratch-classifier").load(tiny.scratch_ref, None, context)
    return base, adapters, whole, scratch


def check(tiny, device, dtype, close):
    _, plain_adapters, plain_whole, plain_scratch = load_all(tiny, "cpu", "float32")
    base, adapters, whole, scratch = load_all(tiny, device, dtype)
    assert base.identity.dtype == whole.identity.dtype == dtype
    pairs = zip([*adapters, whole, scratch], [*plain_adapters, plain_whole, plain_scratch], strict=True)
    for model, plain in pairs:
        rows = [(model, model.encode(text, 32)) for text in TEXTS]
        found = model.runner.logits(rows)
        expected = plain.runner.logits([(plain, plain.encode(text, 32)) for text in TEXTS])
        assert all(row.dtype == np.float32 and isinstance(row, np.ndarray) for row in found)
        assert np.abs(answers(found) - answers(expected)).mean() < close  # one borderline text may turn
    mixed = adapters[0].runner.logits([(adapters[i % 2], adapters[0].encode(TEXTS[i], 32)) for i in range(5)])
    alone = [adapters[i % 2].runner.logits([(adapters[i % 2], adapters[0].encode(TEXTS[i], 32))])[0] for i in range(5)]
    assert np.abs(answers(mixed) - answers(alone)).mean() < close
    inside = adapters[0].insides
    for weights in inside.attend(inside.read(TEXTS[1], "", 32))["encoder"]:
        assert str(weights.dtype) == "torch.float32"
        np.testing.assert_allclose(weights.cpu().numpy().sum(-1), 1, atol=1e-5)
    for model in (adapters[0], whole, scratch):
        inside = model.insides
        seen = inside.read(TEXTS[1], "", 32)
        cuts = [Cut(), Cut((Head(PartName.ENCODER, 0, 1),)), Cut(tokens=(Token(0, 2),), instead=Instead.MEAN)]
        before, *after = inside.answers(seen, cuts)
        assert all(numbers.dtype == np.float32 and np.isfinite(numbers).all() for numbers in (before, *after))
        assert all(np.abs(numbers - before).max() > 0 for numbers in after)
        lens = inside.lens(seen, ())
        assert lens.note == ""
        assert np.abs(answers([lens.at(lens.count - 1)]) - answers([before])).max() < close
    vectors = base.embed([base.encode(text, 32) for text in TEXTS])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def words_of_all(taggers, device, dtype):
    """Logits [N, L] of every tagger: rows alone, in one batch, and for the adapters in a batch of both."""
    import torch

    stack.import_all()
    context = LoadContext(torch.device(device), getattr(torch, dtype), lambda function: function())
    loaders = build_loaders()
    base = loaders.get("encoder").load(taggers.encoder, None, context)
    models = [loaders.get(ref.loader).load(ref, base if ref.base else None, context) for ref in taggers.all]
    found = []
    for model in models:
        rows = [(model, model.encode(text, 24)) for text in WORDS]
        found.append([model.word_runner.logits([row])[0] for row in rows])
        found.append(model.word_runner.logits(rows))
    general, medical = models[:2]
    mixed = [((general, medical)[place % 2], general.encode(text, 24)) for place, text in enumerate(WORDS)]
    found.append(general.word_runner.logits(mixed)[::2])
    assert all(row.dtype == np.float32 for rows in found for row in rows)
    return [answers(rows) for rows in found]


def near(taggers, device, dtype, close):
    expected, found = (words_of_all(taggers, *how) for how in (("cpu", "float32"), (device, dtype)))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).mean() < close  # one borderline word may turn
    for alone, together in zip(found[:-1:2], found[1:-1:2], strict=True):
        assert np.abs(alone - together).mean() < close


def test_bfloat16_tags_are_near_the_float32_ones(taggers):
    near(taggers, "cpu", "bfloat16", 0.1)


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_a_gpu_tags_as_the_cpu_does(taggers, dtype, close):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    near(taggers, "cuda", dtype, close)


def test_bfloat16_answers_are_near_the_float32_ones(tiny):
    check(tiny, "cpu", "bfloat16", 0.1)


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-4), ("bfloat16", 0.1)])
def test_a_gpu_answers_as_the_cpu_does_and_is_left_as_it_was(tiny, dtype, close):
    import gc

    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    check(tiny, "cuda", dtype, close)
    gc.collect()
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    for _ in range(5):
        check(tiny, "cuda", dtype, close)
    gc.collect()
    assert torch.cuda.memory_allocated() == before
