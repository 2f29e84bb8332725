"""A checkpoint that fills gaps, used as it is: any of transformers' `...ForMaskedLM`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedGaps
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._forms import GAPS
from playground.engine.models._gaps import HubReader, Words, by_row, columns_of, hub_words
from playground.engine.models._hub import HubModel
from playground.engine.models._windowed import Windowed

KIND = "ForMaskedLM"


class PipelineMasked(Windowed, HubModel):
    form = GAPS

    def __init__(self, module: Any, tokenizer: Any, reader: HubReader, words: Words, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        self.reader, self.gap_words = reader, words

    @property
    def gap_runner(self) -> PipelineMasked:
        return self

    def logits(self, rows: Sequence[tuple[PipelineMasked, EncodedGaps]]) -> list[np.ndarray]:
        import torch

        windows = [row for _, row in rows]
        with torch.inference_mode():
            found = self.forward(windows).logits  # [B, T, V]
            places = columns_of(windows, found.shape[1], self.tokenizer.padding_side == "left")
            lines, columns = (torch.from_numpy(place).to(found.device) for place in places)
            return by_row(found[lines, columns].float().cpu().numpy(), windows)


class PipelineMaskedLoader:
    name = "pipeline-masked"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineMasked:
        weights.weight_files(ref)  # says what is missing before anything is read
        said = weights.read_json(ref, "config.json").get("architectures") or [KIND]
        if not any(str(name).endswith(KIND) for name in said):
            raise NotSupported(f"The model {ref.id} fills no gaps: choose a masked language model.")
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_MASKED_LM_MAPPING", context)
        reader = HubReader(tokenizer, hf.longest(module.config, tokenizer), ref)
        return PipelineMasked(module, tokenizer, reader, hub_words(tokenizer), context)

    def unload(self, model: PipelineMasked, context: LoadContext) -> None:
        pass


LOADER = PipelineMaskedLoader()
