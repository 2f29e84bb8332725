"""What all readers learn with: where an answer stands among tokens, and a loss over its first and its last one."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def token_span(offsets: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int] | None:
    """First and last token that hold the characters [start, end); None where no token holds one of the two ends."""
    first = next((i for i, (_, b) in enumerate(offsets) if b > start), None)
    last = next((i for i in range(len(offsets) - 1, -1, -1) if offsets[i][0] < end), None)
    return None if first is None or last is None or last < first else (first, last)


def span_loss(logits: Tensor, spans: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The mean of two cross-entropies, of the first and of the last token, among `spans`. logits [B, T, 2], spans bool [B, T],
    starts, ends int64 [B] -> scalar.
    """
    logits = logits.float().masked_fill(~spans[..., None], -torch.inf)
    return (F.cross_entropy(logits[..., 0], starts) + F.cross_entropy(logits[..., 1], ends)) / 2
