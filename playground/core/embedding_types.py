"""What crosses rooms about a model's input embeddings: vectors stay behind, numbers about them come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Matrix:
    """Which matrix was looked at. rows: its vocabulary. width: numbers in a vector. tensor: its name in the file.

    model: the checkpoint whose file it is in. said: what an adapter does to it; empty where there is none.
    """

    model: str
    tensor: str
    rows: int
    width: int
    said: str = ""


@dataclass(frozen=True)
class Neighbours:
    """ids: int32 [K], the nearest first, the token itself left out. cosines: float32 [K], -1 to 1. norm: its vector's length."""

    matrix: Matrix
    ids: np.ndarray
    cosines: np.ndarray
    norm: float


@dataclass(frozen=True)
class Map:
    """ids: int32 [N]. points: float32 [N, 2], the two principal components. shares: of the variance, that each axis has."""

    matrix: Matrix
    ids: np.ndarray
    points: np.ndarray
    shares: tuple[float, float]
