"""Our own transformer with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, LoadContext
from playground.engine.models import _scratch
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of


class ScratchClassifier:
    path: str | None = None
    labels: tuple[str, ...] = ()  # its config counts labels; the catalog names them

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        from playground.scratch.tokenizer import CLS

        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        self._first = [tokenizer.special(CLS)]
        self._first_name = CLS
        self.heads = module.config.layers * module.config.heads
        self.identity = identity_of(module, context)

    @property
    def runner(self) -> ScratchClassifier:
        return self

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        """<cls> and the text's tokens, as in training."""
        ids = self._first + self.tokenizer.encode(text)
        most = min(max_length, self.module.config.max_length)
        return Encoded({"input_ids": ids[:most]}, len(ids) > most)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        """As `encode`. A token that holds only a part of a character's bytes stands for the whole character."""
        _, spans = self.tokenizer.encode_with_offsets(text)
        most = min(max_length, self.module.config.max_length) - 1
        places = [(0, 0), *_scratch.characters(text, spans[:most])]
        return (self._first_name, *(text[start:end] for start, end in places[1:])), tuple(places)

    def logits(self, rows: Sequence[tuple[ScratchClassifier, Encoded]]) -> list[np.ndarray]:
        return list(self._forward([row for _, row in rows]).float().cpu().numpy())

    def attend(self, row: Encoded) -> np.ndarray:
        weights: list[Any] = []
        self._forward([row], weights)
        return hf.attended(weights)

    def _forward(self, rows: Sequence[Encoded], record: list[Any] | None = None) -> Any:
        """Logits [B, L] on the device; `record` receives each layer's attention weights [B, H, T, T]."""
        import torch

        ids, mask = _scratch.padded([row.inputs["input_ids"] for row in rows], self.device)  # [B, T] each
        with torch.inference_mode():
            return self.module(ids, mask, record)


class ScratchLoader:
    name = "scratch-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchClassifier:
        from playground.scratch.model import EncoderClassifier, EncoderConfig

        return ScratchClassifier(*_scratch.build(ref, context, EncoderClassifier, EncoderConfig), context)

    def unload(self, model: ScratchClassifier, context: LoadContext) -> None:
        pass


LOADER = ScratchLoader()
