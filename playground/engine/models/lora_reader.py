"""A LoRA adapter that finds answers in a context, on an encoder that it shares.

On disk: peft's QUESTION_ANS layout, trained over `BertForQuestionAnswering`. The head gives two numbers to each token of the last
layer (Devlin et al. 2019, arXiv 1810.04805, section 4.2). The encoder's pooler takes no part: no adapter stands on it. All token
types are 0: peft's forward pass of readers leaves them out, and so whoever trains with it has them so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._forms import SPAN
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._questions import HubQuestions, by_row, difference, own_places
from playground.engine.models._shared import SharedEncoder
from playground.engine.models._windowed import Windowed
from playground.engine.models.encoder import Encoder


class LoraReader(Windowed, Adapted):
    form = SPAN

    def __init__(
        self, encoder: Encoder, adapter: str, head: tuple[Any, Any] | None, identity: Identity, reader: HubQuestions
    ) -> None:
        super().__init__(encoder, adapter, head, identity)
        self.reader = reader

    @property
    def span_runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        hidden = output.last_hidden_state  # [B, T, D]
        left = self.encoder.tokenizer.padding_side == "left"
        lines, columns = own_places([rows[place] for place in at], hidden.shape[1], left)
        lines = np.asarray(at, dtype=np.int64)[lines]
        return hidden[torch.from_numpy(lines).to(hidden.device), torch.from_numpy(columns).to(hidden.device)]

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return by_row(numbers, rows)

    def difference(self, plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
        return difference(plain, other)


class ReaderLoader(AdapterLoader):
    name, task, purpose = "lora-reader", "QUESTION_ANS", "answering from a text"
    head = "qa_outputs"
    outside = ("pooler.dense",)

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> Callable[..., LoraReader]:
        reader = context.on_device(partial(HubQuestions, encoder.tokenizer, encoder.longest, ref, typed=False))
        return partial(LoraReader, reader=reader)


LOADER = ReaderLoader()
