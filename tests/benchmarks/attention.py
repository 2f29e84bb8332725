"""What it takes to look into a model: the attention of a text, each head switched off, the answer layer by layer.

    python -m tests.benchmarks.attention [--rounds 5] [--threads 2] [--json]

Through the runtime, warm; medians. The bundled encoder of 6 x 12 heads with an adapter reads one sentence, and a BERT of 12 x 12
heads with random weights 128 tokens and 512. Promises: each of the 72 heads switched off in 2 s; the attention of 12 x 12 x 128 on
screen within 2 s, of which this is the engine's part.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from playground.catalog import Catalog
from playground.core.calls import AblateEach, Attend, Call, LookThrough
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.core.types import ModelRef
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

SENTENCE = "The plot was thin and the jokes were old, but I laughed more than I want to admit."


def random_bert(folder: Path) -> ModelRef:
    """12 layers of 12 heads, 768 wide; its words are one letter each."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    torch.manual_seed(0)
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz"]
    plain = Tokenizer(models.WordPiece({name: at for at, name in enumerate(names)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    plain.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, model_max_length=512, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]"
    )
    transformers.BertForSequenceClassification(transformers.BertConfig(vocab_size=1000)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return ModelRef("random/bert", "pipeline-classifier", str(folder), max_length=512)


def seconds(runtime: LocalRuntime, call: Call, rounds: int) -> tuple[float, int]:
    """Median of warm rounds, and the tokens."""
    took, tokens = [], 0
    for turn in range(rounds + 1):
        started = time.perf_counter()
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(120))))[-1]
        assert isinstance(last, Finished), last
        tokens = last.stats.tokens_in or 0
        if turn:
            took.append(time.perf_counter() - started)
    return statistics.median(took), tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    small = catalog.ref(catalog.get("bundled/sentiment-general"))
    runtime = LocalRuntime(Settings(device="cpu", threads=args.threads))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        large = random_bert(Path(folder))
        letters = {count: " ".join("abcdefghij"[at % 10] for at in range(count - 2)) for count in (128, 512)}
        calls = {
            "attention, 6 x 12": Attend(small, text=SENTENCE),
            "each head switched off, 6 x 12": AblateEach(small, text=SENTENCE),
            "layer by layer, 6 layers": LookThrough(small, text=SENTENCE),
            "attention, 12 x 12": Attend(large, text=letters[128]),
            "attention, 12 x 12, long": Attend(large, text=letters[512]),
            "each head switched off, 12 x 12": AblateEach(large, text=letters[128]),
        }
        for name, call in calls.items():
            took, tokens = seconds(runtime, call, args.rounds if call.model is small else min(2, args.rounds))
            found[name] = {"seconds": round(took, 4), "tokens": tokens}
            if not args.json:
                print(f"{name:34} {tokens:4} tokens  {took:8.3f} s", flush=True)
        runtime.close()
    if args.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
