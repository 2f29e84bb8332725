"""Looks of any shape, with the same weights for the same text."""

import numpy as np

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName
from playground.inspection.sides import side

ADAPTER, TRANSLATOR = "bundled/sentiment-general", "bundled/translation-scratch"
ENCODER = (Part(PartName.ENCODER, 5, 2),)
THREE = (
    Part(PartName.ENCODER, 3, 2),
    Part(PartName.DECODER, 2, 2, 1, 1, causal=True),
    Part(PartName.CROSS, 2, 2, 1, 0),
)


def weights_of(part, sides):
    """The same for the same text, rows of ones' sum."""
    queries, keys = len(sides[part.queries]), len(sides[part.keys])
    random = np.random.default_rng([part.layers, queries, keys]).random(
        (part.layers, part.heads, queries, keys), np.float32
    )
    return random / random.sum(-1, keepdims=True)


def made(*texts, parts=ENCODER, keep=None):
    """keep: (part, layer) pairs; None: all."""
    sides = tuple(side(text, list(text), [(at, at + 1) for at in range(len(text))], range(len(text))) for text in texts)
    maps = []
    for part in parts:
        weights = weights_of(part, sides)
        kept = {n: weights[n] for n in range(part.layers) if keep is None or (part.name, n) in keep}
        small = np.zeros((part.layers, part.heads, 1, 1), np.uint8)
        maps.append(PartMap(part, kept, small, np.zeros((part.layers, part.heads, 0), np.float32)))
    return AttentionMap(sides, tuple(maps))
