"""What the models from scratch that read whole texts learn with: texts as tokens, cut and hidden by chance, and read in batches."""

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from playground.scratch.model import EncoderClassifier, EncoderEmbedder, pad
from playground.scratch.tokenizer import MASK, Tokenizer


class Texts:
    """Texts as <cls> and token ids, cut anew at each call when BPE-dropout is on."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> None:
        self.tokenizer, self.texts, self.max_length = tokenizer, texts, max_length
        self.ids = [tokenizer.for_classifier(text, max_length) for text in texts]
        self.lengths = [len(ids) for ids in self.ids]

    def __call__(
        self, batch: Sequence[int], dropout: float = 0.0, random: Random | None = None
    ) -> tuple[Tensor, Tensor]:
        """ids int64 [B, T] and mask bool [B, T] of the texts with these indices."""
        if not dropout:
            return pad([self.ids[i] for i in batch])
        return pad([self.tokenizer.for_classifier(self.texts[i], self.max_length, dropout, random) for i in batch])


def hide(ids: Tensor, mask: Tensor, share: float, tokenizer: Tokenizer) -> Tensor:
    """ids [B, T] with `share` of the tokens, by torch's chance, turned into <mask>. <cls> stays, and so does padding."""
    drop = (torch.rand(ids.shape) < share) & mask
    drop[:, 0] = False
    return ids.masked_fill(drop, tokenizer.special(MASK))


@torch.inference_mode()
def outputs(model: EncoderClassifier | EncoderEmbedder, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """What the model makes of each text, [N, ...] in the texts' order. Texts are cut at its length; <cls> stands first in each."""
    data = Texts(tokenizer, texts, model.config.max_length)
    order = sorted(range(len(texts)), key=lambda i: data.lengths[i])
    rows: list[Tensor] = [torch.empty(0)] * len(texts)
    for at in range(0, len(order), 64):
        part = order[at : at + 64]
        for i, row in zip(part, model(*data(part)), strict=True):
            rows[i] = row
    return torch.stack(rows)
