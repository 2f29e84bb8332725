"""A model's input embeddings: a token's nearest neighbours, and a map of some tokens. numpy alone: no model is built."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from playground.core.embedding_types import Map, Matrix, Neighbours
from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.inspection import embedding_files

MOST_KEPT = 400 * 2**20  # bytes of matrices in memory together; one that is larger is not read

_Entry = tuple[Matrix, np.ndarray, np.ndarray]  # what it is, float32 [V, D], the vectors' lengths [V]


class LocalEmbeddings:
    """`EmbeddingPeek` over this machine's files. Thread-safe; keeps the matrices that were looked at last, within `MOST_KEPT`."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[ModelRef, _Entry] = OrderedDict()

    def neighbours(self, ref: ModelRef, token: int, most: int = 10) -> Neighbours:
        matrix, vectors, norms = self._matrix(ref)
        _check(matrix, [token])
        ids, cosines = nearest(vectors, norms, token, most)
        return Neighbours(matrix, ids, cosines, float(norms[token]))

    def map(self, ref: ModelRef, ids: Sequence[int]) -> Map:
        matrix, vectors, _ = self._matrix(ref)
        _check(matrix, ids)
        points, shares = principal(vectors[np.asarray(ids, dtype=np.int64)])
        return Map(matrix, np.asarray(ids, dtype=np.int32), points, shares)

    def _matrix(self, ref: ModelRef) -> _Entry:
        with self._lock:  # also while it is read: two visitors must not read one file at once
            found = self._found(ref)
            while len(self._kept) > 1 and self._bytes() > self._most:
                self._kept.popitem(last=False)
            return found

    def _found(self, ref: ModelRef) -> _Entry:
        found = self._kept.pop(ref, None) or self._read(ref)
        self._kept[ref] = found  # the last one used is at the end
        return found

    def _read(self, ref: ModelRef) -> _Entry:
        if ref.base is None:
            matrix, vectors = embedding_files.read(ref, self._most)
            return matrix, vectors, np.linalg.norm(vectors, axis=1)
        matrix, vectors, norms = self._found(ref.base)
        mine, said = embedding_files.adapted(ref, vectors)
        if mine is not vectors:
            norms = np.linalg.norm(mine, axis=1)
        return replace(matrix, said=said), mine, norms

    def _bytes(self) -> int:
        """Adapters that leave their base's matrix as it is share it."""
        return sum({id(vectors): vectors.nbytes for _, vectors, _ in self._kept.values()}.values())


def nearest(vectors: np.ndarray, norms: np.ndarray, token: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The `most` rows of [V, D] with the greatest cosine to row `token`, itself left out, and the cosines; of equals the lower id
    first.

    A vector of length 0 has no direction: its cosine counts as 0, as that of such a `token` to all. Cosines of word vectors:
    Mikolov et al. 2013, “Efficient Estimation of Word Representations in Vector Space” (arXiv 1301.3781).
    """
    scale = norms * norms[token]
    cosines = np.divide(vectors @ vectors[token], scale, out=np.zeros_like(norms), where=scale > 0)
    cosines = np.clip(cosines, -1, 1)
    most = min(most, len(vectors) - 1)
    if most < 1:
        return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    cosines[token] = -2  # below all others
    least = np.partition(cosines, len(cosines) - most)[len(cosines) - most]
    found = np.flatnonzero(cosines >= least)
    found = found[np.argsort(-cosines[found], kind="stable")][:most]
    return found.astype(np.int32), cosines[found].astype(np.float32)


def principal(vectors: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """[N, D] to its first two principal components [N, 2], and the share of the variance that each has.

    By the singular values of the centred vectors (Pearson 1901; Jolliffe, “Principal Component Analysis”, 2nd ed. 2002, 3.5). An
    axis has no direction of its own: it points to where its largest coordinate is positive, so that the same tokens make the same
    map.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(vectors), 2))
    many = min(2, len(values))
    points[:, :many] = left[:, :many] * values[:many]
    largest = points[np.abs(points).argmax(axis=0), [0, 1]]
    points *= np.where(largest < 0, -1, 1)
    total = float((values**2).sum())
    shares = [float(value**2) / total if total > 0 else 0.0 for value in values[:2]] + [0.0, 0.0]
    return points.astype(np.float32), (shares[0], shares[1])


def _check(matrix: Matrix, ids: Sequence[int]) -> None:
    if any(not 0 <= token < matrix.rows for token in ids):
        raise NotSupported(f"The model {matrix.model} has no vector for this token: choose another one.")
