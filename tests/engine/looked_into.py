"""Tiny models of every way that models are made, with a text for each to be looked into while they read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.core.types import ModelRef

from . import readers, rewriters
from .writers import load

PLAIN = "the plot was not good and I loved the film"
QUESTION = "was it good?\nthe plot was not good and I loved the film"


@dataclass(frozen=True)
class Case:
    ref: ModelRef
    text: str = PLAIN
    target: str = ""


def ours(folder: Path) -> ModelRef:
    """An encoder-decoder of ours."""
    import torch

    from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig
    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.train([PLAIN, "Il était là, et c'est ça."] * 3, 290, ("<pad>", "<start>", "<end>"))
    torch.manual_seed(2)
    shape = {"dim": 24, "layers": 2, "heads": 4, "hidden": 32, "context": 40, "positions": "rotary", "norm": "rms"}
    model = Seq2Seq(Seq2SeqConfig(vocabulary=len(tokenizer), **shape, encoder_layers=3, source_context=48))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    model.save(folder)
    tokenizer.save(folder / "tokenizer.json")
    (folder / "checkpoint.json").write_text('{"plain": {"’": "\'", "…": "..."}}', encoding="utf-8")
    return ModelRef("tiny/rewriter", "scratch-seq2seq", str(folder))


def cases(root: Path, tiny: Any, taggers: Any, matchers: Any, fillers: Any, writers: Any) -> dict[str, Case]:
    asked = readers.make(root / "readers")
    pairs = rewriters.make(root / "rewriters")
    (root / "ours").mkdir()
    gaps = "the plot was [MASK] good and I loved the [MASK]"
    again = {"text": "a good film, not bad.", "target": "the cafe was not bad"}
    return {
        "encoder": Case(tiny.encoder_ref),
        "lora-classifier": Case(tiny.adapter_ref(0)),
        "pipeline-classifier": Case(tiny.classifier_ref),
        "scratch-classifier": Case(tiny.scratch_ref),
        "lora-encoder": Case(matchers.lora),
        "scratch-encoder": Case(matchers.scratch),
        "lora-tagger": Case(taggers.general, "Ada didn't go"),
        "pipeline-tagger": Case(taggers.roberta, "Ada didn't go"),
        "scratch-tagger": Case(taggers.scratch, "Ada didn't go"),
        "lora-reader": Case(asked.lora, QUESTION),
        "pipeline-reader": Case(asked.bert, QUESTION),
        "scratch-reader": Case(asked.scratch, QUESTION),
        "lora-masked": Case(fillers.lora, gaps),
        "pipeline-masked": Case(fillers.whole, gaps),
        "scratch-masked": Case(fillers.scratch, gaps),
        "gpt2": Case(writers.gpt2),
        "llama": Case(writers.llama),
        "sliding": Case(writers.sliding),
        "lora-decoder": Case(writers.lora),
        "scratch-decoder": Case(writers.ours),
        "scratch-letters": Case(writers.letters, "a good film, and not bad"),
        "t5": Case(pairs.ref("t5"), **again),
        "bart": Case(pairs.ref("bart"), **again),
        "marian": Case(pairs.ref("marian"), **again),
        "lora-seq2seq": Case(pairs.lora, **again),
        "scratch-seq2seq": Case(ours(root / "ours"), PLAIN, "Il était là"),
    }


NAMES = (
    *("encoder", "lora-classifier", "pipeline-classifier", "scratch-classifier", "lora-encoder", "scratch-encoder"),
    *("lora-tagger", "pipeline-tagger", "scratch-tagger", "lora-reader", "pipeline-reader", "scratch-reader"),
    *("lora-masked", "pipeline-masked", "scratch-masked"),
    *("gpt2", "llama", "sliding", "lora-decoder", "scratch-decoder", "scratch-letters"),
    *("t5", "bart", "marian", "lora-seq2seq", "scratch-seq2seq"),
)


class Looked:
    """The cases, and their models, each loaded once."""

    def __init__(self, found: dict[str, Case]) -> None:
        self.cases = found
        self._models: dict[str, Any] = {}

    def model(self, name: str) -> Any:
        if name not in self._models:
            self._models[name] = load(self.cases[name].ref)
        return self._models[name]

    def seen(self, name: str) -> tuple[Any, Any]:
        """Its insides, and its text as it reads it."""
        case, inside = self.cases[name], self.model(name).insides
        return inside, inside.read(case.text, case.target, 64)
