"""Attention from the text alone: what FakeRuntime answers to `Attend` and `Repeat`.

An encoder of 3 layers of 4 heads; a decoder, causal, of 2 of 4; an encoder-decoder has both, and one layer of 2 heads between them.
In each layer the first head looks at the token before, the second at the first token, the third here and there, the last alike.
A word of more than six letters is two tokens. Of a text of more than `WHOLE` tokens only the layers that are asked for are kept.
"""

from __future__ import annotations

import hashlib
import re
from zlib import crc32

import numpy as np

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName, RepeatScores, Side
from playground.core.calls import Attend, Repeat
from playground.core.errors import NotSupported
from playground.core.writing_task import DECODERS, REWRITERS
from playground.inspection import heads
from playground.inspection.sides import side
from playground.inspection.thumbnails import thumbnails

WHOLE = 120
LONGEST = 512
_PIECES = re.compile(r"\w{1,6}|[^\w\s]")
ENCODER = Part(PartName.ENCODER, 3, 4)
DECODER = Part(PartName.DECODER, 2, 4, causal=True)
REWRITER = (ENCODER, Part(PartName.DECODER, 2, 4, 1, 1, causal=True), Part(PartName.CROSS, 1, 2, 1, 0))


def fake_attention(call: Attend) -> AttentionMap:
    """Raises NotSupported where the text says so: "nothing to show"."""
    if "nothing to show" in call.text:
        raise NotSupported("This model has no attention to show: choose another one to look into.")
    loader, parts = call.model.loader, parts_of(call.model.loader)
    if loader in REWRITERS:
        sides = (_side(call.text, "", "</s>"), _side(call.target, "<pad>", ""))
    elif loader in DECODERS:
        sides = (_side(call.text, "<|endoftext|>", ""),)
    else:
        sides = (_side(call.text, "[CLS]", "[SEP]"),)
    kept = set(call.keep) or {(parts[0].name, 0)}
    whole = max(map(len, sides)) <= WHOLE
    return AttentionMap(sides, tuple(_map(part, sides, call.text, whole, kept) for part in parts))


def parts_of(loader: str) -> tuple[Part, ...]:
    if loader in REWRITERS:
        return REWRITER
    return (DECODER,) if loader in DECODERS else (ENCODER,)


def _side(text: str, first: str, last: str) -> Side:
    spans = [found.span() for found in _PIECES.finditer(text)][: LONGEST - 2]
    spans = [*([(0, 0)] if first else []), *spans, *([(0, 0)] if last else [])]
    names = [text[start:end] for start, end in spans]
    if first:
        names[0] = first
    if last:
        names[-1] = last
    return side(text, names, spans, [crc32(name.lower().encode("utf-8", "replace")) % 30000 for name in names])


def _map(part: Part, sides: tuple[Side, ...], text: str, whole: bool, kept: set[tuple[str, int]]) -> PartMap:
    queries, keys = sides[part.queries], sides[part.keys]
    layers = [_layer(part, len(queries), len(keys), f"{text} {part.name} {layer}") for layer in range(part.layers)]
    return PartMap(
        part,
        {layer: weights for layer, weights in enumerate(layers) if whole or (part.name, layer) in kept},
        np.stack([thumbnails(weights) for weights in layers]),
        np.stack([heads.scores(weights, part, queries, keys) for weights in layers]),
        heads.even(part, queries, keys),
    )


def _layer(part: Part, queries: int, keys: int, seed: str) -> np.ndarray:
    """float32 [heads, Q, K]: rows sum to 1, and a causal one sees nothing of what comes later."""
    generator = np.random.default_rng(
        int.from_bytes(hashlib.sha256(seed.encode("utf-8", "replace")).digest()[:8], "big")
    )
    logits = np.zeros((part.heads, queries, keys))
    before = np.maximum(np.arange(queries) - 1, 0) % keys
    logits[0, np.arange(queries), before] = 9
    logits[1, :, 0] = 7
    if part.heads > 2:
        logits[2] = 2 * generator.standard_normal((queries, keys))
    if part.causal:
        logits = np.where(np.tri(queries, keys, dtype=bool), logits, -np.inf)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def fake_repeats(call: Repeat) -> RepeatScores:
    """The third head of the second layer goes on as before, and the first one looks back by a token."""
    part = DECODER if call.model.loader in DECODERS else ENCODER
    scores = np.full((part.layers, part.heads), 0.03, np.float32)
    previous = scores.copy()
    scores[1, 2], previous[0, 0] = 0.9, 0.95
    return RepeatScores(part, scores, previous, 0.03, call.texts, 2 * call.length)
