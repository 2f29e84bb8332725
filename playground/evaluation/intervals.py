"""How sure a measured figure is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927, p. 209-212); 95 % by default. (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = p + z * z / (2 * n)
    margin = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At p = 0 and p = 1 the bound is exact; rounding must not push it past the proportion itself.
    return min(p, max(0.0, (centre - margin) / scale)), max(p, min(1.0, (centre + margin) / scale))


def bootstrap(
    counts: np.ndarray, figure: Callable[[np.ndarray], np.ndarray], resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of a figure that is computed from counts summed over examples (Efron and Tibshirani 1993,
    "An Introduction to the Bootstrap", ch. 13). Examples are drawn, not words: those of one text are not independent.

    counts: [examples, k]. figure: sums [resamples, k] to values [resamples], NaN where a sample tells nothing. The same seed
    gives the same interval. Of few examples it is too narrow, and of one a point. (0, 1) where no sample tells anything.
    """
    n = len(counts)
    random = np.random.default_rng(seed)
    places, columns = np.nonzero(counts)  # of 500 labels an example has one or two
    values = counts[places, columns].astype(np.float64)
    sums = np.empty((resamples, counts.shape[1]))
    for row in range(resamples):
        drawn = np.bincount(random.integers(0, n, n), minlength=n)  # how often each
        sums[row] = np.bincount(columns, weights=drawn[places] * values, minlength=counts.shape[1])
    figures = figure(sums)
    figures = figures[~np.isnan(figures)]
    if not len(figures):
        return 0.0, 1.0
    low, high = np.percentile(figures, [2.5, 97.5])
    return float(low), float(high)


def percentile(values: Sequence[float], q: float) -> float | None:
    """Linear interpolation between closest ranks; `q` in 0..1. None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
