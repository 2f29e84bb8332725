"""What our own decoding (`scratch/decoding.py`, `scratch/beams.py`) asks of an encoder-decoder of transformers: what follows.

The encoder reads a source once; its states, and the decoder's keys and values of them, stay with every text that is made of it.
All of it runs on the device thread.

Letters in the comments, for shapes:
    B  texts in the batch      S  tokens of a source      T  tokens of a text      D  width      V  size of the vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# (source states [B, S, D], their mask [B, S], ids [B, T], a cache of transformers or None) -> logits [B, T, V]
Decode = Callable[[Any, Any, Any, Any], Any]


@dataclass
class Block:
    """Texts of one length, in one cache of transformers, and what each was made of: states [B, S, D], mask [B, S]."""

    states: Any
    mask: Any
    past: Any
    length: int = 0

    def __len__(self) -> int:
        return len(self.mask)

    def select(self, rows: Sequence[int]) -> Block:
        """Row i is what rows[i] was. This block is not to be used afterwards: its cache has become the other's."""
        if list(rows) == list(range(len(self))):
            return self
        import torch

        at = torch.tensor(rows, device=self.mask.device)
        if self.length:  # a cache that has seen nothing has no rows
            self.past.batch_select_indices(at)
        return Block(self.states[at], self.mask[at], self.past, self.length)

    def copy(self) -> Block:
        from copy import deepcopy

        return Block(self.states, self.mask, deepcopy(self.past), self.length)


class SourcedCache:
    """Rows of texts that are being written; to `Batch` and `BeamSearch` what a `KVCache` is.

    Rows that were written together lie in one block and share a pass of the decoder. Those that joined later have their own: how
    old a text is, transformers' decoders count for all rows of a cache alike.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = list(blocks)

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [block.length for block in self.blocks for _ in range(len(block))]

    def join(self, other: SourcedCache) -> None:
        """The rows of another cache come behind the rows of this one."""
        self.blocks += other.blocks

    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes what rows[i] was."""
        places = [(at, row) for at, block in enumerate(self.blocks) for row in range(len(block))]
        runs: list[tuple[int, list[int]]] = []  # rows of one block that stand together
        for at, row in (places[row] for row in rows):
            if not runs or runs[-1][0] != at:
                runs.append((at, []))
            runs[-1][1].append(row)
        left = [at for at, _ in runs]
        self.blocks = [
            (self.blocks[at].copy() if at in left[place + 1 :] else self.blocks[at]).select(chosen)
            for place, (at, chosen) in enumerate(runs)
        ]

    def forget(self, rows: Sequence[int], tokens: int = 1) -> None:
        """The last tokens of these rows are read no more: as if the pass had been one of the other rows alone."""
        gone, first, found = set(rows), 0, []
        for block in self.blocks:
            own = range(first, first + len(block))
            first += len(block)
            kept = [row - own.start for row in own if row not in gone]
            back = [row - own.start for row in own if row in gone]
            if kept and back:
                raise ValueError("Rows that are written together go on together.")
            if back:
                block.past.crop(-tokens)
                block.length -= tokens
            found.append(block)
        self.blocks = found


@dataclass(frozen=True)
class Limits:
    """context: the most tokens that a text can have."""

    context: int


class Reading:
    """A model, and one source that it has read: stands where a GPT does, to be written on with."""

    def __init__(self, decode: Decode, states: Any, mask: Any, context: int) -> None:
        """states [1, S, D], mask [1, S]."""
        self._decode, self._states, self._mask = decode, states, mask
        self.config = Limits(context)
        self.device = mask.device

    def cache(self, rows: int = 1) -> SourcedCache:
        """An empty cache for texts of this source."""
        from transformers import DynamicCache, EncoderDecoderCache

        states, mask = (part.expand(rows, *part.shape[1:]) for part in (self._states, self._mask))
        return SourcedCache([Block(states, mask, EncoderDecoderCache(DynamicCache(), DynamicCache()))])

    def following(self, ids: Any, cache: SourcedCache) -> Any:
        """ids [B, T] -> logits [B, V] of what follows the last token; a pass for each of the cache's blocks."""
        import torch

        found, first = [], 0
        with torch.inference_mode():
            for block in cache.blocks:
                own = ids[first : first + len(block)]
                first += len(block)
                found.append(self._decode(block.states, block.mask, own, block.past)[:, -1])
                block.length += own.shape[1]
            return torch.cat(found)

    def __call__(self, ids: Any) -> Any:
        """ids [1, T] -> logits [1, T, V]."""
        import torch

        with torch.inference_mode():
            return self._decode(self._states, self._mask, ids, None)
