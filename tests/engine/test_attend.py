"""Attention weights from the models that answer: the right ones, and nobody else's answer changes by a bit."""

import copy
import random
import threading

import numpy as np
import pytest

from playground.core.attention_types import Part, PartName
from playground.core.calls import Attend, Classify
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import LAST, Failed, Finished
from playground.core.streams import iterate
from playground.engine.ops import attend
from playground.engine.ops.attend import MOST_RECORDED, longest
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
    (side,), (part,) = found.sides, found.parts
    count, weights = len(side), part.stack()
    assert weights.dtype == np.float32
    assert weights.shape == (part.part.layers, part.part.heads, count, count)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert weights.min() >= 0
    assert len(side.spans) == count
    for token, (start, end) in zip(side.tokens, side.spans, strict=True):
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
        weights = found.output.parts[0].stack()
        np.testing.assert_allclose(weights[0], expected[0], atol=1e-6)
        np.testing.assert_allclose(weights, expected, atol=1e-5)  # its weights are large: the last bits grow on the way
        assert found.output.sides[0].tokens == ("[CLS]", *text.split(), "[SEP]")
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
    np.testing.assert_allclose(found.parts[0].stack(), torch.cat(record).numpy(), atol=1e-6)
    well_formed(found, text)
    (side,) = found.sides
    assert side.tokens[0] == CLS
    assert {place for start, end in side.spans for place in range(start, end)} == set(range(len(text)))


def test_a_long_text_is_cut_and_the_note_says_so(runtime, tiny, monkeypatch):
    found = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40))
    assert len(found.output.sides[0]) == 32
    assert found.stats.truncated
    assert "first 32 tokens" in found.stats.note
    monkeypatch.setattr("playground.engine.ops.attend.MOST_RECORDED", 4 * 8 * 10 * 10)  # 2 layers of 4 heads, 10 tokens
    found = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40))
    assert found.output.parts[0].stack().shape == (2, 4, 10, 10)
    assert found.output.sides[0].tokens == ("[CLS]", *(["good", "film"] * 4), "[SEP]")
    assert "first 10 tokens" in found.stats.note


def test_of_a_text_too_long_to_keep_all_the_layers_that_were_asked_for_come(runtime, tiny, monkeypatch):
    whole = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40)).output.parts[0]
    assert whole.whole
    monkeypatch.setattr("playground.engine.ops.attend.MOST_BYTES", 4 * 8 * 10 * 10)
    for keep, layers in (((), [0]), ((("encoder", 1),), [1]), ((("encoder", 1), ("encoder", 0)), [0, 1])):
        (part,) = answer(runtime, Attend(tiny.adapter_ref(0), text="good film " * 40, keep=keep)).output.parts
        assert sorted(part.weights) == layers
        np.testing.assert_array_equal(part.thumbnails, whole.thumbnails)
        for layer in layers:
            np.testing.assert_allclose(part.weights[layer], whole.weights[layer], atol=1e-6)


def test_where_many_look_at_once_what_is_recorded_of_all_stays_bounded(runtime, tiny, monkeypatch):
    op, text, users = attend.OP, "good film " * 40, 8
    alone = answer(runtime, Attend(tiny.adapter_ref(0), text=text)).output.parts[0]
    size = alone.stack().nbytes
    ready, held, step, done = threading.Event(), [], op._on, threading.Semaphore(0)

    def observed(work):
        ready.wait(30)
        outcome = step(work)
        held.append(op._held())
        return outcome

    monkeypatch.setattr(op, "_on", observed)
    monkeypatch.setattr(attend, "MOST_HELD", 3 * size)
    found = []

    def emit(event):
        if isinstance(event, LAST):
            found.append(event)
            done.release()

    for user in range(users):
        runtime.submit(Attend(tiny.adapter_ref(0), user=f"u{user}", text=text), emit, Cancel(60))
    ready.set()
    for _ in range(users):
        assert done.acquire(timeout=60)
    assert size < max(held) <= 3 * size, "several are at it at once, and not all"
    assert op._held() == 0
    for event in found:
        assert isinstance(event, Finished), event
        np.testing.assert_allclose(event.output.parts[0].stack(), alone.stack(), atol=1e-6)


def test_what_is_recorded_is_bounded():
    for layers, heads in ((1, 1), (6, 12), (12, 12), (24, 16)):
        part = Part(PartName.ENCODER, layers, heads)
        assert 4 * layers * heads * longest([part]) ** 2 <= MOST_RECORDED
        assert longest([part, part]) < longest([part])


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
    maps = {(ref.id, text): answer(runtime, Attend(ref, text=text)).output.parts[0].stack() for ref, text in pairs}

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
            np.testing.assert_allclose(event.output.parts[0].stack(), maps[call.model.id, call.text], atol=1e-6)
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
        with attention.observed(record=True) as seen:
            assert torch.equal(ours(**inputs).logits, expected)
        with attention.observed(record=True) as nothing:
            pass
    assert nothing.weights == []
    found = seen.weights
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
            with attention.observed(record=True) as seen:
                ours(input_ids=ids, attention_mask=mask, use_cache=False)
        for mine, theirs in zip(seen.weights, expected.attentions, strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=0)
            assert mine.triu(1).abs().max() == 0


def test_an_operation_without_its_model_is_an_answer(runtime, tiny):
    from dataclasses import replace

    event = last(runtime, Attend(replace(tiny.classifier_ref, folder="nowhere"), text="a"))
    assert isinstance(event, Failed)
