"""Texts against labels that nobody trained on: as plain transformers computes it, in bounded steps, and the same in any company."""

import json
import random
import shutil
import threading
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.core.calls import Attend, Candidate, Classify, Embed, Match
from playground.core.cancel import Cancel
from playground.core.errors import InputError, LoadFailed, NotSupported
from playground.core.events import LAST, Cancelled, Failed, Finished, Progress
from playground.core.streams import iterate
from playground.engine.ops import match
from playground.engine.runtime_local import LocalRuntime
from playground.engine.vectors import Vectors
from playground.settings import Settings

from .conftest import eventually
from .matchers import LABELS, TEXTS, WORDS, candidates

SCALE, OFFSET, THRESHOLD = 6.0, 2.5, 0.4


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    yield runtime
    runtime.close()


def ask(runtime, call, seconds=60.0):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(seconds))))


def answer(runtime, call):
    last = ask(runtime, call)[-1]
    assert isinstance(last, Finished), last
    return last


def fails(runtime, call, kind):
    last = ask(runtime, call)[-1]
    assert isinstance(last, Failed), last
    assert isinstance(last.error, kind), repr(last.error)
    message = str(last.error)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def matching(model, text, labels=LABELS, **more):
    return Match(model, text=text, candidates=candidates(labels), **({"scale": SCALE} | more))


def scores(output):
    return {row.label: row.score for row in output.scores}


def shares(logits):
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def plain_vectors(matchers, ref, texts):
    """Unit vectors by transformers, peft and our own module, as sentence-transformers computes them: [N, D], text by text."""
    import torch
    import transformers
    from peft import PeftModel

    from playground.engine import stack
    from playground.scratch.model import EncoderEmbedder, pad
    from playground.scratch.tokenizer import CLS, Tokenizer

    stack.silence()
    with torch.inference_mode():
        if ref.loader == "scratch-encoder":
            model, tokenizer = EncoderEmbedder.load(ref.folder), Tokenizer.load(f"{ref.folder}/tokenizer.json")
            rows = [model(*pad([[tokenizer.special(CLS), *tokenizer.encode(text)]]))[0] for text in texts]
            return torch.stack(rows).double().numpy()
        tokenizer = transformers.AutoTokenizer.from_pretrained(matchers.encoder.folder)
        model = transformers.BertModel.from_pretrained(matchers.encoder.folder)
        if ref.loader == "lora-encoder":
            model = PeftModel.from_pretrained(model, ref.folder)
        model.eval()
        rows = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts]
        return torch.nn.functional.normalize(torch.stack(rows), dim=-1).double().numpy()


# -- the numbers


@pytest.mark.parametrize("which", range(4), ids=["encoder", "lora", "lora with pooler", "scratch"])
def test_nearness_is_the_cosine_of_plain_sentence_vectors(runtime, matchers, which):
    ref = matchers.near[which]
    vectors = plain_vectors(matchers, ref, TEXTS)
    targets = plain_vectors(matchers, ref, [c.text for c in candidates()])
    spread = 0.0
    for text, vector in zip(TEXTS, vectors, strict=True):
        cosines = targets @ vector
        spread = max(spread, float(np.ptp(cosines)))
        found = answer(runtime, matching(ref, text))
        expected = dict(zip(LABELS, shares(SCALE * cosines), strict=True))
        assert scores(found.output) == pytest.approx(expected, abs=1e-5)
        assert found.output.label == max(expected, key=expected.get)
        many = answer(runtime, matching(ref, text, many=True, offset=OFFSET, threshold=THRESHOLD)).output
        expected = dict(zip(LABELS, 1 / (1 + np.exp(OFFSET - SCALE * cosines)), strict=True))
        assert scores(many) == pytest.approx(expected, abs=1e-5)
        assert set(many.labels) == {label for label, score in expected.items() if score >= THRESHOLD}
        assert {row.threshold for row in many.scores} == {THRESHOLD}
        assert [row.score for row in many.scores] == sorted((row.score for row in many.scores), reverse=True)
    assert spread > 0.01, "the tiny model finds everything alike"


