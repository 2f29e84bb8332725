"""Batches of pairs of similar lengths, a fixed number of target tokens in each."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


class PairBatches:
    """A function from the step to its sources int64 [B, S] and targets int64 [B, T], padded; epoch after epoch.

    Pairs are sorted by their lengths, those of equal lengths in an order that changes with the epoch, and cut where the next pair
    would make the targets more than `tokens` (sources: twice as many); so all epochs have as many steps, `per_epoch`. The
    order of the batches is random.
    """

    def __init__(
        self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], tokens: int, pad: int, seed: int
    ) -> None:
        """Raises ValueError without pairs."""
        if not sources:
            raise ValueError("There is no pair to learn from.")
        self.sources, self.targets = sources, targets
        self.pad, self.seed = pad, seed
        self._lengths = np.array([[len(target) for target in targets], [len(source) for source in sources]])  # [2, N]
        self._cuts = self._cut(tokens)
        self._epoch, self._order, self._batches = -1, np.arange(0), np.arange(0)

    @property
    def per_epoch(self) -> int:
        return len(self._cuts) - 1

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, within = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            random = np.random.default_rng([self.seed, epoch])
            self._order = self._sorted(random.permutation(len(self.sources)))
            self._batches = random.permutation(self.per_epoch)
            self._epoch = epoch
        at = self._batches[within]
        rows = self._order[self._cuts[at] : self._cuts[at + 1]]
        return self._padded([self.sources[row] for row in rows]), self._padded([self.targets[row] for row in rows])

    def _sorted(self, order: np.ndarray) -> np.ndarray:
        """By target length, then source length; otherwise as they were."""
        targets, sources = self._lengths[:, order]
        return order[np.lexsort((sources, targets))]

    def _cut(self, tokens: int) -> list[int]:
        """Where batches begin in the sorted order, and where the last one ends."""
        targets, sources = self._lengths[:, self._sorted(np.arange(len(self.sources)))]
        cuts, widest = [0], 0
        for at, (target, source) in enumerate(zip(targets.tolist(), sources.tolist(), strict=True)):
            widest = max(widest, source)
            rows = at + 1 - cuts[-1]
            if rows > 1 and (rows * target > tokens or rows * widest > 2 * tokens):
                cuts.append(at)
                widest = source
        return [*cuts, len(targets)]

    def _padded(self, rows: Sequence[Sequence[int]]) -> Tensor:
        length = max(map(len, rows))
        return torch.tensor([[*row, *[self.pad] * (length - len(row))] for row in rows])
