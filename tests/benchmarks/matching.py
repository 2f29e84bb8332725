"""What matching a text with labels takes: 4, 77 and 500 of them, new to the model (cold) and known to it (warm).

    python -m tests.benchmarks.matching [--threads N] [--rounds N] [--candidates N ...] [--entailment]

The bundled encoder is asked. --entailment: a model for entailment of the catalogued one's size is made here, with random weights,
and asked as well; it reads the text again for each label, so that it is never warm. A line: labels, median milliseconds cold and
warm, steps of a cold answer, and the mean of a step: what anybody else waits for. Memory: one backbone with all
adapters of the catalog, loaded and used, against the backbone alone: as the Status tab shows it, and what the process took.
Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import string
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from playground.catalog import Catalog
from playground.core.calls import Call, Candidate, Classify, Match, Tag
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

TEXT = "My parcel was meant to come on Monday and nobody can tell me where it is now."
THINGS = "parcel card invoice account order refund password address ticket delivery contract meter router seat".split()
DOINGS = "is late,was lost,was charged twice,has to be changed,does not work,is not mine,cannot be opened".split(",")


def labels(count: int, of: int) -> list[str]:
    """So many different ones; `of` makes others."""
    return [f"the {THINGS[n % 14]} {DOINGS[n // 14 % 7]}, case {count}/{of}/{n // 98}" for n in range(count)]


def ask(runtime: LocalRuntime, call: Call) -> Finished:
    last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(600))))[-1]
    assert isinstance(last, Finished), last
    return last


def matching(ref: ModelRef, names: Sequence[str]) -> Match:
    return Match(ref, text=TEXT, candidates=tuple(Candidate(name, f"This text is about {name}.") for name in names))


def measure(runtime: LocalRuntime, ref: ModelRef, counts: Sequence[int], rounds: int, *, warm: bool) -> None:
    ask(runtime, matching(ref, labels(1, 0)))
    print(f"{ref.id}: {'labels':>6}{'cold ms':>10}{'warm ms':>10}{'steps':>8}{'ms a step':>12}")
    for count in counts:
        cold, again, steps = [], [], 0
        each = 0.0
        for number in range(rounds):
            call = matching(ref, labels(count, 1 + number))
            before = runtime.report().totals
            started = time.perf_counter()
            ask(runtime, call)
            cold.append(time.perf_counter() - started)
            after = runtime.report().totals
            steps = after.steps - before.steps
            each = (after.step_seconds - before.step_seconds) / max(1, steps)
            if warm:
                started = time.perf_counter()
                ask(runtime, call)
                again.append(time.perf_counter() - started)
        shown = f"{statistics.median(again) * 1e3:10.1f}" if again else f"{'–':>10}"
        print(
            f"{'':{len(ref.id) + 2}}{count:6}{statistics.median(cold) * 1e3:10.1f}{shown}{steps:8}{each * 1e3:12.1f}",
            flush=True,
        )


def entailment(folder: Path) -> ModelRef:
    """DeBERTa-v3-xsmall's shape, random weights, a tokenizer of letters."""
    import transformers

    pieces = [("[PAD]", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("[UNK]", 0.0)]
    words = {f"▁{word}" for line in (TEXT, *THINGS, *DOINGS, "this text is about") for word in line.split()}
    pieces += [(piece, -1.0) for piece in sorted(words)] + [(letter, -9.0) for letter in string.printable[:94]]
    transformers.DebertaV2Tokenizer(vocab=pieces, unk_id=3).save_pretrained(folder)
    config = transformers.DebertaV2Config(
        vocab_size=128100,
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        intermediate_size=1536,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=256,
        max_relative_positions=-1,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        pooler_hidden_size=384,
        id2label={0: "entailment", 1: "not_entailment"},
        label2id={"entailment": 0, "not_entailment": 1},
    )
    transformers.DebertaV2ForSequenceClassification(config).half().save_pretrained(folder)
    return ModelRef("entailment, 70.8 M parameters", "pipeline-nli", str(folder), max_length=256)


def memory(catalog: Catalog, threads: int) -> None:
    """All adapters over the bundled encoder in one process."""
    runtime = LocalRuntime(Settings(device="cpu", threads=threads, cache_budget_mb=2048))
    adapters = [catalog.ref(row) for row in catalog.checkpoints.values() if row.base == catalog.encoder.id]
    try:
        base = catalog.ref(catalog.encoder)
        ask(runtime, matching(base, labels(4, 0)))
        gc.collect()
        before = psutil.Process().memory_info().rss
        for few in (adapters[:2], adapters):
            for ref in few:
                kind = {"lora-classifier": Classify, "lora-tagger": Tag}.get(ref.loader)
                ask(runtime, kind(ref, text=TEXT) if kind else matching(ref, labels(4, 0)))
            time.sleep(8 if few is not adapters else 1)  # until copies are made; until they are given up
            rows = [row for row in runtime.report().residents if base.id in (row.model, row.base)]
            backbone = next(row.bytes for row in rows if row.model == base.id)
            everything = sum(row.bytes for row in rows)
            gc.collect()
            more = psutil.Process().memory_info().rss - before
            print(
                f"{len(few)} adapters: {everything / 2**20:.1f} MB resident, {everything / backbone:.3f} of the backbone's "
                f"{backbone / 2**20:.1f}; the process took {more / 2**20:+.1f} MB over the backbone alone",
                flush=True,
            )
    finally:
        runtime.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--candidates", type=int, nargs="*", default=[4, 77, 500])
    arguments.add_argument("--entailment", action="store_true")
    chosen = arguments.parse_args()
    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    print(f"{chosen.threads} threads, {chosen.rounds} rounds, load {os.getloadavg()[0]:.2f}", flush=True)
    memory(catalog, chosen.threads)  # first, while the process holds nothing else
    runtime = LocalRuntime(Settings(device="cpu", threads=chosen.threads, cache_budget_mb=2048))
    try:
        measure(runtime, catalog.ref(catalog.encoder), chosen.candidates, chosen.rounds, warm=True)
        if chosen.entailment:
            with tempfile.TemporaryDirectory() as folder:
                measure(runtime, entailment(Path(folder)), chosen.candidates, chosen.rounds, warm=False)
    finally:
        runtime.close()
    print(f"load after {os.getloadavg()[0]:.2f}")


if __name__ == "__main__":
    main()
