"""What the loaders of whole checkpoints of transformers share: a module and its tokenizer, used as they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of
from playground.inspection import attention


class HubModel:
    path: str | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        self.heads = hf.heads(module.config)
        self.identity = identity_of(module, context)

    @property
    def group(self) -> Hashable:
        return id(self)

    def attend(self, row: Encoded) -> np.ndarray:
        with attention.recorded() as weights:
            self.forward([row])
        return hf.attended(weights)

    def forward(self, rows: Sequence[Encoded]) -> Any:
        """transformers' own output of the rows as one padded batch, on the device."""
        import torch

        with torch.inference_mode():
            return self.module(**hf.collate(self.tokenizer, rows, self.device))
