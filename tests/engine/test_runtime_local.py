"""Real tiny models through the real runtime: right answers, under load, from shared weights; faults in one sentence."""

import hashlib
import json
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from playground.core.calls import Call, Classify, Embed
from playground.core.cancel import Cancel
from playground.core.errors import DigestMismatch, EmptyInput, LoadFailed, NotHere, NotSupported
from playground.core.events import LAST, Cancelled, Failed, Finished, Loading, Queued
from playground.core.streams import iterate
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import LABELS, WORDS, eventually

TEXTS = ["I loved it", "the plot was not good and the film was very bad", "a", "hated every minute of it", "good book"]


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


def ask(runtime, call, seconds=30.0):
    return list(iterate(lambda emit: runtime.submit(call, emit, Cancel(seconds))))


def answer(runtime, call):
    last = ask(runtime, call)[-1]
    assert isinstance(last, Finished), last
    return last


def scores(output, names=LABELS):
    return np.array([output.score_of(name) for name in names])


def direct(tiny, index, texts):
    """What plain transformers and peft say, text by text: probabilities [N, 2]."""
    import torch
    import transformers
    from peft import PeftModel

    from playground.engine import stack

    stack.silence()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny.encoder)
    base = transformers.BertForSequenceClassification.from_pretrained(tiny.encoder, num_labels=2)
    model = PeftModel.from_pretrained(base, tiny.adapters[index]).eval()
    with torch.inference_mode():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits.softmax(-1)[0] for text in texts]
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("index", [0, 1])
def test_an_adapter_answers_as_peft_does(runtime, tiny, index):
    expected = direct(tiny, index, TEXTS)
    assert np.ptp(expected[:, 0]) > 0.05, "the tiny model says the same to everything"
    for text, row in zip(TEXTS, expected, strict=True):
        output = answer(runtime, Classify(tiny.adapter_ref(index), text=text)).output
        np.testing.assert_allclose(scores(output), row, atol=1e-5)
        assert output.label == LABELS[int(row.argmax())]


def test_the_hub_kind_answers_as_transformers_pipeline_does(runtime, tiny):
    import transformers

    pipeline = transformers.pipeline("text-classification", model=str(tiny.classifier), top_k=None, device="cpu")
    for text in TEXTS:
        output = answer(runtime, Classify(tiny.classifier_ref, text=text)).output
        for row in pipeline([text])[0]:
            assert output.score_of(row["label"].lower()) == pytest.approx(row["score"], abs=1e-5)
        assert [type(row.score) for row in output.scores] == [float, float]


def test_the_scratch_kind_answers_as_its_model_does(runtime, tiny):
    import torch

    from playground.scratch.model import EncoderClassifier, pad
    from playground.scratch.tokenizer import CLS, Tokenizer

    model = EncoderClassifier.load(tiny.scratch)
    tokenizer = Tokenizer.load(tiny.scratch / "tokenizer.json")
    for text in TEXTS:
        with torch.inference_mode():
            row = model(*pad([[tokenizer.special(CLS), *tokenizer.encode(text)]])).softmax(-1)[0].numpy()
        np.testing.assert_allclose(
            scores(answer(runtime, Classify(tiny.scratch_ref, text=text)).output), row, atol=1e-5
        )


def test_embeddings_are_the_plain_encoders_mean_pooled(runtime, tiny):
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny.encoder)
    model = transformers.BertModel.from_pretrained(tiny.encoder).eval()
    with torch.inference_mode():
        rows = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in TEXTS]
    expected = torch.nn.functional.normalize(torch.stack(rows), dim=-1).numpy()
    answer(runtime, Classify(tiny.adapter_ref(0), text="an adapter is attached"))
    found = answer(runtime, Embed(tiny.encoder_ref, texts=tuple(TEXTS))).output
    np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
    assert found.vectors.dtype == np.float32
    assert found.tokens == tuple(len(tokenizer(text).input_ids) for text in TEXTS)
    many = answer(runtime, Embed(tiny.encoder_ref, texts=tuple(TEXTS * 10))).output  # several steps
    np.testing.assert_allclose(many.vectors, np.tile(expected, (10, 1)), atol=1e-5)


