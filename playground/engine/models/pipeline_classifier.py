"""A checkpoint used as it is: what transformers' own text-classification pipeline computes, without its overhead."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.task import canonical_label
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of
from playground.inspection import attention


class PipelineClassifier:
    """What transformers' text-classification pipeline computes: its tokenizer and model; the softmax is the operation's."""

    path: str | None = None

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        names = module.config.id2label
        self.labels = tuple(canonical_label(str(names[index])) for index in range(module.config.num_labels))
        self.heads = hf.heads(module.config)
        self._longest = hf.longest(module.config, tokenizer)
        self.identity = identity_of(module, context)

    @property
    def runner(self) -> PipelineClassifier:
        return self

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.tokenizer, text, min(max_length, self._longest))

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return hf.pieces(self.tokenizer, text, min(max_length, self._longest))

    def logits(self, rows: Sequence[tuple[PipelineClassifier, Encoded]]) -> list[np.ndarray]:
        return list(self._forward([row for _, row in rows]).float().cpu().numpy())

    def attend(self, row: Encoded) -> np.ndarray:
        with attention.recorded() as weights:
            self._forward([row])
        return hf.attended(weights)

    def _forward(self, rows: Sequence[Encoded]) -> Any:
        """Logits [B, L] on the device."""
        import torch

        with torch.inference_mode():
            return self.module(**hf.collate(self.tokenizer, rows, self.device)).logits


class PipelineLoader:
    name = "pipeline-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineClassifier:
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING", context)
        if module.config.num_labels < 2 or module.config.problem_type == "regression":
            raise LoadFailed(f"The model {ref.id} does not choose among several labels: choose another.")
        return PipelineClassifier(module, tokenizer, context)

    def unload(self, model: PipelineClassifier, context: LoadContext) -> None:
        pass


LOADER = PipelineLoader()
