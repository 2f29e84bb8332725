"""Sentence vectors that are kept, e.g. of the labels that texts are compared with. They belong to one loaded model, and go
with it. Device thread only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

MOST = 2048
MOST_BYTES = 2 * 2**20  # 1,365 vectors of 384 dimensions: all labels of our tasks, and two lists of 500 of visitors


class Vectors:
    """The least recently used leave first."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> np.ndarray | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, vector: np.ndarray) -> None:
        """A copy: what is handed in may be a row of a batch, which would stay in memory with it."""
        before = self._kept.pop(key, None)
        self.bytes += vector.nbytes - (0 if before is None else before.nbytes)
        self._kept[key] = vector.copy()
        while len(self._kept) > self._most or self.bytes > self._most_bytes:
            self.bytes -= self._kept.popitem(last=False)[1].nbytes
