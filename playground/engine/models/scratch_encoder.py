"""Our own encoder of sentences with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._forms import VECTOR
from playground.engine.vectors import Vectors


class ScratchEncoder(_scratch.WholeTextModel):
    form = VECTOR

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        self.known = Vectors()

    @property
    def vector_runner(self) -> ScratchEncoder:
        return self

    def vectors(self, rows: Sequence[tuple[ScratchEncoder, Encoded]]) -> list[np.ndarray]:
        return list(self.embed([row for _, row in rows]))

    def embed(self, rows: Sequence[Encoded]) -> np.ndarray:
        """float32 [B, D]. Of length 1 in float32 too, where the module computes in less."""
        import torch

        with torch.inference_mode():
            unit: np.ndarray = torch.nn.functional.normalize(self.forward(rows).float(), dim=-1).cpu().numpy()
        return unit


class ScratchEncoderLoader:
    name = "scratch-encoder"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchEncoder:
        from playground.scratch.model import EncoderEmbedder

        return ScratchEncoder(*_scratch.build(ref, context, EncoderEmbedder, EncoderEmbedder.config_class), context)

    def unload(self, model: ScratchEncoder, context: LoadContext) -> None:
        pass


LOADER = ScratchEncoderLoader()