def test_the_adapters_make_other_vectors_than_the_bare_encoder(runtime, matchers):
    found = [scores(answer(runtime, matching(ref, TEXTS[1])).output) for ref in matchers.near[:3]]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert max(abs(found[one][label] - found[other][label]) for label in LABELS) > 1e-3


@pytest.mark.parametrize("kind", ["binary", "three", "turned"])
def test_entailment_is_what_transformers_own_pipeline_says(runtime, matchers, kind):
    """For several that may be true it weighs entailment against contradiction, of two kinds against the other one; where
    entailment comes first it takes the last logit for contradiction, as ours has it by name.
    """
    import transformers

    ref = matchers.nli(kind)
    pipeline = transformers.pipeline("zero-shot-classification", model=ref.folder, device="cpu", dtype="float32")
    spread = 0.0
    for text in TEXTS:
        for many in (False, True):
            expected = pipeline(
                text, candidate_labels=list(LABELS), hypothesis_template="this is about {}", multi_label=many
            )
            expected = dict(zip(expected["labels"], expected["scores"], strict=True))
            found = answer(runtime, matching(ref, text, many=many)).output
            assert scores(found) == pytest.approx(expected, abs=1e-5)
            spread = max(spread, max(expected.values()) - min(expected.values()))
            if many:
                assert set(found.labels) == {label for label, score in expected.items() if score >= 0.5}
                assert {row.threshold for row in found.scores} == {0.5}
    assert spread > 0.05, "the tiny model finds everything alike"


def test_many_labels_of_a_classifier_are_sigmoids_of_its_logits(runtime, tiny):
    import torch
    import transformers
    from peft import PeftModel

    from playground.engine import stack

    stack.silence()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny.encoder)
    base = transformers.BertForSequenceClassification.from_pretrained(tiny.encoder, num_labels=2)
    adapted = PeftModel.from_pretrained(base, tiny.adapters[0]).eval()
    whole = transformers.BertForSequenceClassification.from_pretrained(tiny.classifier).eval()
    pairs = ((tiny.adapter_ref(0), adapted), (replace(tiny.classifier_ref, labels=("negative", "positive")), whole))
    for ref, model in pairs:
        ref = replace(ref, thresholds=(0.3, 0.8))
        for text in TEXTS:
            with torch.inference_mode():
                expected = model(**tokenizer(text, return_tensors="pt")).logits[0].double().sigmoid().tolist()
            found = answer(runtime, Classify(ref, text=text, many=True)).output
            assert scores(found) == pytest.approx(dict(zip(("negative", "positive"), expected, strict=True)), abs=1e-5)
            assert {row.label: row.threshold for row in found.scores} == {"negative": 0.3, "positive": 0.8}
            wanted = {"negative"} if expected[0] >= 0.3 else set()
            assert set(found.labels) == wanted | ({"positive"} if expected[1] >= 0.8 else set())
    one, other = answer(runtime, Classify(tiny.scratch_ref, text="a", many=True)).output.scores
    assert one.threshold == other.threshold == 0.5
    assert "2 labels and 1 thresholds" in fails(
        runtime, Classify(replace(tiny.adapter_ref(0), thresholds=(0.3,)), text="a", many=True), LoadFailed
    )


def test_a_hub_classifier_that_judges_each_label_is_asked_so(runtime, tiny, tmp_path):
    folder = shutil.copytree(tiny.classifier, tmp_path / "several")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    ref = replace(tiny.classifier_ref, id="tiny/several", folder=str(folder))
    assert len(answer(runtime, Classify(ref, text="good", many=True)).output.scores) == 2
    assert "each label by itself" in fails(runtime, Classify(ref, text="good"), NotSupported)


