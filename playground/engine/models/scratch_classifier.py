"""Our own transformer with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._forms import TEXT


class ScratchClassifier(_scratch.WholeTextModel):
    form = TEXT

    @property
    def runner(self) -> ScratchClassifier:
        return self

    def logits(self, rows: Sequence[tuple[ScratchClassifier, Encoded]]) -> list[np.ndarray]:
        return list(self.forward([row for _, row in rows]).float().cpu().numpy())


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
