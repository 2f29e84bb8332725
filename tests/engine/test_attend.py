"""Attention weights from the models that answer: the right ones, and nobody else's answer changes by a bit."""

import copy
import random
import threading

import numpy as np
import pytest

from playground.core.calls import Attend, Classify
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import LAST, Failed, Finished
from playground.core.streams import iterate
from playground.engine.ops.attend import MOST_BYTES, longest
from playground.engine.runtime_local import LocalRuntime
from playground.inspection import attention
from playground.settings import Settings

TEXTS = ["I loved it", "the plot was not good and the film was very bad", "a", "hated every minute of it", "good book"]


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def last(runtime, call):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(30))))[-1]


def answer(runtime, call):
    found = last(runtime, call)
    assert isinstance(found, Finished), found
    return found


def eager(folder, kind, text, wrap=lambda model: model):
    """Attention as transformers' eager implementation reports it: [layers, heads, T, T]."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = wrap(kind.from_pretrained(folder, attn_implementation="eager")).eval()
    with torch.inference_mode():
        return torch.cat(model(**tokenizer(text, return_tensors="pt"), output_attentions=True).attentions).numpy()


def well_formed(found, text):
    count = len(found.tokens)
    assert found.weights.dtype == np.float32
    assert found.weights.shape[2:] == (count, count)
    np.testing.assert_allclose(found.weights.sum(-1), 1, atol=1e-5)
    assert found.weights.min() >= 0
    assert len(found.spans) == count
    for token, (start, end) in zip(found.tokens, found.spans, strict=True):
        assert start == end or token == text[start:end]


@pytest.mark.parametrize("text", TEXTS)
def test_weights_of_encoder_adapter_and_whole_classifier_are_those_of_an_eager_copy(runtime, tiny, text):
    import transformers
    from peft import PeftModel

    from playground.engine import stack

    stack.silence()
    whole = eager(tiny.classifier, transformers.BertForSequenceClassification, text)
    bare = eager(tiny.encoder, transformers.BertModel, text)
    adapted = [
        eager(
            tiny.encoder,
            transformers.BertForSequenceClassification,
            text,
            lambda model, index=index: PeftModel.from_pretrained(model, tiny.adapters[index]),
        )
        for index in range(2)
    ]
    assert np.abs(adapted[0] - adapted[1]).max() > 0.01, "the adapters look at the same"
    refs = [tiny.classifier_ref, tiny.encoder_ref, tiny.adapter_ref(0), tiny.adapter_ref(1)]
    for ref, expected in zip(refs, [whole, bare, *adapted], strict=True):
        found = answer(runtime, Attend(ref, text=text))
        well_formed(found.output, text)
        np.testing.assert_allclose(found.output.weights, expected, atol=1e-5)
        assert found.output.tokens == ("[CLS]", *text.split(), "[SEP]")
        assert found.stats.fingerprint
        assert found.stats.truncated is False


@pytest.mark.parametrize("text", [*TEXTS, "naïve 🙂 film", ""])
def test_weights_of_our_own_model_are_what_it_records(runtime, tiny, text):
    import torch

    from playground.scratch.model import EncoderClassifier, pad
    from playground.scratch.tokenizer import CLS, Tokenizer

    model, tokenizer = EncoderClassifier.load(tiny.scratch), Tokenizer.load(tiny.scratch / "tokenizer.json")
    record: list = []
    with torch.inference_mode():
        model(*pad([tokenizer.for_classifier(text, 32)]), record)
    found = answer(runtime, Attend(tiny.scratch_ref, text=text)).output
    np.testing.assert_allclose(found.weights, torch.cat(record).numpy(), atol=1e-6)
    well_formed(found, text)
    assert found.tokens[0] == CLS
    assert {place for start, end in found.spans for place in range(start, end)} == set(range(len(text)))


def test_a_long_text_is_cut_and_the_note_says_so(runtime, tiny, monkeypatch):
    found = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40))
    assert len(found.output.tokens) == 32
    assert found.stats.truncated
    assert "first 32 tokens" in found.stats.note
    monkeypatch.setattr("playground.engine.ops.attend.MOST_BYTES", 4 * 8 * 10 * 10)  # 2 layers of 4 heads, 10 tokens
    found = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40))
    assert found.output.weights.shape == (2, 4, 10, 10)
    assert found.output.tokens == ("[CLS]", *(["good", "film"] * 4), "[SEP]")
    assert "first 10 tokens" in found.stats.note


def test_the_largest_answer_is_bounded():
    for heads in (1, 72, 144, 384):
        assert 4 * heads * longest(heads) ** 2 <= MOST_BYTES


def test_nothing_is_recorded_for_who_does_not_ask_and_a_model_that_hides_it_says_so(runtime, tiny, monkeypatch):
    asked = []
    inner = attention._weights
    monkeypatch.setattr(attention, "_weights", lambda *a, **more: asked.append(1) or inner(*a, **more))
    answer(runtime, Classify(tiny.classifier_ref, text="a"))
    assert not asked
    answer(runtime, Attend(tiny.classifier_ref, text="a"))
    assert len(asked) == 2  # layers
    monkeypatch.setattr(attention, "prepare", lambda module: False)  # a class of its own attention
    assert runtime.unload() > 0
    event = last(runtime, Attend(tiny.classifier_ref, text="a"))
    assert isinstance(event, Failed)
    assert isinstance(event.error, NotSupported)
    assert "cannot be read" in str(event.error)
    monkeypatch.undo()
    runtime.unload()


def test_answers_in_flight_do_not_change_by_a_bit_while_attention_is_recorded(runtime, tiny):
    """The same requests in the same batches are bit-identical; how they fall into batches may differ between two runs
    under load, which changes the last bits, so each answer is compared with every answer that text got without Attend.
    """
    refs = [tiny.adapter_ref(0), tiny.adapter_ref(1), tiny.classifier_ref, tiny.scratch_ref]
    pairs = [(ref, text) for ref in refs for text in TEXTS]
    quiet = {(ref.id, text): answer(runtime, Classify(ref, text=text)).output for ref, text in pairs}
    maps = {(ref.id, text): answer(runtime, Attend(ref, text=text)).output.weights for ref, text in pairs}

    draw = random.Random(7)
    calls = [Classify(ref, user=f"u{n % 5}", text=text) for n, (ref, text) in enumerate(pairs * 12)]
    calls += [Attend(ref, user=f"u{n % 5}", text=text) for n, (ref, text) in enumerate(pairs * 3)]
    draw.shuffle(calls)
    found, done = {}, threading.Semaphore(0)

    def receive(index):
        def emit(event):
            if isinstance(event, LAST):
                found[index] = event
                done.release()

        return emit

    for index, call in enumerate(calls):
        runtime.submit(call, receive(index), Cancel(60))
    for _ in calls:
        assert done.acquire(timeout=60)
    batched = 0
    for index, call in enumerate(calls):
        event = found[index]
        assert isinstance(event, Finished), event
        if isinstance(call, Attend):
            np.testing.assert_allclose(event.output.weights, maps[call.model.id, call.text], atol=1e-6)
            assert event.stats.batch_size == 1
            continue
        batched += event.stats.batch_size > 1
        expected = quiet[call.model.id, call.text]
        for row in expected.scores:
            assert event.output.score_of(row.label) == pytest.approx(row.score, abs=1e-5)
    assert batched > 50, "nothing was batched: the test shows nothing"


def test_a_recorded_forward_pass_gives_the_very_bits_of_a_plain_one(tiny):
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny.classifier)
    plain = transformers.BertForSequenceClassification.from_pretrained(tiny.classifier).eval()
    ours = transformers.BertForSequenceClassification.from_pretrained(tiny.classifier).eval()
    other = transformers.BertForSequenceClassification.from_pretrained(
        tiny.classifier, attn_implementation="eager"
    ).eval()
    assert attention.prepare(ours)
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")  # [B, T], padded
    with torch.inference_mode():
        expected = plain(**inputs).logits
        weights = other(**inputs, output_attentions=True).attentions
        assert torch.equal(ours(**inputs).logits, expected)
        with attention.recorded() as found:
            assert torch.equal(ours(**inputs).logits, expected)
        with attention.recorded() as nothing:
            pass
    assert nothing == []
    assert len(found) == len(weights) == 2
    padding = inputs["attention_mask"] == 0
    for mine, theirs in zip(found, weights, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
        assert mine.transpose(1, 3)[padding].abs().max() == 0  # keys that are padding
        torch.testing.assert_close(mine.sum(-1), torch.ones_like(mine.sum(-1)))


@pytest.mark.parametrize("groups", [1, 4])
def test_causal_models_and_shared_keys_are_recorded_too(groups):
    """A random Llama: without padding its mask is None, and what comes later must still have weight 0."""
    import torch
    import transformers

    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8}
    config = transformers.LlamaConfig(vocab_size=50, num_key_value_heads=8 // groups, **shape)
    ours = transformers.LlamaForCausalLM(config).eval()
    other = transformers.LlamaForCausalLM(copy.deepcopy(config)).eval()  # a config belongs to one model
    other.load_state_dict(ours.state_dict())
    other.set_attn_implementation("eager")
    assert attention.prepare(ours)
    ids = torch.randint(0, 50, (2, 9))
    for mask in (torch.ones_like(ids), torch.tensor([[1] * 9, [1] * 6 + [0] * 3])):
        with torch.inference_mode():
            expected = other(input_ids=ids, attention_mask=mask, output_attentions=True, use_cache=False)
            with attention.recorded() as found:
                ours(input_ids=ids, attention_mask=mask, use_cache=False)
        for mine, theirs in zip(found, expected.attentions, strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)
            assert mine.triu(1).abs().max() == 0


def test_an_operation_without_its_model_is_an_answer(runtime, tiny):
    from dataclasses import replace

    event = last(runtime, Attend(replace(tiny.classifier_ref, folder="nowhere"), text="a"))
    assert isinstance(event, Failed)
