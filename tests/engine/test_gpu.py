"""On a GPU: nothing stays allocated after models came and went, and bfloat16 says what float32 says. Skipped without one."""

import pytest

from playground.core.calls import Classify, Embed
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.engine.backend import choose_dtype
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

from .conftest import WORDS, eventually

TEXTS = [" ".join(WORDS[start : start + 6]) for start in range(12)]


def answer(runtime, call):
    last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(120))))[-1]
    assert isinstance(last, Finished), last
    return last


@pytest.fixture
def cuda():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return torch


@pytest.mark.gpu
def test_fifty_loads_past_the_budget_leave_the_gpu_as_it_was(cuda, tiny):
    runtime = LocalRuntime(Settings(device="cuda", cache_budget_mb=64))
    try:
        for ref in tiny.all_refs:  # whatever the libraries keep for good, they have after this
            answer(runtime, Classify(ref, text=TEXTS[0]))
        runtime.unload()
        eventually(lambda: runtime.status() == [], 30)
        cuda.cuda.synchronize()
        baseline = cuda.cuda.memory_allocated()
        runtime._cache.resize(120_000, 10**10)
        for number in range(50):
            answer(runtime, Classify(tiny.all_refs[number % 4], text=TEXTS[number % 12]))
        assert runtime.report().totals.loads >= 50
        runtime.unload()
        eventually(lambda: runtime.status() == [], 30)
        cuda.cuda.synchronize()
        assert cuda.cuda.memory_allocated() == baseline
    finally:
        runtime.close()


@pytest.mark.gpu
def test_bfloat16_says_what_float32_says(cuda, tiny):
    found = {}
    for dtype in ("float32", "bfloat16"):
        runtime = LocalRuntime(Settings(device="cuda", dtype=dtype, cache_budget_mb=64))
        try:
            scores = []
            for ref in tiny.all_refs:
                for text in TEXTS:
                    last = answer(runtime, Classify(ref, text=text))
                    assert last.stats.dtype == dtype
                    rows = sorted(last.output.scores, key=lambda row: row.label)
                    scores += [row.score for row in rows]
            vectors = answer(runtime, Embed(tiny.encoder_ref, texts=tuple(TEXTS))).output.vectors
            found[dtype] = scores, vectors
            assert runtime.report().device.name.startswith("cuda")
        finally:
            runtime.close()
    assert found["bfloat16"][0] == pytest.approx(found["float32"][0], abs=0.08)  # 8 bits of precision, and wild weights
    assert (found["bfloat16"][1] * found["float32"][1]).sum(1).min() > 0.99


def test_the_precision_is_the_settings_or_what_the_device_is_good_at():
    import torch

    cpu = torch.device("cpu")
    assert choose_dtype("auto", cpu) is torch.float32
    assert choose_dtype("bfloat16", cpu) is torch.bfloat16
    assert choose_dtype("float32", cpu) is torch.float32