def test_under_mixed_load_every_answer_is_its_own_models_and_batches_change_nothing(runtime, tiny):
    """16 threads ask both adapters, the bare encoder, the whole and the scratch model at once."""
    texts = [" ".join(WORDS[i : i + n]) for i in range(12) for n in (1, 4, 9)]
    calls: list[Call] = [Classify(ref, text=text) for ref in tiny.all_refs for text in texts]
    calls += [Embed(tiny.encoder_ref, texts=(text, text + " bad")) for text in texts]
    alone = {call: answer(runtime, call) for call in calls}
    batches = []

    def check(call):
        last = answer(runtime, replace(call, user=f"user {hash(call) % 5}"))
        wanted = alone[call]
        assert last.stats.fingerprint == wanted.stats.fingerprint
        batches.append(last.stats.batch_size)
        if isinstance(call, Embed):
            return float(np.abs(last.output.vectors - wanted.output.vectors).max())
        names = [row.label for row in wanted.output.scores]
        return float(np.abs(scores(last.output, names) - scores(wanted.output, names)).max())

    order = np.random.default_rng(0).permutation(len(calls) * 2) % len(calls)
    with ThreadPoolExecutor(16) as pool:
        worst = max(pool.map(lambda i: check(calls[i]), order))
    assert worst < 1e-5
    assert max(batches) > 2, "nothing was ever batched"
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))


def test_adapters_come_and_go_while_others_answer(tiny):
    """Attaching and detaching under load changes nobody's answer, and all of it leaves when it is unloaded."""
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        wanted = scores(answer(runtime, Classify(tiny.adapter_ref(0), text=TEXTS[1])).output)
        plain = answer(runtime, Embed(tiny.encoder_ref, texts=(TEXTS[1],))).output.vectors
        stop, wrong = threading.Event(), []

        def keep_asking():
            while not stop.is_set():
                found = scores(answer(runtime, Classify(tiny.adapter_ref(0), text=TEXTS[1])).output)
                vectors = answer(runtime, Embed(tiny.encoder_ref, texts=(TEXTS[1],))).output.vectors
                if np.abs(found - wanted).max() > 1e-5 or np.abs(vectors - plain).max() > 1e-5:
                    wrong.append(found)

        thread = threading.Thread(target=keep_asking)
        thread.start()
        for _ in range(8):
            answer(runtime, Classify(tiny.adapter_ref(1), text="good"))
            key = next(row.key for row in runtime.status() if row.model == "tiny/lora1")
            assert runtime.unload(key) == 1
            eventually(lambda: "tiny/lora1" not in {row.model for row in runtime.status()})
        stop.set()
        thread.join()
        assert wrong == []
        eventually(lambda: all(row.leases == 0 for row in runtime.status()))
        assert runtime.unload() == 2
        eventually(lambda: runtime.status() == [])
    finally:
        runtime.close()


def test_two_adapters_are_one_backbone_in_memory(runtime, tiny):
    for index in (0, 1):
        answer(runtime, Classify(tiny.adapter_ref(index), text="good"))
    rows = {row.model: row for row in runtime.status()}
    assert rows["tiny/encoder"].loads == 1
    assert rows["tiny/lora0"].base == rows["tiny/lora1"].base == "tiny/encoder"
    assert 0 < rows["tiny/lora0"].bytes < 2 * rows["tiny/encoder"].bytes  # with its merged copy


