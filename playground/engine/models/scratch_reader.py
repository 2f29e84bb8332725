"""Our own reader with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Context, EncodedQuestion, LoadContext
from playground.engine.models import _scratch
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of
from playground.engine.models._questions import Questions, as_context


class ScratchQuestions(Questions):
    """<cls> question <sep> context, as in training."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        from playground.scratch.tokenizer import CLS, SEP

        self._tokenizer = tokenizer
        first, between = ({"input_ids": [tokenizer.special(name)]} for name in (CLS, SEP))
        super().__init__((first, between, {"input_ids": []}), ({"input_ids": 0}, {"input_ids": 0}), longest)

    def context(self, text: str) -> Context:
        ids, spans, words = self._tokenizer.for_reader(text)
        return as_context(text, ids, _scratch.characters(text, spans), words)

    def names(self, ids: Sequence[int]) -> list[str]:
        return [self._tokenizer.specials[id_] for id_ in ids]


class ScratchReader:
    path: str | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self.module, self.device = module, context.device
        self.reader = ScratchQuestions(tokenizer, module.config.max_length)
        self.heads = module.config.layers * module.config.heads
        self.identity = identity_of(module, context)

    @property
    def span_runner(self) -> ScratchReader:
        return self

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> EncodedQuestion:
        return self.reader.encode(text, max_length)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return self.reader.shown(text, max_length)

    def logits(self, rows: Sequence[tuple[ScratchReader, EncodedQuestion]]) -> list[np.ndarray]:
        windows = [row for _, row in rows]
        found = self._forward(windows).float().cpu().numpy()  # [B, T, 2]
        return [
            np.concatenate([numbers[:1], numbers[slice(*row.context)]])
            for numbers, row in zip(found, windows, strict=True)
        ]

    def attend(self, row: EncodedQuestion) -> np.ndarray:
        weights: list[Any] = []
        self._forward([row], weights)
        return hf.attended(weights)

    def _forward(self, rows: Sequence[EncodedQuestion], record: list[Any] | None = None) -> Any:
        """Logits [B, T, 2] on the device; `record` receives each layer's attention weights [B, H, T, T]."""
        import torch

        ids, mask = _scratch.padded([row.inputs["input_ids"] for row in rows], self.device)  # [B, T]
        starts = torch.tensor([row.context[0] for row in rows], device=self.device)  # [B]
        with torch.inference_mode():
            return self.module(ids, mask, starts, record)


class ScratchReaderLoader:
    name = "scratch-reader"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchReader:
        from playground.scratch.model import EncoderReader, ReaderConfig

        return ScratchReader(*_scratch.build(ref, context, EncoderReader, ReaderConfig), context)

    def unload(self, model: ScratchReader, context: LoadContext) -> None:
        pass


LOADER = ScratchReaderLoader()
