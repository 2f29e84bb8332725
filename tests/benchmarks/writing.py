"""The decoder from scratch: tokens/s with and without a cache, of 8 texts together and of one, and of training beside transformers.

    python -m tests.benchmarks.writing [--rounds 3] [--tokens 256] [--steps 6] [--threads 2] [--only runtime] [--json]

`runtime_*`: the same model through the whole runtime, scheduler and events included; and a Llama of transformers’ own architecture
of the starter decoder’s shape.

All take turns, round by round; figures are medians over rounds, ratios medians of each round's ratio. Writing: greedy, from a
prompt of 8 tokens, a model of 15 M parameters as the starter decoder may have. Training: `--steps` steps of AdamW in a batch, ours
and GPT2LMHeadModel of the same shape with the same GELU, logits to the same loss; `training_ratio_small` is nanoGPT's CPU recipe
(4 layers, 4 heads, 128 wide, 64 tokens, batch 12). On a machine that does other work, too, measure with one thread: with two, each
operation waits for the later of them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from playground.core.calls import Generate
from playground.core.cancel import Cancel
from playground.core.events import LAST, Finished
from playground.core.types import ModelRef
from playground.core.writing_types import Writing
from playground.engine.runtime_local import LocalRuntime
from playground.scratch.decoding import Batch, Sampling, Stream
from playground.scratch.gpt import GPT, GPTConfig
from playground.scratch.tokenizer import Tokenizer
from playground.settings import Settings
from playground.training.starter import StarterSettings, learn_tokenizer, new_model
from tests.scratch.oracles import gpt2

STARTER = GPTConfig(vocabulary=8192, dim=384, layers=6, heads=6, hidden=1536, context=384)
SMALL = GPTConfig(vocabulary=65, dim=128, layers=4, heads=4, hidden=512, context=64)
PROMPT = [1, 2, 3, 4, 5, 6, 7, 8]


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def write(model: GPT, tokens: int, texts: int) -> None:
    batch = Batch(model)
    for number in range(texts):  # of different lengths, as people's are
        batch.add(Stream(PROMPT[number % 4 :], Sampling(length=tokens, temperature=0)))
    while len(batch):
        batch.step()


@torch.inference_mode()
def write_without_cache(model: GPT, tokens: int) -> None:
    text = Stream(PROMPT, Sampling(length=tokens, temperature=0))
    while not text.done:
        states = model.states(torch.tensor([text.ids]))
        text.take(model.score(states[:, -1])[0])


def runtime_rates(folder: Path, loader: str, tokens: int, rounds: int, threads: int) -> tuple[list[float], list[float]]:
    """Tokens/s of one text and of 8 together, round by round. Each text is of another length and by chance."""
    runtime = LocalRuntime(Settings(device="cpu", threads=threads, cache_budget_mb=1024))
    ref = ModelRef("benchmark", loader, str(folder), max_length=STARTER.context)

    def ask(texts: int) -> float:
        ended: list[threading.Event] = []
        counts: list[int] = []

        def listener() -> Callable[[Any], None]:
            event = threading.Event()
            ended.append(event)

            def emit(told: Any) -> None:
                if isinstance(told, Finished):
                    counts.append(told.stats.tokens_out or 0)
                if isinstance(told, LAST):
                    event.set()

            return emit

        started = time.perf_counter()
        for number in range(texts):
            writing = Writing(length=tokens, temperature=1.0, seed=number)
            runtime.submit(Generate(ref, text="abcdefgh"[number % 4 :], writing=writing), listener(), Cancel(600))
        for event in ended:
            event.wait()
        return sum(counts) / (time.perf_counter() - started)

    try:
        ask(8), ask(1)
        both = [(ask(1), ask(8)) for _ in range(rounds)]
    finally:
        runtime.close()
    return [one for one, _ in both], [eight for _, eight in both]


def through_the_runtime(figures: dict[str, Any], tokens: int, rounds: int, threads: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name) / "ours", Path(name) / "theirs"
        reader = Tokenizer([], specials=("<pad>",))
        GPT(replace(STARTER, vocabulary=len(reader))).save(ours)
        reader.save(ours / "tokenizer.json")
        settings = StarterSettings()
        hub = learn_tokenizer(["abc " * 100] * 20, settings)
        model = new_model(settings, hub, 0)
        model.config._attn_implementation = "sdpa"
        model.save_pretrained(theirs)
        hub.save_pretrained(theirs)
        for kind, folder, loader in (("ours", ours, "scratch-decoder"), ("llama", theirs, "pipeline-decoder")):
            one, eight = runtime_rates(folder, loader, tokens, rounds, threads)
            figures[f"runtime_{kind}_1_tokens_per_s"] = statistics.median(one)
            figures[f"runtime_{kind}_8_tokens_per_s"] = statistics.median(eight)
            figures[f"runtime_{kind}_ratio"] = statistics.median(b / a for a, b in zip(one, eight, strict=True))


def trainer(model: torch.nn.Module, config: GPTConfig, length: int, batch: int) -> Callable[[], None]:
    """A function that does one step."""
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-4)
    ids = torch.randint(config.vocabulary, (batch, length + 1), generator=torch.Generator().manual_seed(0))

    def step() -> None:
        found = model(ids[:, :-1])
        logits = found if isinstance(found, torch.Tensor) else found.logits
        optimizer.zero_grad(set_to_none=True)
        cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()

    return step


def train(figures: dict[str, Any], name: str, config: GPTConfig, length: int, batch: int, steps: int, rounds: int):
    """Step by step in turn, and in the other order every second round: whatever slows the machine slows both."""
    both = {
        "ours": trainer(GPT(config), config, length, batch),
        "theirs": trainer(gpt2(config, use_cache=False), config, length, batch),
    }
    for step in both.values():
        step()
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(rounds * steps):
        for who in ("ours", "theirs") if turn % 2 else ("theirs", "ours"):
            taken[who].append(seconds(both[who]))
    medians = {who: statistics.median(times) for who, times in taken.items()}
    for who, median in medians.items():
        figures[f"training_{who}_{name}_tokens_per_s"] = batch * length / median
    figures[f"training_ratio_{name}"] = medians["theirs"] / medians["ours"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--only", choices=("runtime",))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    figures: dict[str, Any] = {}
    through_the_runtime(figures, options.tokens, options.rounds, options.threads)
    if options.only is None:
        the_model(figures, options)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:40} {value:,.2f}")


def the_model(figures: dict[str, Any], options: argparse.Namespace) -> None:
    model = GPT(STARTER).eval()
    write(model, 4, 2)
    rates: dict[str, list[float]] = {"without_cache": [], "with_cache": [], "together_8": []}
    for _ in range(options.rounds):
        rates["without_cache"].append(options.tokens / seconds(lambda: write_without_cache(model, options.tokens)))
        rates["with_cache"].append(options.tokens / seconds(lambda: write(model, options.tokens, 1)))
        rates["together_8"].append(8 * options.tokens / seconds(lambda: write(model, options.tokens, 8)))
    figures["parameters"] = sum(p.numel() for p in model.parameters())
    figures |= {f"{name}_tokens_per_s": statistics.median(each) for name, each in rates.items()}
    for name, above, below in (("cache", "with_cache", "without_cache"), ("together", "together_8", "with_cache")):
        pairs = zip(rates[above], rates[below], strict=True)
        figures[f"{name}_ratio"] = statistics.median(a / b for a, b in pairs)
    train(figures, "starter", STARTER, 256, 4, max(2, options.steps // 3), options.rounds)
    train(figures, "small", SMALL, 64, 12, 5 * options.steps, options.rounds)


if __name__ == "__main__":
    main()
