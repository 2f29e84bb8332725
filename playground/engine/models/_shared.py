"""Rows of different users of one encoder in one forward pass: adapters with heads, adapters without, the bare encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from playground.engine.inputs import Encoded


class Sharer(Protocol):
    """A model whose rows an encoder computes. `adapter`: the encoder's name for its own; `merged`: a module of its own that
    answers in the encoder's place, or None.
    """

    adapter: str

    @property
    def merged(self) -> Any: ...

    def through(self, module: Any, rows: Sequence[Any]) -> list[np.ndarray]:
        """Answers of each row, by that module."""

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        """What it makes of some rows of a padded batch: float32 [N, K]. mask [B, T]: of the whole batch."""

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """[N, K] of some rows -> those of each row."""


class SharedEncoder:
    """Rows of any of an encoder's sharers: those with a copy of their own by it, all others in one forward pass."""

    def __init__(self, encoder: Any) -> None:
        self.encoder = encoder

    def logits(self, rows: Sequence[tuple[Any, Any]]) -> list[np.ndarray]:
        found: list[Any] = [None] * len(rows)
        places = _places(rows)
        merged = {model: at for model, at in places.items() if model.merged is not None}
        for model, at in merged.items():
            for place, row in zip(at, model.through(model.merged, [rows[place][1] for place in at]), strict=True):
                found[place] = row
        rest = sorted(place for model, at in places.items() if model not in merged for place in at)
        if rest:
            for place, row in zip(rest, self.plain([rows[place] for place in rest]), strict=True):
                found[place] = row
        return found

    vectors = logits  # of models whose rows' answers are vectors

    def plain(self, rows: Sequence[tuple[Any, Encoded]]) -> list[np.ndarray]:
        """One forward pass, the adapters beside the weights."""
        import torch

        texts = [row for _, row in rows]
        output, mask = self.encoder.forward(texts, [model.adapter for model, _ in rows])
        places = _places(rows)
        with torch.inference_mode():
            parts = [part.numpy() for part in _to_host([m.score(output, mask, texts, at) for m, at in places.items()])]
        found: list[Any] = [None] * len(rows)
        for (model, at), part in zip(places.items(), parts, strict=True):
            for place, row in zip(at, model.divide(part, [texts[place] for place in at]), strict=True):
                found[place] = row
        return found


def pooled(hidden: Any, mask: Any) -> Any:
    """Mean of the last layer over real tokens, at unit length (Reimers & Gurevych 2019, arXiv 1908.10084): hidden [B, T, D]
    and mask [B, T] -> float32 [B, D].
    """
    import torch

    kept = mask.unsqueeze(-1).float()  # [B, T, 1]
    mean = (hidden.float() * kept).sum(1) / kept.sum(1).clamp(min=1)
    return torch.nn.functional.normalize(mean, dim=-1)


def _places(rows: Sequence[tuple[Sharer, Any]]) -> dict[Sharer, list[int]]:
    places: dict[Sharer, list[int]] = {}
    for place, (model, _) in enumerate(rows):
        places.setdefault(model, []).append(place)
    return places


def _to_host(tensors: list[Any]) -> list[Any]:
    """By one copy, so that a GPU is waited for once: [N, K] each, K of its own."""
    import torch

    if len(tensors) == 1:
        return [tensors[0].cpu()]
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).cpu()
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
