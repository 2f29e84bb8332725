"""A checkpoint used as it is, through transformers' own text-classification pipeline."""

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


class PipelineClassifier:
    """The pipeline's tokenizer and forward pass; its softmax is the operation's, as for every classifier."""

    def __init__(self, pipeline: Any, context: LoadContext) -> None:
        self.pipeline = pipeline
        module = pipeline.model
        names = module.config.id2label
        self.labels = tuple(canonical_label(str(names[index])) for index in range(module.config.num_labels))
        self._longest = hf.longest(module.config, pipeline.tokenizer)
        self.identity = identity_of(module, context)

    @property
    def runner(self) -> PipelineClassifier:
        return self

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.pipeline.tokenizer, text, min(max_length, self._longest))

    def logits(self, rows: Sequence[tuple[PipelineClassifier, Encoded]]) -> list[np.ndarray]:
        inputs = hf.collate(self.pipeline.tokenizer, [row for _, row in rows], self.pipeline.device)
        output = self.pipeline.forward(inputs)  # no gradients, and back on the CPU
        return list(output["logits"].float().numpy())


class PipelineLoader:
    name = "pipeline-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineClassifier:
        import transformers

        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING", context)
        if module.config.num_labels < 2 or module.config.problem_type not in (None, "single_label_classification"):
            raise LoadFailed(f"The model {ref.id} does not choose one label out of several: choose another.")
        pipeline = transformers.pipeline(
            "text-classification", model=module, tokenizer=tokenizer, device=context.device
        )
        return PipelineClassifier(pipeline, context)

    def unload(self, model: PipelineClassifier, context: LoadContext) -> None:
        pass


LOADER = PipelineLoader()
