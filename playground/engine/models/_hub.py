"""What the loaders of whole checkpoints of transformers share: a module and its tokenizer, used as they are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._encoder_insides import EncoderInsides, HubBody
from playground.engine.models._forms import Form
from playground.engine.models._identity import identity_of


class HubModel:
    """form: of its answers."""

    form: Form
    path: str | None = None
    labels: tuple[str, ...] = ()

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        self.identity = identity_of(module, context)

    @property
    def group(self) -> Hashable:
        return id(self)

    @property
    def insides(self) -> EncoderInsides:
        config = self.module.config
        body = HubBody(hf.one_part(self.module), lambda: self.module.base_model, lambda row: self.forward([row]))
        return EncoderInsides(self, self.form, body, hf.longest(config, self.tokenizer))

    def forward(self, rows: Sequence[Encoded]) -> Any:
        """transformers' own output of the rows as one padded batch, on the device."""
        import torch

        with torch.inference_mode():
            return self.module(**hf.collate(self.tokenizer, rows, self.device))
