"""A LoRA adapter that labels words, on an encoder that it shares.

On disk: peft's TOKEN_CLS layout, trained over `BertForTokenClassification`. The head reads the last layer at each word's first
piece (Devlin et al. 2019, arXiv 1810.04805, section 5.3). The encoder's pooler takes no part: no adapter stands on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._forms import WORDS
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._shared import SharedEncoder
from playground.engine.models._windowed import Windowed
from playground.engine.models._words import HubReader, by_row, first_places
from playground.engine.models.encoder import Encoder


class LoraTagger(Windowed, Adapted):
    form = WORDS
    consistent = True

    def __init__(
        self, encoder: Encoder, adapter: str, head: tuple[Any, Any] | None, identity: Identity, reader: HubReader
    ) -> None:
        super().__init__(encoder, adapter, head, identity)
        self.reader = reader

    @property
    def word_runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        hidden = output.last_hidden_state  # [B, T, D]
        lines, columns = first_places(
            [rows[place] for place in at], hidden.shape[1], self.encoder.tokenizer.padding_side == "left"
        )
        lines = np.asarray(at, dtype=np.int64)[lines]
        return hidden[torch.from_numpy(lines).to(hidden.device), torch.from_numpy(columns).to(hidden.device)]

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return by_row(numbers, rows)


class TaggerLoader(AdapterLoader):
    name, task, purpose = "lora-tagger", "TOKEN_CLS", "labelling words"
    outside = ("pooler.dense",)

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> Callable[..., LoraTagger]:
        reader = context.on_device(partial(HubReader, encoder.tokenizer, encoder.longest, ref))  # tokenizers keep state
        return partial(LoraTagger, reader=reader)


LOADER = TaggerLoader()
