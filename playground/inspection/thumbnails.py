"""Heads of attention small enough to be seen all at once: a byte a weight, and of many tokens the strongest of each block."""

from __future__ import annotations

import math

import numpy as np

from playground.core.attention_types import FAINTEST

MOST = 64  # queries and keys of a thumbnail


def thumbnails(weights: np.ndarray) -> np.ndarray:
    """float32 [..., Q, K], each in 0..1 -> uint8 [..., q, k], q and k at most `MOST`.

    A byte stands for a weight on a logarithmic scale, so that it can be drawn on that scale or on a linear one: 0 for less than
    `FAINTEST`, and from there 1 to 255 for FAINTEST to 1. A step is 3.7 percent of a weight.
    """
    small = shrunk(shrunk(weights, -1), -2)
    with np.errstate(divide="ignore"):
        level = 1 - np.log(small) / math.log(FAINTEST)  # 0 at FAINTEST, 1 at 1
    found: np.ndarray = np.where(small < FAINTEST, 0, 1 + np.rint(254 * np.clip(level, 0, 1))).astype(np.uint8)
    return found


def shrunk(weights: np.ndarray, axis: int) -> np.ndarray:
    """The greatest of each block along an axis: blocks of one size, the last one smaller."""
    count = weights.shape[axis]
    block = -(-count // MOST)
    if block == 1:
        return weights
    return np.maximum.reduceat(weights, np.arange(0, count, block), axis=axis)
