"""Our own transformer with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of


class ScratchClassifier:
    labels: tuple[str, ...] = ()  # its config counts labels; the catalog names them

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        from playground.scratch.tokenizer import CLS

        self.module, self.tokenizer, self.device = module, tokenizer, context.device
        self._first = [tokenizer.special(CLS)]
        self.identity = identity_of(module, context)

    @property
    def runner(self) -> ScratchClassifier:
        return self

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        """<cls> and the text's tokens, as in training."""
        ids = self._first + self.tokenizer.encode(text)
        most = min(max_length, self.module.config.max_length)
        return Encoded({"input_ids": ids[:most]}, len(ids) > most)

    def logits(self, rows: Sequence[tuple[ScratchClassifier, Encoded]]) -> list[np.ndarray]:
        import torch

        from playground.scratch.model import pad

        ids, mask = pad([list(row.inputs["input_ids"]) for _, row in rows])  # [B, T] each
        with torch.inference_mode():
            return list(self.module(ids.to(self.device), mask.to(self.device)).float().cpu().numpy())


class ScratchLoader:
    name = "scratch-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchClassifier:
        import torch

        from playground.scratch.model import EncoderClassifier, EncoderConfig
        from playground.scratch.tokenizer import Tokenizer

        context.report("reading the weights", 0.0)
        weights.verify(ref, but=(weights.WEIGHTS,))
        state = weights.tensors(ref)
        try:
            with torch.device(
                "meta"
            ):  # no random start, which would be thrown away and would stir others' random numbers
                module = EncoderClassifier(EncoderConfig(**weights.read_json(ref, "config.json")))
            module.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
            tokenizer = Tokenizer.load(Path(ref.folder) / "tokenizer.json")
        except (RuntimeError, TypeError, ValueError, KeyError, OSError) as error:
            raise LoadFailed(f"The model {ref.id} cannot be built from its files: train it or get it again.") from error
        context.report("moving to the device", 0.8)
        return ScratchClassifier(hf.to_device(module, ref, context), tokenizer, context)

    def unload(self, model: ScratchClassifier, context: LoadContext) -> None:
        pass


LOADER = ScratchLoader()