def test_stats_say_what_was_measured(runtime, tiny):
    first = answer(runtime, Classify(tiny.adapter_ref(0), text="good film")).stats
    again = answer(runtime, Classify(tiny.adapter_ref(0), text="good film")).stats
    other = answer(runtime, Classify(tiny.adapter_ref(1), text="good film")).stats
    assert again.cache_hit is True
    assert again.load_seconds is None
    assert (again.model, again.device, again.dtype, again.tokens_in) == ("tiny/lora0", "cpu", "float32", 4)
    assert again.fingerprint == first.fingerprint != other.fingerprint
    assert len(again.fingerprint) == 16
    assert again.parameters > again.adapter_parameters > 0
    assert again.resident_bytes == 4 * again.parameters or again.resident_bytes > 4 * again.parameters  # and buffers
    assert again.adapter_bytes == 4 * again.adapter_parameters
    assert again.latency_seconds > 0
    assert again.queue_seconds >= 0
    assert again.truncated is False
    assert again.cost_usd is None  # the tier's to say


def test_a_cold_run_says_so_and_shows_how_far_it_is(tiny):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        events = ask(runtime, Classify(tiny.adapter_ref(0), text="good"))
    finally:
        runtime.close()
    assert isinstance(events[0], Queued)
    loading = [event for event in events if isinstance(event, Loading)]
    fractions = [event.fraction for event in loading]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert any("weights" in event.what for event in loading)
    assert [event.seq for event in events] == list(range(len(events)))
    assert sum(isinstance(event, LAST) for event in events) == 1
    assert events[-1].stats.cache_hit is False
    assert events[-1].stats.load_seconds > 0


def test_long_texts_are_cut_and_say_so(runtime, tiny):
    text = "good film " * 200
    for ref in tiny.all_refs:
        last = answer(runtime, Classify(ref, text=text))
        assert last.stats.truncated is True
        assert last.stats.tokens_in == 32
        assert "first 32 tokens" in last.stats.note
    short = answer(runtime, Classify(replace(tiny.adapter_ref(0), max_length=8), text="good " * 6))
    assert short.stats.truncated is False


def test_strange_texts_get_an_answer(runtime, tiny):
    for ref in tiny.all_refs:
        for text in ("😀🏳️‍🌈", "שלום עולם", "<script>alert(1)</script>", "x" * 20_000, "\t \n.", "é"):
            assert sum(row.score for row in answer(runtime, Classify(ref, text=text)).output.scores) == pytest.approx(1)


# -- faults


def copied(folder, to):
    return shutil.copytree(folder, to)


def fails(runtime, ref, kind):
    last = ask(runtime, Classify(ref, text="good"))[-1]
    assert isinstance(last, Failed), last
    assert isinstance(last.error, kind), repr(last.error)
    message = str(last.error)
    assert message.endswith(".")
    assert "\n" not in message
    assert str(ref.folder) not in message
    return message


@pytest.mark.parametrize("which", [0, 2, 3], ids=["lora", "pipeline", "scratch"])
def test_a_truncated_file_is_one_sentence_and_the_others_still_answer(runtime, tiny, tmp_path, which):
    good = tiny.all_refs[which]
    folder = copied(good.folder, tmp_path / "cut")
    for file in folder.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    bad = replace(good, id=f"tiny/cut{which}", folder=str(folder))
    assert "damaged or cut short" in fails(runtime, bad, LoadFailed)
    assert bad.id not in {row.model for row in runtime.status()}
    answer(runtime, Classify(good, text="good"))
    for file in folder.glob("*.safetensors"):
        shutil.copy(f"{good.folder}/{file.name}", file)
    answer(runtime, Classify(bad, text="good"))  # mended: the next call loads it


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_wrong_digest_is_found_before_anything_is_read(runtime, tiny, tmp_path, which):
    good = tiny.all_refs[which]
    folder = copied(good.folder, tmp_path / "other")
    (file,) = folder.glob("*.safetensors")
    true = hashlib.sha256(file.read_bytes()).hexdigest()
    right = replace(good, folder=str(folder), digests=((file.name, true),))
    answer(runtime, Classify(right, text="good"))
    file.write_bytes(b"\xff" * 100)  # would not even parse
    wrong = replace(right, revision="changed")
    assert file.name in fails(runtime, wrong, DigestMismatch)
    config = next(path for path in folder.iterdir() if path.name.endswith("config.json"))
    other = replace(good, folder=good.folder, digests=((config.name, "0" * 64),), revision="config")
    assert config.name in fails(runtime, other, DigestMismatch)


