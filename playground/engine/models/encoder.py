"""A transformers encoder over a folder: embeds texts, and is the backbone that LoRA adapters share.

It knows nothing of labels. Everything here that touches the module runs on the device thread. Every forward pass says
which adapter each row wants. Rows of several adapters, or of none, share a pass by peft's `adapter_names` ("Inference with
different LoRA adapters in the same batch"); a batch of one kind takes the plain path, a third faster for a single row.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.attention_types import Part
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._encoder_insides import EncoderInsides, HubBody
from playground.engine.models._forms import VECTOR
from playground.engine.models._hosting import BARE, AdapterHost
from playground.engine.models._identity import identity_of
from playground.engine.models._merged import Copies
from playground.engine.models._shared import SharedEncoder, pooled
from playground.engine.vectors import Vectors


class Encoder(AdapterHost):
    """As a sharer of itself (`_shared`), it gives the vectors of sentences."""

    labels: tuple[str, ...] = ()
    path: str | None = None
    adapter = BARE
    merged: Any = None

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module)
        self.tokenizer = tokenizer
        self.device = context.device
        self.dtype = context.dtype
        self.longest = hf.longest(module.config, tokenizer)
        self.prefix = f"{module.base_model_prefix}."  # of its own names in the files of what stands on it
        self.identity = identity_of(module, context)
        self.copies = Copies()
        self.known = Vectors()

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.tokenizer, text, min(max_length, self.longest))

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return hf.pieces(self.tokenizer, text, min(max_length, self.longest))

    @property
    def part(self) -> Part:
        """Raises NotSupported."""
        return hf.one_part(self._bare)

    @property
    def insides(self) -> EncoderInsides:
        body = HubBody(self.part, lambda: self.module, lambda row: self.forward([row], [BARE]))
        return EncoderInsides(self, VECTOR, body, self.longest)

    def forward(self, rows: Sequence[Encoded], adapters: Sequence[str]) -> tuple[Any, Any]:
        """One adapter name (or BARE) per row -> the model's output and the attention mask [B, T]."""
        import torch

        inputs = hf.collate(self.tokenizer, rows, self.device)
        with torch.inference_mode():
            if self._adapted is not None and len(set(adapters)) > 1:
                return self._adapted(**inputs, adapter_names=list(adapters)), inputs["attention_mask"]
            self.switch(adapters[0])
            return self._bare(**inputs), inputs["attention_mask"]

    # -- as a model of its own

    @property
    def vector_runner(self) -> SharedEncoder:
        return SharedEncoder(self)

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        return pooled(output.last_hidden_state[list(at)], mask[list(at)])

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return list(numbers)

    def embed(self, rows: Sequence[Encoded]) -> np.ndarray:
        return np.stack(self.vector_runner.plain([(self, row) for row in rows]))

    @property
    def word_embeddings(self) -> Any:
        """[V, H], as they lie in the module: a masked head ends in them."""
        return self._bare.get_input_embeddings().weight

    @property
    def norm_eps(self) -> float:
        return float(getattr(self._bare.config, "layer_norm_eps", 1e-12))


class EncoderLoader:
    name = "encoder"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> Encoder:
        module, tokenizer = hf.load_pretrained(ref, "MODEL_MAPPING", context)
        return Encoder(module, tokenizer, context)

    def unload(self, model: Encoder, context: LoadContext) -> None:
        pass


LOADER = EncoderLoader()
