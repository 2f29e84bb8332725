"""Words for gaps: as transformers' own pipeline gives them, whatever company they are computed in, and wherever a gap stands."""

import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.core.calls import Attend, Classify, Fill
from playground.core.cancel import Cancel
from playground.core.errors import InputError, LoadFailed, NotSupported
from playground.core.events import LAST, Failed, Finished
from playground.core.gaps import MASK
from playground.core.streams import iterate
from playground.engine.models import _merged
from playground.engine.models._gaps import Words
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import WORDS, eventually

TEXT = "it was a very [MASK] film"
TEXTS = [TEXT, "[MASK]", "the [MASK] of the book was not [MASK] and i loved it", "hated every [MASK]"]
KINDS = ["lora", "whole", "scratch"]


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    yield runtime
    runtime.close()


def ask(runtime, call, seconds=60.0):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(seconds))))[-1]


def answer(runtime, call):
    last = ask(runtime, call)
    assert isinstance(last, Finished), last
    return last


def rows(gap):
    return {row.token: row.score for row in gap}


def plain_shares(fillers, kind, text):
    """By plain transformers, peft and our own module: for each gap {word: probability}, tokens of one surface added up."""
    import torch
    import transformers
    from peft import PeftModel

    from playground.engine import stack
    from playground.scratch.model import EncoderMasked
    from playground.scratch.tokenizer import CLS, Tokenizer
    from playground.scratch.tokenizer import MASK as OURS

    stack.silence()
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if kind == "scratch":
            folder = fillers.scratch.folder
            model, tokenizer = EncoderMasked.load(folder), Tokenizer.load(f"{folder}/tokenizer.json")
            first, *parts = text.split(MASK)
            ids = [tokenizer.special(CLS), *tokenizer.encode(first.removesuffix(" "))]
            for place, part in enumerate(parts):
                said = part.removesuffix(" ") if place < len(parts) - 1 else part
                ids += [tokenizer.special(OURS), *tokenizer.encode(said)]
            ids = torch.tensor([ids])
            logits = model(ids, torch.ones_like(ids, dtype=torch.bool), ids == tokenizer.special(OURS))
            names = [tokenizer.decode([place]).strip() for place in range(len(tokenizer))]
        else:
            ref = getattr(fillers, kind)
            folder = fillers.tiny.encoder if kind == "lora" else ref.folder
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            kind_of = transformers.BertForMaskedLM if kind == "lora" else transformers.RobertaForMaskedLM
            model = kind_of.from_pretrained(folder)
            if kind == "lora":
                model = PeftModel.from_pretrained(model, ref.folder)
            inputs = tokenizer(text.replace(MASK, tokenizer.mask_token), return_tensors="pt")
            logits = model.eval()(**inputs).logits[0][inputs["input_ids"][0] == tokenizer.mask_token_id]
            pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
            names = [tokenizer.convert_tokens_to_string([piece]).strip() for piece in pieces]
            names = [name if kind == "whole" else piece for name, piece in zip(names, pieces, strict=True)]
    found = []
    for gap in logits.double().softmax(-1).numpy():
        shares = {}
        for name, share in zip(names, gap, strict=True):
            shares[name] = shares.get(name, 0.0) + share
        found.append(shares)
    return found


# -- the numbers


@pytest.mark.parametrize("kind", KINDS)
def test_a_word_has_the_probability_that_the_plain_model_gives_it(runtime, fillers, kind):
    for text in TEXTS:
        output = answer(runtime, Fill(getattr(fillers, kind), text=text, most=10)).output
        expected = plain_shares(fillers, kind, text)
        assert len(output.masks) == len(expected) == text.count(MASK)
        assert output.choices == output.masks[0]
        for gap, shares in zip(output.masks, expected, strict=True):
            assert rows(gap) == pytest.approx({row.token: shares[row.token] for row in gap}, abs=1e-5)
            assert [row.score for row in gap] == sorted((row.score for row in gap), reverse=True)
            shown = {name: share for name, share in shares.items() if name in WORDS}
            best = max(shown, key=shown.get)
            assert best in rows(gap) or shown[best] <= gap[-1].score + 1e-6
            assert len(rows(gap)) == len(gap)


def test_it_is_what_transformers_own_pipeline_says(runtime, fillers):
    """A word that the tokenizer knows with a blank before it and without stands once, with the sum of both."""
    import transformers

    pipeline = transformers.pipeline("fill-mask", model=fillers.whole.folder, device="cpu", dtype="float32")
    for text in (TEXTS[0], TEXTS[3]):
        expected = {}
        for row in pipeline(text.replace(MASK, "<mask>"), top_k=len(pipeline.tokenizer)):
            name = row["token_str"].strip()
            expected[name] = expected.get(name, 0.0) + row["score"]
        found = answer(runtime, Fill(fillers.whole, text=text)).output.choices
        assert rows(found) == pytest.approx({row.token: expected[row.token] for row in found}, abs=1e-5)


