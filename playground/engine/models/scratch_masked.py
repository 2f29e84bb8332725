"""Our own masked model with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from playground.core import gaps
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import EncodedGaps
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._forms import GAPS
from playground.engine.models._gaps import Piece, Reader, Words, by_row
from playground.engine.models._windowed import Windowed


class ScratchReader(Reader):
    """<cls> and the text's tokens, as in training. A gap takes the blank before it along, as the words do that stand there."""

    def __init__(self, tokenizer: Any, longest: int) -> None:
        from playground.scratch.tokenizer import CLS, MASK

        self._tokenizer = tokenizer
        first = {"input_ids": [tokenizer.special(CLS)]}
        super().__init__(first, {"input_ids": []}, {"input_ids": 0}, tokenizer.special(MASK), longest)

    def pieces(self, text: str) -> list[Piece]:
        found: list[Piece] = []
        at = 0
        parts = text.split(gaps.MASK)
        for place, part in enumerate(parts):
            last = place == len(parts) - 1
            read = part if last else part.removesuffix(" ")
            ids, spans = self._tokenizer.encode_with_offsets(read)
            places = _scratch.characters(read, spans)
            found += [(id_, at + start, at + end) for id_, (start, end) in zip(ids, places, strict=True)]
            at += len(part)
            if not last:
                found.append((self.mask, at, at + len(gaps.MASK)))
                at += len(gaps.MASK)
        return found

    def names(self, ids: Sequence[int]) -> list[str]:
        return [self._tokenizer.specials[id_] for id_ in ids]


def scratch_words(tokenizer: Any) -> Words:
    said = [tokenizer.decode([id_]) for id_ in range(len(tokenizer))]
    return Words(["" if "\ufffd" in text else text.strip() for text in said])


class ScratchMasked(Windowed, _scratch.ScratchModel):
    form = GAPS

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        super().__init__(module, context)
        self.reader = ScratchReader(tokenizer, module.config.max_length)
        self.gap_words = scratch_words(tokenizer)

    @property
    def gap_runner(self) -> ScratchMasked:
        return self

    def logits(self, rows: Sequence[tuple[ScratchMasked, EncodedGaps]]) -> list[np.ndarray]:
        windows = [row for _, row in rows]
        return by_row(self.forward(windows).float().cpu().numpy(), windows)

    def forward(self, rows: Sequence[EncodedGaps], record: list[Any] | None = None) -> Any:
        """Logits [N, V] on the device; `record` receives each layer's attention weights [B, H, T, T]."""
        import torch

        ids, mask = _scratch.padded([row.inputs["input_ids"] for row in rows], self.device)  # [B, T]
        asked, _ = _scratch.padded([_asked(row) for row in rows], self.device)  # [B, T]
        with torch.inference_mode():
            return self.module(ids, mask, asked.bool(), record)


def _asked(row: EncodedGaps) -> list[int]:
    """1 at each gap, 0 elsewhere."""
    found = [0] * row.tokens
    for place in row.gaps:
        found[place] = 1
    return found


class ScratchMaskedLoader:
    name = "scratch-masked"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchMasked:
        from playground.scratch.model import EncoderMasked, MaskedConfig

        return ScratchMasked(*_scratch.build(ref, context, EncoderMasked, MaskedConfig), context)

    def unload(self, model: ScratchMasked, context: LoadContext) -> None:
        pass


LOADER = ScratchMaskedLoader()
