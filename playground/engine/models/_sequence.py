"""What the loaders of whole `...ForSequenceClassification` checkpoints share."""

from __future__ import annotations

from typing import Any

from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._hub import HubModel

MAPPING = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING"


class SequenceModel(HubModel):
    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        self.longest = hf.longest(module.config, tokenizer)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.tokenizer, text, min(max_length, self.longest))

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return hf.pieces(self.tokenizer, text, min(max_length, self.longest))
