"""A 20,000-character text through a LoRA tagger over the bundled encoder, beside transformers' own pipeline on the same weights.

    python -m tests.benchmarks.tagging [--model ID] [--chars 20000] [--rounds 5] [--threads 2] [--json]

Both sides in one process, in turns, warm; medians. Without --model (a tagger of the catalog with the bundled encoder as its base)
the adapter is made on the spot with random weights: as fast as a trained one, and it finds nonsense.
The text has paragraphs, or is one single line. transformers' pipeline reads the first `model_max_length` tokens of it and says
nothing of the rest; with `stride` it reads all, in windows of that length. Promise: at most 10 s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playground.catalog import Catalog
from playground.core import segment
from playground.core.calls import Tag
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC")
SENTENCES = (
    "Marta Lindqvist moved from Gothenburg to Lisbon in 2011 and opened a small bakery near the river.",
    "Her brother, who works for the Port of Rotterdam, didn't believe that it would last a year.",
    "By spring there were queues in front of the door, and the Diário wrote about her rye bread twice.",
    "Nobody had told the council, though: a Mr. Okafor came by on a Friday with a form of eleven pages.",
    "She filled it in, paid 49.50 euros, and hung a copy of it between the Portuguese flag and the clock.",
    "Later that week two students of the University of Coimbra asked whether they could film the oven.",
    "They called their film Four O'Clock, and it was shown in Berlin, in Toronto and on a ferry to Tangier.",
)


def article(characters: int, paragraph: int = 6) -> str:
    """Paragraphs of some sentences, each numbered so that no two are equal, up to this length."""
    parts: list[str] = []
    length = number = 0
    while length < characters:
        rows = [SENTENCES[(number + step * 3) % len(SENTENCES)] for step in range(paragraph)]
        parts.append(f"{number + 1}. {' '.join(rows)}")
        length += len(parts[-1]) + 1
        number += 1
    return "\n".join(parts)[:characters]


def random_adapter(folder: Path, base: ModelRef) -> ModelRef:
    import peft
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.BertForTokenClassification.from_pretrained(base.folder, num_labels=len(TAGS))
    config = peft.LoraConfig(
        task_type="TOKEN_CLS",
        r=16,
        lora_alpha=32,
        target_modules=["query", "key", "value", "dense"],
        modules_to_save=["classifier"],
    )
    adapted = peft.get_peft_model(model, config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name or "modules_to_save" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    adapted.save_pretrained(folder)
    return ModelRef("random/tagger", "lora-tagger", str(folder), base=base, labels=TAGS, max_length=128)


def pipeline_of(ref: ModelRef) -> Any:
    """transformers' own, over the same weights: the adapter merged, as fast as it gets."""
    import peft
    import transformers

    assert ref.base is not None
    tokenizer = transformers.AutoTokenizer.from_pretrained(ref.base.folder)
    plain = transformers.BertForTokenClassification.from_pretrained(
        ref.base.folder,
        id2label=dict(enumerate(ref.labels)),
        label2id={label: place for place, label in enumerate(ref.labels)},
    )
    model = peft.PeftModel.from_pretrained(plain, ref.folder).merge_and_unload().eval()
    return transformers.pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu")


@contextmanager
def chosen(options: argparse.Namespace) -> Iterator[ModelRef]:
    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    if options.model:
        yield catalog.ref(catalog.get(options.model))
        return
    with tempfile.TemporaryDirectory() as folder:
        yield random_adapter(Path(folder), catalog.ref(catalog.encoder))


def ask(runtime: LocalRuntime, ref: ModelRef, text: str) -> Finished:
    event = list(iterate(lambda emit: runtime.submit(Tag(ref, text=text), emit, Cancel(600))))[-1]
    assert isinstance(event, Finished), event
    return event


def timed(sides: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Medians by side: seconds, and the process's CPU seconds, which a busy machine disturbs less."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for round_ in range(rounds):
        order = list(sides) if round_ % 2 else list(sides)[::-1]
        for name in order:
            started, cpu = time.perf_counter(), time.process_time()
            sides[name]()
            times[name].append((time.perf_counter() - started, time.process_time() - cpu))
    both = [{name: statistics.median(row[clock] for row in rows) for name, rows in times.items()} for clock in (0, 1)]
    return both[0], both[1]


def measure(options: argparse.Namespace, ref: ModelRef, runtime: LocalRuntime, title: str, text: str) -> dict[str, Any]:
    started = time.perf_counter()
    ask(runtime, ref, text)
    first = time.perf_counter() - started
    until = time.monotonic() + 30
    while ask(runtime, ref, "Ada").stats.path is None and time.monotonic() < until:
        time.sleep(0.2)  # until the adapter is merged, as on a warm server
    theirs = pipeline_of(ref)
    most = theirs.tokenizer.model_max_length
    seconds, cpu = timed(
        {
            "ours": lambda: ask(runtime, ref, text),
            "transformers_cut": lambda: theirs(text, aggregation_strategy="first"),
            "transformers_stride": lambda: theirs(text, aggregation_strategy="first", stride=most // 4),
        },
        options.rounds,
    )
    found = ask(runtime, ref, text)
    lines = [(start, ask(runtime, ref, text[start:end]).output.spans) for start, end in segment.lines(text)]
    one_by_one = [(span.start + start, span.end + start, span.label) for start, spans in lines for span in spans]
    all_tokens = len(theirs.tokenizer(text, verbose=False)["input_ids"])
    read = theirs.tokenizer(text, truncation=True, return_offsets_mapping=True)["offset_mapping"]
    return {
        "text": title,
        "model": ref.id,
        "characters": len(text),
        "path": found.stats.path,
        "load": os.getloadavg()[0],
        "first_seconds": first,
        "ours_seconds": seconds["ours"],
        "ours_cpu_seconds": cpu["ours"],
        "ours_tokens": found.stats.tokens_in,
        "ours_tokens_per_second": (found.stats.tokens_in or 0) / seconds["ours"],
        "ours_spans": len(found.output.spans),
        "ours_last_span_at": found.output.spans[-1].end if found.output.spans else None,
        "same_as_line_by_line": one_by_one == [(span.start, span.end, span.label) for span in found.output.spans],
        "note": found.stats.note,
        "transformers_cut_seconds": seconds["transformers_cut"],
        "transformers_cut_reads_characters": max(end for _, end in read),
        "transformers_stride_seconds": seconds["transformers_stride"],
        "transformers_stride_cpu_seconds": cpu["transformers_stride"],
        "transformers_stride_tokens_per_second": all_tokens / seconds["transformers_stride"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--chars", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")

    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    runtime = LocalRuntime(Settings(device="cpu", threads=options.threads))
    try:
        with chosen(options) as ref:
            text = article(options.chars)
            rows = [
                measure(options, ref, runtime, "paragraphs", text),
                measure(options, ref, runtime, "one line", text.replace("\n", " ")),
            ]
    finally:
        runtime.close()
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print()
        for name, value in row.items():
            print(f"{name:36}{value:.3f}" if isinstance(value, float) else f"{name:36}{value}")


if __name__ == "__main__":
    main()
