"""How sure a measured figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence


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


def percentile(values: Sequence[float], q: float) -> float | None:
    """Linear interpolation between closest ranks; `q` in 0..1. None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