def test_words_of_one_surface_are_one_and_signs_are_none():
    words = Words(["", "good", "bad", "good", "##ing"])
    shares = words.shares(np.log([0.1, 0.2, 0.3, 0.35, 0.05]))
    assert dict(zip(words.shown, shares, strict=True)) == pytest.approx({"good": 0.55, "bad": 0.3, "##ing": 0.05})
    assert [words.shown[place] for place in words.best(shares, 2)] == ["good", "bad"]
    assert len(words.best(shares, 9)) == 3


# -- gaps, windows, a second text


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_is_shown_with_the_word_in_it_and_the_best_in_the_other_gaps(runtime, fillers, kind):
    text = TEXTS[2]
    output = answer(runtime, Fill(getattr(fillers, kind), text=text, most=3)).output
    (before, between, after), best = text.split(MASK), [gap[0].token for gap in output.masks]
    for row in output.masks[1]:
        if not row.token.startswith("##"):
            assert row.text == f"{before}{best[0]}{between}{row.token}{after}"
    assert output.words == tuple(best)


@pytest.mark.parametrize("kind", KINDS)
def test_every_gap_of_a_long_text_is_filled_from_the_window_around_it(runtime, fillers, kind):
    """As that window alone, at the beginning, in the middle and at the end of 50,000 characters."""
    ref = getattr(fillers, kind)
    filler = "the film was good and the book was bad "
    part = filler * 440
    text = f"{MASK} {part}i loved the {MASK} {part}{part}it was {MASK}"
    assert len(text) > 50_000
    found = answer(runtime, Fill(ref, text=text))
    assert len(found.output.masks) == 3
    assert found.stats.truncated
    assert found.stats.note == "Each gap was filled from the 32 tokens around it: the text is longer."
    if kind == "lora":  # a word a token there: 15 before, the gap, 14 behind
        words = text.split()
        place = words.index(MASK, 1)
        alone = " ".join(words[place - 15 : place + 15])
        expected = answer(runtime, Fill(ref, text=alone))
        assert expected.stats.truncated is False
        assert rows(found.output.masks[1]) == pytest.approx(rows(expected.output.choices), abs=1e-5)
        ends = (" ".join(words[:30]), " ".join(words[-30:]))
        for gap, alone in zip((0, 2), ends, strict=True):
            expected = answer(runtime, Fill(ref, text=alone)).output.choices
            assert rows(found.output.masks[gap]) == pytest.approx(rows(expected), abs=1e-5)
    assert all(len(row.text) < 600 and row.text.count("…") >= 1 for gap in found.output.masks for row in gap)


def test_two_texts_are_weighed_by_the_same_words(runtime, fillers):
    one, other = "the film was [MASK]", "the book was not [MASK] and not [MASK]"
    both = answer(runtime, Fill(fillers.lora, text=one, other=other, most=20)).output
    apart = [answer(runtime, Fill(fillers.lora, text=text, most=40)).output for text in (one, other)]
    assert [rows(gap) for gap in both.masks] == [pytest.approx(rows(gap[:20])) for gap in apart[0].masks]
    assert len(both.other) == 2
    assert both.other_text == other
    words = {row.token for row in both.weighed}
    assert words == {row.token for output in apart for row in output.masks[0][:5]}
    sides = [rows(output.masks[0]) for output in apart]
    for row in both.weighed:
        assert (row.here, row.there) == pytest.approx((sides[0][row.token], sides[1][row.token]), abs=1e-5)
    changes = [abs(row.here - row.there) for row in both.weighed]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_words_that_are_wanted_have_their_probability_however_likely(runtime, fillers, kind):
    """Together, without case; None for words that the model has not."""
    text = TEXTS[2]
    first, second = plain_shares(fillers, kind, text)
    rare = min((word for word in first if word.isalpha()), key=first.get)
    other = max((word for word in second if word.isalpha()), key=second.get)
    wanted = (frozenset({rare.upper(), other}), frozenset({"ünheard"}))
    output = answer(runtime, Fill(getattr(fillers, kind), text=text, most=1, wanted=wanted)).output
    expected = sum(share for word, share in first.items() if word.casefold() in {rare.casefold(), other.casefold()})
    assert output.wanted == (pytest.approx(expected, rel=1e-3), None)


