"""A LoRA adapter that fills gaps, on an encoder that it shares.

On disk: peft's layout over `BertForMaskedLM`, the head's transform through `modules_to_save`, and the decoder's bias beside it. The
decoder's weights are the encoder's own word embeddings: they are in memory once, and in no adapter's file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._forms import GAPS
from playground.engine.models._gaps import HubReader, Words, by_row, columns_of, hub_words
from playground.engine.models._lora import Adapted, AdapterLoader
from playground.engine.models._shared import SharedEncoder
from playground.engine.models._windowed import Windowed
from playground.engine.models.encoder import Encoder

_HEAD = "cls.predictions."
_PARTS = (
    "transform.dense.weight",
    "transform.dense.bias",
    "transform.LayerNorm.weight",
    "transform.LayerNorm.bias",
    "bias",
)


class LoraMasked(Windowed, Adapted):
    """head: the tensors of `_PARTS`, in their order: [H, H], [H], [H], [H], [V]."""

    form = GAPS

    def __init__(
        self,
        encoder: Encoder,
        adapter: str,
        head: tuple[Any, ...],
        identity: Identity,
        reader: HubReader,
        words: Words,
    ) -> None:
        super().__init__(encoder, adapter, head, identity)
        self.reader, self.gap_words = reader, words

    @property
    def gap_runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        hidden = output.last_hidden_state  # [B, T, H]
        left = self.encoder.tokenizer.padding_side == "left"
        lines, columns = columns_of([rows[place] for place in at], hidden.shape[1], left)
        lines = np.asarray(at, dtype=np.int64)[lines]
        return hidden[torch.from_numpy(lines).to(hidden.device), torch.from_numpy(columns).to(hidden.device)]  # [N, H]

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        """Logits [N, V], as BertLMPredictionHead computes them."""
        from torch.nn import functional as F

        assert self.head is not None
        dense, shift, scale, offset, bias = self.head
        x = F.gelu(F.linear(self.read(output, mask, rows, at).float(), dense, shift))
        x = F.layer_norm(x, (len(scale),), scale, offset, self.encoder.norm_eps)
        return F.linear(x, self.encoder.word_embeddings.float(), bias)

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return by_row(numbers, rows)


class MaskedLoader(AdapterLoader):
    name, task, purpose = "lora-masked", "MASKED_LM", "filling gaps"
    outside = ("pooler.dense",)

    def parts(self, rest: Mapping[str, Any]) -> tuple[Any, ...] | None:
        if rest.keys() != {f"{_HEAD}{part}" for part in _PARTS}:
            return None
        return tuple(rest[f"{_HEAD}{part}"] for part in _PARTS)

    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> Callable[..., LoraMasked]:
        def build() -> tuple[HubReader, Words]:  # tokenizers keep state
            return HubReader(encoder.tokenizer, encoder.longest, ref), hub_words(encoder.tokenizer)

        reader, words = context.on_device(build)

        def model(base: Encoder, name: str, head: tuple[Any, ...], identity: Identity) -> LoraMasked:
            if len(head[-1]) != len(base.word_embeddings) or head[0].shape[1] != base.word_embeddings.shape[1]:
                raise LoadFailed(f"The adapter {ref.id} is for another vocabulary: train it again on this encoder.")
            return LoraMasked(base, name, head, identity, reader, words)

        return partial(model)


LOADER = MaskedLoader()