def test_an_adapter_without_a_head_is_merged_as_its_siblings_are_and_says_the_same(matchers):
    slow = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    fast = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        for ref in (matchers.lora, matchers.lora_with_pooler):
            known = answer(fast, matching(ref, TEXTS[0]))  # its labels by the plain path, whatever comes
            eventually(lambda ref=ref: answer(fast, matching(ref, TEXTS[0])).stats.path == "adapter merged", 60)
            for text in TEXTS:
                for labels in (LABELS, (*LABELS, f"new {text}")):
                    expected, found = (answer(runtime, matching(ref, text, labels)) for runtime in (slow, fast))
                    assert scores(found.output) == pytest.approx(scores(expected.output), abs=1e-5)
                    assert found.stats.fingerprint == expected.stats.fingerprint == known.stats.fingerprint
                    assert expected.stats.path is None
    finally:
        slow.close()
        fast.close()


def test_two_ways_of_making_vectors_are_compared_by_the_probabilities_that_come_of_them():
    from playground.engine.models.lora_encoder import SCALE, LoraEncoder

    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(6, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert LoraEncoder.difference(None, list(vectors), list(vectors)) == 0
    other = vectors + 1e-3 * chance.normal(size=vectors.shape)
    expected = [
        np.abs(shares(SCALE * (v @ v[i])) - shares(SCALE * (o @ o[i]))).max()
        for v, o in [(vectors, other)]
        for i in range(6)
    ]
    assert LoraEncoder.difference(None, list(vectors), list(other)) == pytest.approx(max(expected))
    assert LoraEncoder.difference(None, list(vectors), list(vectors * np.nan)) == np.inf


# -- what is said about it


def test_stats_count_the_text_and_say_what_was_cut(runtime, matchers):
    for ref in (matchers.encoder, matchers.lora):
        stats = answer(runtime, matching(ref, "I loved it")).stats
        assert (stats.tokens_in, stats.truncated, stats.note) == (5, False, None)  # the labels are none of the text
        assert len(stats.fingerprint) == 16
        long = answer(runtime, matching(ref, "good film " * 100)).stats
        assert (long.tokens_in, long.truncated) == (32, True)
        assert "first 32 tokens" in long.note
    prints = [answer(runtime, matching(ref, "a")).stats.fingerprint for ref in matchers.all]
    assert len(set(prints)) == len(prints)


def test_an_entailment_model_counts_what_it_reads_again_for_each_label_and_cuts_the_text_alone(runtime, matchers):
    import transformers

    ref = matchers.nli()
    tokenizer = transformers.AutoTokenizer.from_pretrained(ref.folder)
    stats = answer(runtime, matching(ref, "I loved it")).stats
    assert stats.tokens_in == sum(len(tokenizer("I loved it", c.text)["input_ids"]) for c in candidates())
    assert stats.note == f"The text was read {len(LABELS)} times, once with each label."
    assert stats.truncated is False
    text = "good film and very bad book " * 30
    found = answer(runtime, matching(ref, text))
    longest = max(len(tokenizer(c.text, add_special_tokens=False)["input_ids"]) for c in candidates())
    assert f"first {40 - 3 - longest} tokens" in found.stats.note
    assert found.stats.truncated is True
    pipeline = transformers.pipeline("zero-shot-classification", model=ref.folder, device="cpu", dtype="float32")
    pipeline.tokenizer.model_max_length = 40
    expected = pipeline(text, candidate_labels=list(LABELS), hypothesis_template="this is about {}")
    assert scores(found.output) == pytest.approx(
        dict(zip(expected["labels"], expected["scores"], strict=True)), abs=1e-5
    )


def test_a_label_longer_than_the_model_takes_gets_an_answer(runtime, matchers):
    long = ("very good film " * 13, "book")
    for ref in matchers.all:
        found = answer(runtime, matching(ref, "a good film and a bad book", labels=long)).output
        assert sum(scores(found).values()) == pytest.approx(1)


def test_strange_labels_and_texts_get_an_answer(runtime, matchers):
    labels = ("😀🏳️‍🌈", "שלום עולם", "<script>alert(1)</script>", "a, b, “c”", "\u200b", "é")
    for ref in matchers.all:
        for text in (*labels, "x" * 5000, "\t \n."):
            assert set(scores(answer(runtime, matching(ref, text, labels=labels)).output)) == set(labels)
        one = answer(runtime, matching(ref, "a", labels=("good",), many=True)).output
        assert len(one.scores) == 1
        assert answer(runtime, matching(ref, "a", labels=("good",))).output.label == "good"


def test_faults_are_one_sentence(runtime, matchers, tiny, tmp_path):
    for ref in matchers.all:
        assert "no labels" in fails(runtime, Match(ref, text="a"), InputError)
    for ref in (tiny.classifier_ref, tiny.adapter_ref(0), tiny.scratch_ref):
        assert "its own labels alone" in fails(runtime, matching(ref, "a"), NotSupported)
    for ref in (matchers.lora, matchers.nli()):
        assert "no label to a text as a whole" in fails(runtime, Classify(ref, text="a"), NotSupported)
    assert "which of its answers is entailment" in fails(runtime, matching(matchers.nli("nameless"), "a"), NotSupported)
    crossed = replace(matchers.lora, id="tiny/crossed", loader="lora-classifier", labels=("a", "b"))
    assert "not one for classification" in fails(runtime, Classify(crossed, text="a"), LoadFailed)
    crossed = replace(tiny.adapter_ref(0), id="tiny/crossed2", loader="lora-encoder")
    assert "not one for comparing texts" in fails(runtime, matching(crossed, "a"), LoadFailed)
    crossed = replace(tiny.scratch_ref, id="tiny/crossed3", loader="scratch-encoder")
    assert "cannot be built" in fails(runtime, matching(crossed, "a"), LoadFailed)
    headless = shutil.copytree(matchers.root / "binary", tmp_path / "headless")
    from safetensors.torch import load_file, save_file

    state = load_file(headless / "model.safetensors")
    kept = {name: value for name, value in state.items() if not name.startswith("classifier")}
    save_file(kept, headless / "model.safetensors", metadata={"format": "pt"})
    without = replace(matchers.nli(), id="tiny/headless", folder=str(headless))
    assert "lacks 2 of its weights" in fails(runtime, matching(without, "a"), LoadFailed)


def test_sentence_vectors_of_the_bare_encoder_stay_what_they_were(runtime, matchers):
    before = answer(runtime, Embed(matchers.encoder, texts=tuple(TEXTS))).output.vectors
    np.testing.assert_allclose(before, plain_vectors(matchers, matchers.encoder, TEXTS), atol=1e-5)
    answer(runtime, matching(matchers.lora, TEXTS[0]))
    through = answer(runtime, Embed(matchers.lora, texts=tuple(TEXTS))).output.vectors  # the adapter's base answers
    np.testing.assert_allclose(through, before, atol=1e-6)
    ours = answer(runtime, Embed(matchers.scratch, texts=tuple(TEXTS))).output.vectors
    np.testing.assert_allclose(ours, plain_vectors(matchers, matchers.scratch, TEXTS), atol=1e-5)


def test_attention_can_be_looked_at_where_the_model_shows_it(runtime, matchers):
    for ref in matchers.near:
        found = answer(runtime, Attend(ref, text="a good film")).output
        weights = found.parts[0].stack()
        assert len(found.sides[0]) == weights.shape[-1]
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    one, other = (answer(runtime, Attend(ref, text="a good film")).output.parts[0].stack() for ref in matchers.near[:2])
    assert np.abs(one - other).max() > 1e-3
    assert "attention" in fails(runtime, Attend(matchers.nli(), text="a good film"), NotSupported)


# -- steps and memory of labels


def labels_of(count):
    chance = random.Random(count)
    return tuple(f"{' '.join(chance.sample(WORDS, 1 + n % 4))} {n}" for n in range(count))


class Counted:
    """Counts the rows that a loaded model computes, call by call."""

    def __init__(self, runtime, ref, monkeypatch):
        self.rows = []
        with runtime._cache.lease(ref) as model:
            owner = type(model.vector_runner) if hasattr(model, "vector_runner") else type(model)
        name = "vectors" if hasattr(owner, "vectors") else "entailment"
        inner = getattr(owner, name)

        def counted(this, rows):
            self.rows.append(len(rows))
            return inner(this, rows)

        monkeypatch.setattr(owner, name, counted)


@pytest.mark.parametrize("which", range(5), ids=["encoder", "lora", "lora with pooler", "scratch", "nli"])
def test_five_hundred_labels_go_in_small_steps_that_others_pass(runtime, matchers, which, monkeypatch):
    ref = matchers.all[which]
    counted = Counted(runtime, ref, monkeypatch)
    events = ask(runtime, matching(ref, TEXTS[1], labels=labels_of(500)))
    assert isinstance(events[-1], Finished), events[-1]
    assert len(events[-1].output.scores) == 500
    assert sum(counted.rows) == (500 if which == 4 else 501)
    assert max(counted.rows) <= match.CHUNK
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] < 1


