"""What a decoder need not compute twice: the keys and values of the tokens that it has read.

A token's key and value depend on what stands before it, never on what comes after: once computed they stay. With them kept, the
next token costs a pass over one token instead of one over the whole text (Pope et al. 2022, arXiv 2211.05102, section 2). The file
knows the tensors and the texts' lengths; it knows no model.

    row      0  T h e _ c a t .  .  .      lengths[0] = 7
             1  A _ d .  .  .  .  .  .     lengths[1] = 3: the next token of either goes to its own place,
             2  O n c e _ u p o n .        lengths[2] = 9  and nobody looks at what stands behind a row's length

Rows have their own lengths, so that texts of different age share a batch with no padding between them; a row can be dropped,
repeated, moved (beams) or joined at any time.

Letters in the comments, for shapes:
    B  rows                       T  new tokens per row        U  tokens of the longest row, the new ones included
    H  heads, each D/H numbers wide
"""

from collections.abc import Sequence

import torch
from torch import Tensor

ROOM = 64  # tokens that a row has room for at first


class KVCache:
    """Keys and values of every layer: [layers, rows, H, room, D/H] each. Memory grows with the texts: the room for rows and that
    for tokens are doubled when they are short.

    A pass of the model over T new tokens:

        cache.begin(T)  ->  cache.append(0, k, v), cache.append(1, k, v), ... layer by layer  ->  cache.end()
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        width: int,
        context: int,
        rows: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """width: D/H. context: the most tokens that a row can have."""
        # zeros, because weights of 0 would not silence the NaN that uninitialised memory may hold
        self.keys = torch.zeros(layers, rows, heads, min(ROOM, context), width, device=device, dtype=dtype)
        self.values = torch.zeros_like(self.keys)
        self.context = context
        self.lengths = [0] * rows
        self._new = 0  # T, of the pass that is going on
        self._places: Tensor | None = None  # where its tokens go, where every row needs its own

    def __len__(self) -> int:
        """Rows in use."""
        return len(self.lengths)

    # -- one pass ------------------------------------------------------------------------------------------------------

    def begin(self, new: int) -> tuple[Tensor, Tensor | None]:
        """T, the number of new tokens -> their places in their texts, and which tokens each may look at.

        places: int64, [T] when all rows have the same length, else [B, T].
        allowed: bool [1 or B, 1, T, U]; None when each may look at all up to itself and attention needs no mask to know it: in a
        first pass, and where rows of the same length get a single token.
        Raises ValueError when a row has no room for them.
        """
        longest = max(self.lengths) + new
        if longest > self.context:
            raise ValueError(f"A text of {longest} tokens does not fit into a context of {self.context}.")
        self._reserve(tokens=longest)
        self._new = new
        even = min(self.lengths) == max(self.lengths)
        steps = torch.arange(new, device=self.keys.device)  # [T]
        if even:
            places, self._places = steps + self.lengths[0], None
        else:
            places = self._places = torch.tensor(self.lengths, device=steps.device)[:, None] + steps  # [B, 1] + [T]
        if even and (new == 1 or self.lengths[0] == 0):
            return places, None
        columns = torch.arange(longest, device=steps.device)  # [U]
        return places, columns <= places.reshape(-1, 1, new, 1)

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """k, v [B, H, T, D/H] of a layer's new tokens -> keys, values [B, H, U, D/H] of all its tokens. No gradient comes back."""
        rows, used = len(self), max(self.lengths) + self._new
        for store, fresh in ((self.keys[layer], k.detach()), (self.values[layer], v.detach())):
            if self._places is None:
                store[:rows, :, used - self._new : used] = fresh
            else:
                each = torch.arange(rows, device=store.device)[:, None]  # [B, 1]
                store[each, :, self._places] = fresh.transpose(1, 2)  # [B, T, H, D/H]
        return self.keys[layer, :rows, :, :used], self.values[layer, :rows, :, :used]

    def end(self) -> None:
        """All layers have appended to the same places: now every row is T tokens longer."""
        self.lengths = [length + self._new for length in self.lengths]

    # -- between passes ------------------------------------------------------------------------------------------------

    def forget(self, rows: Sequence[int], tokens: int = 1) -> None:
        """The last tokens of these rows are read no more: as if the pass had been one of the other rows alone."""
        for row in rows:
            self.lengths[row] -= tokens

    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes what rows[i] was: drops rows, repeats them, moves them (as a beam search does after every token)."""
        rows = list(rows)
        used = max(self.lengths, default=0)
        if rows == list(range(len(rows))):  # the first ones, as they are
            self.lengths = self.lengths[: len(rows)]
            return
        keys, values = self.keys[:, rows, :, :used], self.values[:, rows, :, :used]  # copies
        self._reserve(len(rows))
        self.keys[:, : len(rows), :, :used] = keys
        self.values[:, : len(rows), :, :used] = values
        self.lengths = [self.lengths[row] for row in rows]

    def join(self, other: "KVCache") -> None:
        """The rows of another cache of the same model come behind the rows of this one."""
        here, there, used = len(self), len(other), max(other.lengths, default=0)
        if used > self.context:
            raise ValueError(f"A text of {used} tokens does not fit into a context of {self.context}.")
        self._reserve(here + there, used)
        self.keys[:, here : here + there, :, :used] = other.keys[:, :there, :, :used]
        self.values[:, here : here + there, :, :used] = other.values[:, :there, :, :used]
        self.lengths += other.lengths

    def _reserve(self, rows: int = 0, tokens: int = 0) -> None:
        """Room for so many rows of so many tokens: twice the room when it is short, so that what grows one by one is not copied
        each time. Without the memory for it nothing has changed.
        """
        layers, here, heads, room, width = self.keys.shape
        if rows <= here and tokens <= room:
            return
        more = here if rows <= here else max(rows, 2 * here)
        longer = room if tokens <= room else min(self.context, max(tokens, 2 * room))
        keys, values = (self.keys.new_zeros(layers, more, heads, longer, width) for _ in range(2))
        keys[:, :here, :, :room], values[:, :here, :, :room] = self.keys, self.values
        self.keys, self.values = keys, values