def test_missing_pickled_and_unfitting_models_are_refused(runtime, tiny, tmp_path):
    assert "not on this machine" in fails(runtime, replace(tiny.classifier_ref, folder=str(tmp_path / "no")), NotHere)
    pickled = copied(tiny.classifier, tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    assert "offered as a pickle only" in fails(runtime, replace(tiny.classifier_ref, folder=str(pickled)), LoadFailed)
    headless = replace(tiny.classifier_ref, folder=str(tiny.encoder))
    assert "lacks" in fails(runtime, headless, LoadFailed)  # a random head would answer, too
    wide = copied(tiny.adapters[0], tmp_path / "wide")
    config = json.loads((wide / "adapter_config.json").read_text())
    (wide / "adapter_config.json").write_text(json.dumps({**config, "r": 8}))
    assert "does not fit" in fails(runtime, replace(tiny.adapter_ref(0), folder=str(wide)), LoadFailed)
    (wide / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["query"]}))
    assert "does not fit" in fails(runtime, replace(tiny.adapter_ref(0), folder=str(wide), revision="2"), LoadFailed)
    (wide / "adapter_config.json").write_text(json.dumps({**config, "target_modules": ["nowhere"]}))
    assert "does not fit" in fails(runtime, replace(tiny.adapter_ref(0), folder=str(wide), revision="3"), LoadFailed)
    (wide / "adapter_config.json").write_text(json.dumps({**config, "bias": "all"}))
    assert "plain LoRA" in fails(runtime, replace(tiny.adapter_ref(0), folder=str(wide), revision="4"), LoadFailed)
    remote = copied(tiny.classifier, tmp_path / "remote")
    said = json.loads((remote / "config.json").read_text())
    said |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "evil.Evil", "AutoModelForSequenceClassification": "evil.M"},
    }
    (remote / "config.json").write_text(json.dumps(said))
    (remote / "evil.py").write_text("raise SystemExit('code of a checkpoint was run')")
    fails(runtime, replace(tiny.classifier_ref, folder=str(remote)), LoadFailed)
    expected = direct(tiny, 0, ["good"])[0]  # and the shared encoder is as it was
    np.testing.assert_allclose(
        scores(answer(runtime, Classify(tiny.adapter_ref(0), text="good")).output), expected, atol=1e-5
    )


def test_calls_that_a_model_cannot_serve_are_refused(runtime, tiny):
    assert "no label to a text as a whole" in fails(runtime, tiny.encoder_ref, NotSupported)
    last = ask(runtime, Embed(tiny.scratch_ref, texts=("good",)))[-1]
    assert isinstance(last.error, NotSupported)
    assert isinstance(ask(runtime, Embed(tiny.encoder_ref))[-1].error, EmptyInput)
    assert isinstance(ask(runtime, Call(tiny.encoder_ref))[-1].error, NotSupported)
    three = replace(tiny.adapter_ref(0), labels=("a", "b", "c"))
    assert "2 labels and 3 names" in fails(runtime, three, LoadFailed)


# -- stopping


def test_stop_while_loading_and_while_waiting_gives_everything_back(runtime, tiny):
    answer(runtime, Classify(tiny.adapter_ref(0), text="good"))
    entered, gate = threading.Event(), threading.Event()

    def block():
        entered.set()
        gate.wait(5)

    blocker = threading.Thread(target=lambda: runtime._on_device(block))
    blocker.start()
    entered.wait(5)
    events = []
    session = Cancel()
    handles = [
        runtime.submit(Classify(tiny.adapter_ref(0), text=f"good {n}"), events.append, session) for n in range(10)
    ]
    handles[0].cancel()
    eventually(lambda: sum(isinstance(event, Cancelled) for event in events) == 1)
    assert not session.is_set
    session.set()
    assert sum(isinstance(event, Cancelled) for event in events) == 10
    assert all(row.leases == 0 for row in runtime.status())
    gate.set()
    blocker.join()
    assert session._callbacks == {}
    answer(runtime, Classify(tiny.adapter_ref(0), text="good"))


