"""What a decoder looks at of the texts that were read for it, and never computes again: their keys and values in every layer.

While a text is written, what it is made of stays as it is: its keys and values are computed once, before the first token (cross-
attention: Vaswani et al. 2017, section 3.2.3). The file knows tensors; it knows no model.

Letters in the comments, for shapes:
    B  rows                       S  tokens of the longest text that was read
    H  heads, each D/H numbers wide
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from playground.scratch.cache import KVCache


@dataclass(frozen=True)
class Sources:
    """Texts that were read, one per row.

    keys, values: of every layer [layers, B, H, S, D/H].   mask: bool [B, S], False where a text has ended.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor

    def __len__(self) -> int:
        """Rows."""
        return len(self.mask)

    def select(self, rows: Sequence[int]) -> "Sources":
        """Row i is what rows[i] was, without the padding that no row needs any more."""
        rows = list(rows)
        mask = self.mask[rows]
        longest = int(mask.sum(dim=1).max()) if rows else 0
        return Sources(self.keys[:, rows, :, :longest], self.values[:, rows, :, :longest], mask[:, :longest])

    def join(self, other: "Sources") -> "Sources":
        """The rows of another behind the rows of this one; the shorter is padded."""
        longest = max(self.mask.shape[1], other.mask.shape[1])
        wide = [one.padded(longest) for one in (self, other)]
        return Sources(
            torch.cat([one.keys for one in wide], dim=1),
            torch.cat([one.values for one in wide], dim=1),
            torch.cat([one.mask for one in wide]),
        )

    def padded(self, longest: int) -> "Sources":
        """With padding on the right, to so many tokens."""
        more = longest - self.mask.shape[1]
        keys, values = (pad(one, (0, 0, 0, more)) for one in (self.keys, self.values))
        return Sources(keys, values, pad(self.mask, (0, more)))


class SourcedCache(KVCache):
    """A cache whose rows are written of something: each row's source goes where the row goes."""

    def __init__(self, sources: Sources, context: int) -> None:
        """Empty, a row for each source. context: the most tokens that a row can have."""
        layers, rows, heads, _, width = sources.keys.shape
        super().__init__(layers, heads, width, context, rows, sources.keys.device, sources.keys.dtype)
        self.sources = sources

    def select(self, rows: Sequence[int]) -> None:
        rows = list(rows)
        super().select(rows)
        if rows != list(range(len(self.sources))):
            self.sources = self.sources.select(rows)

    def join(self, other: "SourcedCache") -> None:
        super().join(other)
        self.sources = self.sources.join(other.sources)
