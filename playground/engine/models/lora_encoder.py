"""A LoRA adapter that makes an encoder's sentence vectors fit a purpose, on an encoder that it shares. It has no head.

On disk: peft's FEATURE_EXTRACTION layout. Mean pooling, unit length, as the bare encoder's own. The pooler takes no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._agreement import difference
from playground.engine.models._forms import VECTOR
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._shared import SharedEncoder, pooled
from playground.engine.models.encoder import Encoder
from playground.engine.vectors import Vectors

SCALE = 20.0  # of a cosine, where two ways of computing it are compared as probabilities


class LoraEncoder(Adapted):
    form = VECTOR

    def __init__(self, encoder: Encoder, adapter: str, head: tuple[Any, Any] | None, identity: Identity) -> None:
        super().__init__(encoder, adapter, head, identity)
        self.known = Vectors()

    @property
    def vector_runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def encode(self, text: str, max_length: int) -> Encoded:
        return self.encoder.encode(text, max_length)

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return self.encoder.pieces(text, max_length)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        return pooled(output.last_hidden_state[list(at)], mask[list(at)])

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return list(numbers)

    def difference(self, plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
        """Of the probabilities with which each text matches each other one."""
        return difference(*([SCALE * row @ np.stack(vectors).T for row in vectors] for vectors in (plain, other)))


class EncoderAdapterLoader(AdapterLoader):
    name, task, purpose, headed = "lora-encoder", "FEATURE_EXTRACTION", "comparing texts", False
    outside = ("pooler.dense",)

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> type[LoraEncoder]:
        return LoraEncoder


LOADER = EncoderAdapterLoader()