def test_a_single_request_does_not_wait_for_anothers_five_hundred_labels(runtime, matchers, monkeypatch):
    order, done = [], threading.Semaphore(0)

    def receive(name):
        def emit(event):
            if isinstance(event, LAST):
                order.append((name, type(event)))
                done.release()

        return emit

    answer(runtime, matching(matchers.nli(), "a"))
    runtime.submit(
        replace(matching(matchers.nli(), TEXTS[1], labels_of(500)), user="long"), receive("long"), Cancel(60)
    )
    for _ in range(3):
        runtime.submit(replace(matching(matchers.nli(), "a"), user="short"), receive("short"), Cancel(60))
    for _ in range(4):
        assert done.acquire(timeout=60)
    assert order[-1] == ("long", Finished)


def test_it_can_be_stopped_between_two_steps(runtime, matchers):
    events, ended, begun = [], threading.Event(), threading.Event()

    def emit(event):
        events.append(event)
        if isinstance(event, Progress):
            begun.set()
        if isinstance(event, LAST):
            ended.set()

    handle = runtime.submit(matching(matchers.nli(), TEXTS[1], labels_of(500)), emit, Cancel(60))
    assert begun.wait(60)
    handle.cancel()
    assert ended.wait(5)
    assert isinstance(events[-1], Cancelled)
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))


