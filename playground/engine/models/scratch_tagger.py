"""Our own tagger with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedWords
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._forms import WORDS
from playground.engine.models._windowed import Windowed
from playground.engine.models._words import Piece, Reader


class ScratchReader(Reader):
    """<cls> and the words' tokens, as in training."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        from playground.scratch.tokenizer import CLS

        self._tokenizer = tokenizer
        super().__init__({"input_ids": [tokenizer.special(CLS)]}, {"input_ids": []}, {"input_ids": 0}, longest)

    def pieces(self, lines: Sequence[Sequence[str]]) -> list[list[list[Piece]]]:
        return [[self._pieces(word) for word in line] for line in lines]

    def names(self, ids: Sequence[int]) -> list[str]:
        return [self._tokenizer.specials[id_] for id_ in ids]

    def _pieces(self, word: str) -> list[Piece]:
        ids, spans = self._tokenizer.encode_with_offsets(word)
        places = _scratch.characters(word, spans)
        return [(id_, start, end) for id_, (start, end) in zip(ids, places, strict=True)]


class ScratchTagger(Windowed, _scratch.ScratchModel):
    form = WORDS
    consistent = True

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, context)
        self.reader = ScratchReader(tokenizer, module.config.max_length)
        self.outputs: int = module.config.labels

    @property
    def word_runner(self) -> ScratchTagger:
        return self

    def logits(self, rows: Sequence[tuple[ScratchTagger, EncodedWords]]) -> list[np.ndarray]:
        windows = [row for _, row in rows]
        found = self.forward(windows).float().cpu().numpy()  # [B, W, L]
        return [numbers[: len(row.words)] for numbers, row in zip(found, windows, strict=True)]

    def forward(self, rows: Sequence[EncodedWords], record: list[Any] | None = None) -> Any:
        """Logits [B, W, L] on the device; `record` receives each layer's attention weights [B, H, T, T]."""
        import torch

        ids, mask = _scratch.padded([row.inputs["input_ids"] for row in rows], self.device)  # [B, T]
        words, _ = _scratch.padded([_word_of(row) for row in rows], self.device, padding=-1)  # [B, T]
        with torch.inference_mode():
            return self.module(ids, mask, words, record)


def _word_of(row: EncodedWords) -> list[int]:
    """The place of each token's word; -1 for a special token."""
    found = [-1] * row.tokens
    for word, (start, end) in enumerate(row.words):
        found[start:end] = [word] * (end - start)
    return found


class ScratchTaggerLoader:
    name = "scratch-tagger"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchTagger:
        from playground.scratch.model import EncoderTagger, TaggerConfig

        return ScratchTagger(*_scratch.build(ref, context, EncoderTagger, TaggerConfig), context)

    def unload(self, model: ScratchTagger, context: LoadContext) -> None:
        pass


LOADER = ScratchTaggerLoader()
