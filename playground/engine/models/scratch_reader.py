"""Our own reader with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Context, EncodedQuestion
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._forms import SPAN
from playground.engine.models._questions import Questions, as_context
from playground.engine.models._windowed import Windowed


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


class ScratchReader(Windowed, _scratch.ScratchModel):
    form = SPAN

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, context)
        self.reader = ScratchQuestions(tokenizer, module.config.max_length)

    @property
    def span_runner(self) -> ScratchReader:
        return self

    def logits(self, rows: Sequence[tuple[ScratchReader, EncodedQuestion]]) -> list[np.ndarray]:
        windows = [row for _, row in rows]
        found = self.forward(windows).float().cpu().numpy()  # [B, T, 2]
        return [
            np.concatenate([numbers[:1], numbers[slice(*row.context)]])
            for numbers, row in zip(found, windows, strict=True)
        ]

    def forward(self, rows: Sequence[EncodedQuestion], record: list[Any] | None = None) -> Any:
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