@pytest.mark.parametrize("which", range(4), ids=["encoder", "lora", "lora with pooler", "scratch"])
def test_labels_are_computed_once_and_each_model_keeps_its_own(runtime, matchers, which, monkeypatch):
    ref = matchers.near[which]
    labels = tuple(f"{label} again {which}" for label in LABELS)
    counted = Counted(runtime, ref, monkeypatch)
    cold = answer(runtime, matching(ref, TEXTS[0], labels))
    assert sum(counted.rows) == 1 + len(labels)
    counted.rows.clear()
    warm = answer(runtime, matching(ref, TEXTS[0], labels))
    assert counted.rows == [1]
    assert scores(warm.output) == pytest.approx(scores(cold.output), abs=1e-6)
    assert warm.stats.tokens_in == cold.stats.tokens_in
    counted.rows.clear()
    answer(runtime, matching(ref, TEXTS[1], (*labels, "one more")))
    assert sum(counted.rows) == 2
    counted.rows.clear()
    shorter = answer(runtime, matching(replace(ref, max_length=4), TEXTS[1], labels)).output  # other vectors
    assert sum(counted.rows) == 1 + len(labels)
    assert scores(shorter) != scores(answer(runtime, matching(ref, TEXTS[1], labels)).output)


def test_what_was_kept_goes_with_the_model(matchers):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    try:
        answer(runtime, matching(matchers.lora, "a"))
        with runtime._cache.lease(matchers.lora) as model:
            kept = weakref.ref(model.known)
            assert len(kept()) == len(LABELS)
        del model
        assert runtime.unload() == 2
        eventually(lambda: not runtime.status())
        eventually(lambda: kept() is None)
    finally:
        runtime.close()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=60),
    st.integers(1, 8),
    st.integers(1, 12),
)
def test_kept_vectors_are_the_last_used_and_within_their_bounds(uses, most, eights):
    vectors, order, sizes = Vectors(most, 8 * eights), [], {}
    for key, size in uses:
        known = vectors.get(key)
        assert (known is not None) == (key in order)
        if known is not None:
            assert len(known) == sizes[key]
            order.remove(key)
        else:
            sizes[key] = size
            vectors.put(key, np.full(size, key, dtype=np.float64))
        order.append(key)
        while len(order) > most or sum(sizes[key] for key in order) > eights:
            order.pop(0)
        assert len(vectors) == len(order)
        assert vectors.bytes == 8 * sum(sizes[key] for key in order)
    vectors.put("row", np.zeros((2, 1))[0])
    if (row := vectors.get("row")) is not None:
        assert row.base is None, "it keeps the whole batch"


