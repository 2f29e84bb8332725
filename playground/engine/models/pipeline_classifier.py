"""A checkpoint used as it is: what transformers' own text-classification pipeline computes, without its overhead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.task import canonical_label
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._forms import TEXT
from playground.engine.models._sequence import MAPPING, SequenceModel


class PipelineClassifier(SequenceModel):
    """What transformers' text-classification pipeline computes: its tokenizer and model; the softmax is the operation's.

    judges: whether its config says that each label is judged by itself.
    """

    form = TEXT

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        names = module.config.id2label
        self.labels = tuple(canonical_label(str(names[index])) for index in range(module.config.num_labels))
        self.judges = module.config.problem_type == "multi_label_classification"

    @property
    def runner(self) -> PipelineClassifier:
        return self

    def logits(self, rows: Sequence[tuple[PipelineClassifier, Encoded]]) -> list[np.ndarray]:
        return list(self.forward([row for _, row in rows]).logits.float().cpu().numpy())


class PipelineLoader:
    name = "pipeline-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineClassifier:
        module, tokenizer = hf.load_pretrained(ref, MAPPING, context)
        if module.config.num_labels < 2 or module.config.problem_type == "regression":
            raise LoadFailed(f"The model {ref.id} does not choose among several labels: choose another.")
        return PipelineClassifier(module, tokenizer, context)

    def unload(self, model: PipelineClassifier, context: LoadContext) -> None:
        pass


LOADER = PipelineLoader()
