"""A LoRA adapter that classifies texts, on an encoder that it shares.

On disk: peft's SEQ_CLS layout, trained over `BertForSequenceClassification`. The head reads the encoder's pooled [CLS]
vector, as BERT's does (its dropout is off).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models._forms import TEXT
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._shared import SharedEncoder
from playground.engine.models.encoder import Encoder


class LoraClassifier(Adapted):
    form = TEXT

    @property
    def runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def encode(self, text: str, max_length: int) -> Encoded:
        return self.encoder.encode(text, max_length)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return self.encoder.pieces(text, max_length)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        return output.pooler_output[list(at)]

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return list(numbers)


class ClassifierLoader(AdapterLoader):
    name, task, purpose = "lora-classifier", "SEQ_CLS", "classification"

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> type[LoraClassifier]:
        return LoraClassifier


LOADER = ClassifierLoader()
