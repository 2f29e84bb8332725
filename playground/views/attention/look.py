"""A look as numbers for the page: thumbnails of all heads, their scores and labels, and the texts' tokens. No weights: those of one
head are sent when it is chosen.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from playground.core.attention_types import FAINTEST, AttentionMap, PartMap, PartName, Side
from playground.core.head_measures import MEASURES
from playground.core.types import Stats
from playground.views.attention.kinds import labels

TITLES = {
    PartName.ENCODER: "encoder",
    PartName.DECODER: "decoder",
    PartName.CROSS: "decoder to encoder",
}


MOST_POINTS = 600_000  # of all heads' thumbnails that are sent, a byte each: 144 heads of 64 x 64 are less


def look(found: AttentionMap, stats: Stats) -> dict[str, Any]:
    return {
        "sides": [_side(side) for side in found.sides],
        "parts": [_part(one, small) for one, small in zip(found.parts, _within(found), strict=True)],
        "measures": [measure.name for measure in MEASURES],
        "faintest": FAINTEST,
        "note": stats.note,
        "fingerprint": stats.fingerprint,
    }


def _side(side: Side) -> dict[str, Any]:
    """starts, ends: in characters of `text`."""
    return {
        "text": side.text,
        "tokens": list(side.tokens),
        "starts": [start for start, _ in side.spans],
        "ends": [end for _, end in side.spans],
        "special": [int(mark) for mark in side.special],
        "words": list(side.words),
    }


def _within(found: AttentionMap) -> list[np.ndarray]:
    """Thumbnails of all parts, uint8 [layers, heads, q, k]: of very many heads smaller ones, the strongest of each block."""
    small = [one.thumbnails for one in found.parts]
    while sum(part.size for part in small) > MOST_POINTS and max(max(part.shape[2:]) for part in small) > 1:
        small = [_halved(_halved(part, 2), 3) for part in small]
    return small


def _halved(array: np.ndarray, axis: int) -> np.ndarray:
    return np.maximum.reduceat(array, np.arange(0, array.shape[axis], 2), axis=axis)


def _part(one: PartMap, small: np.ndarray) -> dict[str, Any]:
    """thumbnails: deflated bytes [layers, heads, q, k] in base64. scores: null for what says nothing of this text.
    labels: what kind of head each is, empty where nothing dominates.
    """
    part, (_, _, queries, keys) = one.part, small.shape
    return {
        "name": str(part.name),
        "title": TITLES[part.name],
        "layers": part.layers,
        "heads": part.heads,
        "queries": part.queries,
        "keys": part.keys,
        "causal": part.causal,
        "whole": one.whole,
        "q": queries,
        "k": keys,
        "thumbnails": packed(small),
        "labels": labels(one),
        "scores": [[_numbers(head) for head in layer] for layer in one.scores],
    }


def packed(array: np.ndarray) -> str:
    """The array's bytes in row order, deflated (zlib), in base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode("ascii")


def _numbers(scores: np.ndarray) -> list[float | None]:
    return [None if np.isnan(score) else round(float(score), 4) for score in scores]
