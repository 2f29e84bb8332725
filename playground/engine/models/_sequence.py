"""What the loaders of whole `...ForSequenceClassification` checkpoints share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.engine.loaders import Encoded, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of
from playground.inspection import attention

MAPPING = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING"


class SequenceModel:
    labels: tuple[str, ...] = ()

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        self.heads = hf.heads(module.config)
        self.longest = hf.longest(module.config, tokenizer)
        self.identity = identity_of(module, context)

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.tokenizer, text, min(max_length, self.longest))

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return hf.pieces(self.tokenizer, text, min(max_length, self.longest))

    def attend(self, row: Encoded) -> np.ndarray:
        with attention.recorded() as weights:
            self.forward([row])
        return hf.attended(weights)

    def forward(self, rows: Sequence[Encoded]) -> Any:
        """Logits [B, L] on the device."""
        import torch

        with torch.inference_mode():
            return self.module(**hf.collate(self.tokenizer, rows, self.device)).logits
