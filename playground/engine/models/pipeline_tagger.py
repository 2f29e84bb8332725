"""A checkpoint that labels words, used as it is: any of transformers' `...ForTokenClassification`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedWords
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._forms import WORDS
from playground.engine.models._hub import HubModel
from playground.engine.models._windowed import Windowed
from playground.engine.models._words import HubReader, by_row, first_places

KIND = "ForTokenClassification"


class PipelineTagger(Windowed, HubModel):
    """Logits at each word's first piece. Tags are those of its config."""

    form = WORDS
    consistent = False

    def __init__(self, module: Any, tokenizer: Any, reader: HubReader, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        self.reader = reader
        names = module.config.id2label
        self.outputs = int(module.config.num_labels)
        self.labels = tuple(str(names[index]) for index in range(self.outputs))

    @property
    def word_runner(self) -> PipelineTagger:
        return self

    def logits(self, rows: Sequence[tuple[PipelineTagger, EncodedWords]]) -> list[np.ndarray]:
        import torch

        windows = [row for _, row in rows]
        with torch.inference_mode():
            found = self.forward(windows).logits  # [B, T, L]
            places = first_places(windows, found.shape[1], self.tokenizer.padding_side == "left")
            lines, columns = (torch.from_numpy(place).to(found.device) for place in places)
            return by_row(found[lines, columns].float().cpu().numpy(), windows)


class PipelineTaggerLoader:
    name = "pipeline-tagger"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineTagger:
        weights.weight_files(ref)  # says what is missing before anything is read
        said = weights.read_json(ref, "config.json").get("architectures") or [KIND]
        if not any(str(name).endswith(KIND) for name in said):  # a classifier's head may fit, and would answer nonsense
            raise NotSupported(f"The model {ref.id} labels no words: choose one for token classification.")
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING", context)
        reader = HubReader(tokenizer, hf.longest(module.config, tokenizer), ref)
        return PipelineTagger(module, tokenizer, reader, context)

    def unload(self, model: PipelineTagger, context: LoadContext) -> None:
        pass


LOADER = PipelineTaggerLoader()
