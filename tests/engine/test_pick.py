"""Summaries made of a text's own sentences: as plain transformers computes them, in bounded steps, and the same in any company."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from playground.core import picking
from playground.core.calls import Embed, Pick
from playground.core.cancel import Cancel
from playground.core.errors import EmptyInput, LoadFailed, NotSupported
from playground.core.events import Failed, Finished, Progress
from playground.core.sentences import sentences, split
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.ops import pick
from playground.engine.runtime_local import LocalRuntime
from playground.engine.windows import windows
from playground.settings import Settings

from .conftest import WORDS

TEXT = (
    "I loved the film and the plot. It was not a very good book.\nThe plot was bad, and I hated every minute of it! "
    "A good film. Is it good? I loved every minute of the film. It is a bad plot of a bad book."
)
MANY = " ".join(f"I loved the {a} of the {b}." for a in WORDS[2:12] for b in WORDS[2:12])


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def adapters(tiny, tmp_path_factory):
    """A picker over the tiny encoder, and a tagger's adapter, which has a label more."""
    import torch
    import transformers
    from peft import LoraConfig, get_peft_model

    found = []
    for name, labels in (("picker", 1), ("tagger", 2)):
        torch.manual_seed(5)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peft 0.21 reads a name that transformers 5.23 deprecates
            base = transformers.BertForTokenClassification.from_pretrained(tiny.encoder, num_labels=labels)
            own = {"target_modules": ["query", "value", "dense"], "modules_to_save": ["classifier"]}
            model = get_peft_model(
                base, LoraConfig(task_type="TOKEN_CLS", r=4, exclude_modules=["pooler.dense"], **own)
            )
        for key, parameter in model.named_parameters():
            if "lora_B" in key or "modules_to_save" in key:
                torch.nn.init.normal_(parameter, std=0.5)
        folder = tmp_path_factory.mktemp("pickers") / name
        model.save_pretrained(folder)
        ref = ModelRef(f"tiny/{name}", "lora-picker", str(folder), base=tiny.encoder_ref, max_length=40)
        found.append((ref, model.eval()))
    return found


def ask(runtime, call):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60.0))))


def answer(runtime, call):
    last = ask(runtime, call)[-1]
    assert isinstance(last, Finished), last
    return last


def fails(runtime, call, kind):
    last = ask(runtime, call)[-1]
    assert isinstance(last, Failed), last
    assert isinstance(last.error, kind), repr(last.error)
    return str(last.error)


def picked(done, text):
    assert done.output.text == " ".join(" ".join(text[start:end].split()) for start, end in done.output.picked)
    places = {span: place for place, span in enumerate(sentences(text))}
    return [places[span] for span in done.output.picked]


def plain_scores(model, folder, text, max_length):
    """By transformers and peft alone, window by window."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    pieces = [tokenizer(part, add_special_tokens=False)["input_ids"] for part in split(text)]
    found = []
    for window in windows([len(ids) for ids in pieces], max_length - 2):
        inside = pieces[window.start : window.end]
        row = [tokenizer.cls_token_id, *(i for ids in inside for i in ids), tokenizer.sep_token_id]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([row])).logits[0, 1:-1, 0]
        means = [part.mean().item() for part in logits.split([len(ids) for ids in inside])]
        found += means[window.first - window.start : window.last - window.start]
    return np.array(found)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_an_encoder_takes_what_its_vectors_say(runtime, tiny, most):
    vectors = answer(runtime, Embed(tiny.encoder_ref, texts=tuple(split(TEXT)))).output.vectors
    done = answer(runtime, Pick(tiny.encoder_ref, text=TEXT, most=most))
    assert picked(done, TEXT) == picking.central(np.asarray(vectors), split(TEXT), most)
    assert done.stats.tokens_in == sum(len(part) for part in _tokens(tiny, TEXT)) + 2 * len(split(TEXT))
    assert not done.stats.truncated


def _tokens(tiny, text):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny.encoder)
    return [tokenizer(part, add_special_tokens=False)["input_ids"] for part in split(text)]


@pytest.mark.parametrize("most", [1, 3])
def test_a_trained_picker_takes_what_plain_peft_says(runtime, tiny, adapters, most):
    (ref, model), _ = adapters
    scores = plain_scores(model, tiny.encoder, TEXT, ref.max_length)
    assert scores.std() > 0.01
    done = answer(runtime, Pick(ref, text=TEXT, most=most))
    assert picked(done, TEXT) == picking.ranked(scores, split(TEXT), most)
    assert "overlapping windows of at most 40 tokens" in done.stats.note
    assert not done.stats.truncated


def test_both_share_a_pass_and_answer_as_alone(runtime, tiny, adapters):
    (ref, _), _ = adapters
    texts = [TEXT, TEXT[:90], "A good film.", TEXT[100:]]
    calls = [Pick(model, text=text, most=2) for text in texts for model in (tiny.encoder_ref, ref)]
    alone = [answer(runtime, call).output for call in calls]
    with ThreadPoolExecutor(len(calls)) as pool:
        together = list(pool.map(lambda call: answer(runtime, call).output, calls))
    assert together == alone


def test_one_sentence_is_its_own_summary(runtime, tiny, adapters):
    for ref in (tiny.encoder_ref, adapters[0][0]):
        done = answer(runtime, Pick(ref, text="  A good film. ", most=3))
        assert (done.output.text, done.output.picked) == ("A good film.", ((2, 14),))
        assert answer(runtime, Pick(ref, text="\u200b\u0301 🙂", most=1)).output.picked == ((0, 4),)


def test_lines_of_a_sentence_are_joined(runtime, tiny):
    text = "I loved the film and the plot of the book, every minute\nof it"
    assert answer(runtime, Pick(tiny.encoder_ref, text=text, most=1)).output.text == text.replace("\n", " ")


def test_a_long_text_takes_many_steps_and_says_how_far_it_is(runtime, tiny, adapters, monkeypatch):
    monkeypatch.setattr(pick, "TOKENS", 40)
    for ref in (tiny.encoder_ref, adapters[0][0]):
        events = ask(runtime, Pick(ref, text=MANY, most=2))
        shares = [event.fraction for event in events if isinstance(event, Progress) and "sentences" in event.what]
        assert len(shares) > 3
        assert shares == sorted(shares)
        assert len(picked(events[-1], MANY)) == 2


def test_what_is_left_out_is_said(runtime, tiny, adapters, monkeypatch):
    long = "the plot of the film " * 20 + "was good. A bad film it was."
    done = answer(runtime, Pick(tiny.encoder_ref, text=long, most=1))
    assert done.stats.truncated
    assert "32 tokens" in done.stats.note
    monkeypatch.setattr(pick, "MOST", 3)
    for ref in (tiny.encoder_ref, adapters[0][0]):
        done = answer(runtime, Pick(ref, text=TEXT, most=5))
        assert picked(done, TEXT) == [0, 1, 2]
        assert done.stats.truncated
        assert "first 3 sentences" in done.stats.note


def test_models_that_cannot(runtime, tiny, adapters):
    assert "choose an encoder" in fails(runtime, Pick(tiny.adapter_ref(0), text=TEXT), NotSupported)
    assert "picking sentences" in fails(runtime, Pick(adapters[1][0], text=TEXT), LoadFailed)
    fails(runtime, Pick(tiny.encoder_ref, text=" \n"), EmptyInput)