def test_a_text_in_any_company_is_answered_as_alone(runtime, fillers, tiny):
    refs = [fillers.lora, fillers.scratch, fillers.whole, fillers.lora]
    calls = [Fill(ref, text=text, user=f"u{place}") for place, text in enumerate(TEXTS * 3) for ref in refs]
    calls += [Classify(tiny.adapter_ref(0), text="a good film", user="other")] * 4
    alone = {call: answer(runtime, call).output for call in calls}
    found, done = {}, threading.Event()

    def listen(call):
        def take(event):
            if isinstance(event, LAST):
                found[call] = event
                if len(found) == len(set(calls)):
                    done.set()

        return take

    for call in set(calls):
        runtime.submit(call, listen(call), Cancel(60))
    assert done.wait(60)
    for call, event in found.items():
        assert isinstance(event, Finished), event
        if isinstance(call, Fill):
            for gap, expected in zip(event.output.masks, alone[call].masks, strict=True):
                known = rows(expected)
                assert all(abs(row.score - known.get(row.token, expected[-1].score)) < 1e-5 for row in gap)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.text(alphabet="ab \t\n.é東ع🙂👩\u200d\u0301[]<>", max_size=30) | st.sampled_from(["a good film ", "##"]),
        min_size=2,
        max_size=6,
    ),
    kind=st.sampled_from(KINDS),
)
def test_as_many_gaps_are_filled_as_were_written_and_nothing_else_changes(runtime, fillers, parts, kind):
    text = MASK.join(parts)
    found = answer(runtime, Fill(getattr(fillers, kind), text=text, most=3)).output
    assert len(found.masks) == len(parts) - 1
    for row in found.masks[0]:
        if not any(word.startswith("##") for word in (row.token, *found.words)):
            words = [row.token, *found.words[1:]]
            expected = parts[0] + "".join(word + part for word, part in zip(words, parts[1:], strict=True))
            assert row.text == expected
        assert 0 <= row.score <= 1


# -- one backbone


def test_the_decoder_is_the_encoders_own_embeddings(runtime, fillers):
    answer(runtime, Fill(fillers.lora, text=TEXT))
    with runtime._cache.lease(fillers.lora) as model:
        hidden, vocabulary = 32, len(model.gap_words.of)
        own = sum(tensor.numel() for tensor in model.head)
        assert own == hidden * hidden + 3 * hidden + vocabulary
        assert model.identity.own_bytes == model.identity.adapter_bytes < 4 * (own + 60_000)
        storage = model.encoder.word_embeddings.data_ptr()
        assert storage == model.encoder.module.embeddings.word_embeddings.weight.data_ptr()


def test_merged_it_answers_the_same(fillers, monkeypatch):
    monkeypatch.setattr(_merged, "DELAY", 0.0)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        first = answer(runtime, Fill(fillers.lora, text=TEXT))
        eventually(lambda: answer(runtime, Fill(fillers.lora, text=TEXT)).stats.path == "adapter merged", 60)
        again = answer(runtime, Fill(fillers.lora, text=TEXT))
        assert rows(again.output.choices) == pytest.approx(rows(first.output.choices), abs=1e-5)
    finally:
        runtime.close()


@pytest.mark.parametrize("kind", KINDS)
def test_its_attention_can_be_looked_at(runtime, fillers, kind):
    text = f"🙂 the very {MASK} film"
    found = answer(runtime, Attend(getattr(fillers, kind), text=text)).output
    (side,), weights = found.sides, found.parts[0].stack()
    assert weights.shape[-1] == len(side)
    assert weights.sum(-1) == pytest.approx(1.0, abs=1e-4)
    places = [span for token, span in zip(side.tokens, side.spans, strict=True) if token.strip() == MASK]
    assert len(places) == 1
    assert text[slice(*places[0])].strip() == MASK
    long = answer(runtime, Attend(getattr(fillers, kind), text="good " * 200 + MASK))
    assert long.stats.truncated
    assert any(token.strip() == MASK for token in long.output.sides[0].tokens)


# -- what cannot be filled


def fails(runtime, call, kind):
    last = ask(runtime, call)
    assert isinstance(last, Failed), last
    assert isinstance(last.error, kind), repr(last.error)
    assert str(last.error).endswith(".")
    return str(last.error)


def test_a_text_without_a_gap_and_a_model_without_a_head_say_so(runtime, fillers, tiny):
    assert "[MASK]" in fails(runtime, Fill(fillers.lora, text="nothing is missing"), InputError)
    assert "fills no gaps" in fails(runtime, Fill(tiny.adapter_ref(0), text=TEXT), NotSupported)
    assert "no label" in fails(runtime, Classify(fillers.lora, text=TEXT), NotSupported)


def test_another_kinds_adapter_is_refused(runtime, fillers, tiny):
    other = replace(tiny.adapter_ref(0), id="tiny/wrong", loader="lora-masked")
    fails(runtime, Fill(other, text=TEXT), LoadFailed)
    other = replace(fillers.lora, id="tiny/wrong2", loader="lora-classifier")
    fails(runtime, Classify(other, text=TEXT), LoadFailed)
    other = replace(tiny.classifier_ref, id="tiny/wrong3", loader="pipeline-masked")
    fails(runtime, Fill(other, text=TEXT), NotSupported)