# -- what must not matter

_LABEL = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(_LABEL, min_size=1, max_size=24, unique=True), _LABEL, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_labels_does_not_matter(runtime, matchers, labels, text, many, chance):
    for ref in (matchers.encoder, matchers.lora, matchers.scratch, matchers.nli()):
        other = chance.sample(labels, len(labels))
        found = [scores(answer(runtime, matching(ref, text, each, many=many)).output) for each in (labels, other)]
        assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_company_does_not_matter(runtime, matchers, tiny):
    """Five models, the bare encoder and its adapters in one pass, labels new and known, judged and chosen, all at once."""
    calls = []
    for number, text in enumerate(TEXTS * 3):
        for ref in matchers.all:
            labels = labels_of(3 + 7 * (number % 4))
            calls.append(matching(ref, text, labels, many=bool(number % 2), offset=OFFSET, threshold=THRESHOLD))
        calls += [Embed(matchers.encoder, texts=(text,)), Classify(tiny.adapter_ref(0), text=text)]
    alone_in = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    try:
        alone = [answer(alone_in, call) for call in calls]
    finally:
        alone_in.close()
    order = random.Random(7).sample(range(len(calls)), len(calls))
    found, done = {}, threading.Semaphore(0)

    def receive(number):
        def emit(event):
            if isinstance(event, LAST):
                found[number] = event
                done.release()

        return emit

    for number in order:
        runtime.submit(replace(calls[number], user=f"u{number % 5}"), receive(number), Cancel(100))
    for _ in order:
        assert done.acquire(timeout=100)
    batched = 0
    for number, event in found.items():
        assert isinstance(event, Finished), event
        expected = alone[number]
        assert event.stats.fingerprint == expected.stats.fingerprint
        assert event.stats.tokens_in == expected.stats.tokens_in
        if isinstance(calls[number], Embed):
            np.testing.assert_allclose(event.output.vectors, expected.output.vectors, atol=1e-5)
            continue
        assert scores(event.output) == pytest.approx(scores(expected.output), abs=2e-5)
        batched += event.stats.batch_size > match.CHUNK
    assert batched > 3, "nothing was batched: the test shows nothing"


def test_labels_new_to_several_at_once_are_computed_once(matchers, monkeypatch):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64, fast_cpu=False))
    try:
        answer(runtime, Embed(matchers.encoder, texts=("a",)))
        counted = Counted(runtime, matchers.encoder, monkeypatch)
        labels, done = labels_of(12), threading.Semaphore(0)
        hold = threading.Event()
        blocker = threading.Thread(target=runtime._on_device, args=(hold.wait,))
        blocker.start()
        texts = [f"{word} film" for word in WORDS[:8]]
        for text in texts:
            call = matching(matchers.encoder, text, labels)
            runtime.submit(call, lambda event: done.release() if isinstance(event, LAST) else None, Cancel(60))
        hold.set()
        blocker.join()
        for _ in texts:
            assert done.acquire(timeout=60)
        assert sum(counted.rows) == len(texts) + len(labels)
    finally:
        runtime.close()


def test_a_label_and_a_text_that_are_the_same_words_are_as_near_as_can_be(runtime, matchers):
    for ref in matchers.near:
        call = Match(ref, text="a good film", candidates=(Candidate("x", "a good film"), Candidate("y", "a bad book")))
        cosine = scores(answer(runtime, replace(call, many=True, scale=1.0)).output)["x"]
        assert cosine == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-5)