def test_a_finished_run_leaves_no_trace_on_a_long_lived_token(runtime, tiny):
    session = Cancel()
    for _ in range(5):
        list(iterate(lambda emit: runtime.submit(Classify(tiny.scratch_ref, text="good"), emit, session)))
    assert session._callbacks == {}


def test_a_receiver_that_fails_harms_nobody(runtime, tiny, caplog):
    def broken(event):
        raise ValueError("a bug of the receiver")

    runtime.submit(Classify(tiny.scratch_ref, text="good"), broken, Cancel())
    answer(runtime, Classify(tiny.scratch_ref, text="good"))
    eventually(lambda: all(row.leases == 0 for row in runtime.status()))


def test_warming_loads_and_logs_what_it_cannot(tiny, tmp_path, caplog):
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    try:
        bare = Embed(tiny.encoder_ref, texts=(TEXTS[1],))
        plain = answer(runtime, bare).output.vectors
        runtime.warm([tiny.adapter_ref(0), replace(tiny.scratch_ref, folder=str(tmp_path))])
        eventually(lambda: {row.state for row in runtime.status()} == {"ready"} and len(runtime.status()) == 2, 20)
        np.testing.assert_allclose(answer(runtime, bare).output.vectors, plain, atol=1e-6)  # peft has put it in force
        assert {row.model for row in runtime.status()} == {"tiny/encoder", "tiny/lora0"}
        assert "warming up" in caplog.text
        assert answer(runtime, Classify(tiny.adapter_ref(0), text="good")).stats.cache_hit is True
    finally:
        runtime.close()


def test_a_budget_for_one_serves_all_in_turn(tiny):
    """Every model alone is larger than nothing; the cache swaps and the answers stay right."""
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    runtime._cache.resize(150_000, 10**9)
    try:
        wanted = {}
        for _ in range(3):
            for ref in tiny.all_refs:
                found = answer(runtime, Classify(ref, text=TEXTS[1]))
                wanted.setdefault(ref, found.output)
                assert found.output.label == wanted[ref].label
                assert runtime._cache.total_bytes <= 150_000
    finally:
        runtime.close()


# -- the process


def test_importing_and_building_a_runtime_imports_no_torch():
    code = (
        "import sys\n"
        "from playground.engine.runtime_local import LocalRuntime\n"
        "from playground.settings import Settings\n"
        "runtime = LocalRuntime(Settings())\n"
        "heavy = {'torch', 'transformers', 'peft', 'safetensors', 'tokenizers'} & set(sys.modules)\n"
        "runtime.close()\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr


def test_a_process_that_forgets_to_close_exits_cleanly_and_quietly(tiny):
    ref = tiny.adapter_ref(0)
    code = (
        "from playground.core.calls import Classify\n"
        "from playground.core.cancel import Cancel\n"
        "from playground.core.streams import iterate\n"
        "from playground.core.types import ModelRef\n"
        "from playground.engine.runtime_local import LocalRuntime\n"
        "from playground.settings import Settings\n"
        f"ref = {ref!r}\n"
        "runtime = LocalRuntime(Settings(device='cpu', threads=1))\n"
        "for event in iterate(lambda emit: runtime.submit(Classify(ref, text='good'), emit, Cancel(50))): pass\n"
        "print(event.output.label)\n"
    )
    started = time.monotonic()
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() in LABELS
    assert found.stderr == ""
    assert time.monotonic() - started < 50
