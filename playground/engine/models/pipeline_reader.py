"""A checkpoint that finds answers in a context, used as it is: any of transformers' `...ForQuestionAnswering`. transformers 5 has
no pipeline for it any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedQuestion
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._forms import SPAN
from playground.engine.models._hub import HubModel
from playground.engine.models._questions import HubQuestions, by_row, own_places
from playground.engine.models._windowed import Windowed

KIND = "ForQuestionAnswering"


class PipelineReader(Windowed, HubModel):
    form = SPAN

    def __init__(self, module: Any, tokenizer: Any, reader: HubQuestions, context: LoadContext) -> None:
        super().__init__(module, tokenizer, context)
        self.reader = reader

    @property
    def span_runner(self) -> PipelineReader:
        return self

    def logits(self, rows: Sequence[tuple[PipelineReader, EncodedQuestion]]) -> list[np.ndarray]:
        import torch

        windows = [row for _, row in rows]
        with torch.inference_mode():
            found = self.forward(windows)
            logits = torch.stack([found.start_logits, found.end_logits], dim=-1)  # [B, T, 2]
            places = own_places(windows, logits.shape[1], self.tokenizer.padding_side == "left")
            lines, columns = (torch.from_numpy(place).to(logits.device) for place in places)
            return by_row(logits[lines, columns].float().cpu().numpy(), windows)


class PipelineReaderLoader:
    name = "pipeline-reader"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineReader:
        weights.weight_files(ref)  # says what is missing before anything is read
        said = weights.read_json(ref, "config.json").get("architectures") or [KIND]
        if not any(str(name).endswith(KIND) for name in said):  # another head may fit, and would answer nonsense
            raise NotSupported(f"The model {ref.id} finds no answers in a text: choose one for question answering.")
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_QUESTION_ANSWERING_MAPPING", context)
        reader = HubQuestions(tokenizer, hf.longest(module.config, tokenizer), ref)
        return PipelineReader(module, tokenizer, reader, context)

    def unload(self, model: PipelineReader, context: LoadContext) -> None:
        pass


LOADER = PipelineReaderLoader()
