"""transformers' causal language models, as `scratch.decoding` asks a model: what follows some texts, each with its own length.

Texts of different length share a pass where the model takes our cache, a place for each token and a mask of who sees whom. Whether
it does is tried when it is loaded, by what it says of two short texts; one that does not writes each text by itself, with the cache
that transformers makes for it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Cache, DynamicCache

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine.memory import is_out_of_memory, out_of_memory
from playground.scratch.cache import KVCache

log = logging.getLogger(__name__)
PROBE = (7, 3)  # tokens of the two texts that are tried


@dataclass(frozen=True)
class Shape:
    """Of a model's keys and values: [layers, rows, heads, tokens, width]."""

    layers: int
    heads: int
    width: int


@dataclass(frozen=True)
class Limits:
    """context: the most tokens that the model looks at."""

    context: int


class _Places(Cache):  # type: ignore[misc]
    """Our cache as a model of transformers sees one, in a pass over tokens that are all new."""

    def __init__(self, cache: KVCache) -> None:
        super().__init__(layers=[])
        self._cache = cache

    def update(self, key_states: Any, value_states: Any, layer_idx: int, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return self._cache.append(layer_idx, key_states, value_states)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return max(self._cache.lengths)

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0


class OwnCache:
    """transformers' cache for a model, of rows of one length."""

    def __init__(self, config: Any) -> None:
        self.past = DynamicCache(config=config)
        self.lengths = [0]

    def select(self, rows: Sequence[int]) -> None:
        self.past.reorder_cache(torch.tensor(list(rows)))
        self.lengths = [self.lengths[row] for row in rows]

    def forget(self, rows: Sequence[int], tokens: int = 1) -> None:
        if rows:
            raise ValueError("a text that is written by itself waits for no other")


class CausalLM:
    """`enter` is called before each pass: where adapters share the module, it puts one in force. shape: None where the model needs
    its own cache, and every text its own pass.
    """

    def __init__(self, module: Any, context: int, shape: Shape | None, enter: Callable[[], None]) -> None:
        self.module, self.shape, self.enter = module, shape, enter
        self.config = Limits(context)
        self.device = module.device
        self._last = "logits_to_keep" in inspect.signature(module.forward).parameters

    def cache(self, rows: int = 1) -> Any:
        shape = self.shape
        if shape is None:
            return OwnCache(self.module.config)
        context, dtype = self.config.context, self.module.dtype
        return KVCache(shape.layers, shape.heads, shape.width, context, rows, self.device, dtype)

    def following(self, ids: Any, cache: Any) -> Any:
        """ids [B, T] -> logits [B, V] of what follows the last token."""
        if isinstance(cache, OwnCache):
            logits = self._ask(ids, 1, past_key_values=cache.past, use_cache=True)
            cache.lengths = [length + ids.shape[1] for length in cache.lengths]
            return logits[:, -1]
        places, allowed = cache.begin(ids.shape[1])
        places = places.expand(ids.shape)  # [B, T]
        past = _Places(cache)
        logits = self._ask(
            ids, 1, position_ids=places, attention_mask=self._mask(allowed), past_key_values=past, use_cache=True
        )
        cache.end()
        return logits[:, -1]

    def __call__(self, ids: Any, keep: int = 0) -> Any:
        """ids [B, T] -> logits [B, T, V]; or of the last `keep` tokens alone, where the model can leave out the others."""
        return self._ask(ids.to(self.device), keep, use_cache=False)

    def _ask(self, ids: Any, keep: int, **how: Any) -> Any:
        self.enter()
        if keep and self._last:
            how["logits_to_keep"] = keep
        return self.module(input_ids=ids, **how).logits

    def _mask(self, allowed: Any) -> Any:
        """bool [1 or B, 1, T, U] as attention takes it that adds a mask to its scores, and the fused one, too."""
        if allowed is None:
            return None
        dtype = self.module.dtype
        return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill(
            ~allowed, torch.finfo(dtype).min
        )


def causal_lm(module: Any, context: int, ref: ModelRef, enter: Callable[[], None]) -> CausalLM:
    """The module as it can be asked. Raises LoadFailed where it does not write texts from left to right. Device thread only."""
    reasons = []
    try:
        with torch.inference_mode():
            shape = _shape(module, context)
        for tried in (shape, None) if shape is not None else (None,):
            model = CausalLM(module, context, tried, enter)
            with torch.inference_mode():
                off = _difference(model)
            if off <= 4 * torch.finfo(module.dtype).eps ** 0.5:
                return model
            reasons.append(f"logits differ by {off:.1e} of their range")
    except Exception as error:
        if is_out_of_memory(error):
            raise out_of_memory(f"to load {ref.id}") from None
        reasons.append(repr(error))
    log.warning("%s cannot be written with: %s", ref.id, "; ".join(reasons))
    raise LoadFailed(
        f"The model {ref.id} does not write texts token by token in a way known here: choose another model."
    )


def _texts(module: Any) -> list[Any]:
    """Token ids [1, T] of two texts, the same for the same model."""
    random = torch.Generator().manual_seed(0)
    size = module.get_input_embeddings().weight.shape[0]
    return [torch.randint(size, (1, length + 2), generator=random).to(module.device) for length in PROBE]


def _shape(module: Any, context: int) -> Shape | None:
    """Of its keys and values where all layers keep all tokens alike, else None."""
    past = DynamicCache(config=module.config)
    kept = [getattr(layer, "sliding_window", None) for layer in past.layers]
    if any(past.is_linear) or any(window is not None and window < context for window in kept):
        return None
    module(input_ids=_texts(module)[0], past_key_values=past, use_cache=True)
    shapes = {(tuple(layer.keys.shape), tuple(layer.values.shape)) for layer in past.layers}
    if len(shapes) > 1:
        return None
    ((keys, values),) = shapes
    rows, heads, tokens, width = keys
    if keys != values or (rows, tokens) != (1, PROBE[0] + 2):
        return None
    return Shape(len(past.layers), heads, width)


def _difference(model: CausalLM) -> float:
    """Between what it says of whole texts and of the same, token by token, as a share of the logits' range; infinity where that way
    does not go.
    """
    texts = _texts(model.module)
    whole = torch.cat([model(text)[:, -2:] for text in texts])  # [2, 2, V]
    try:
        caches = [model.cache() for _ in texts]
        for cache, text in zip(caches, texts, strict=True):
            model.following(text[:, :2], cache)
            model.following(text[:, 2:-2], cache)
        if model.shape is None:
            steps = [
                torch.cat(
                    [
                        model.following(text[:, place : place + 1 or None], cache)
                        for text, cache in zip(texts, caches, strict=True)
                    ]
                )
                for place in (-2, -1)
            ]
        else:
            first, second = caches
            first.join(second)
            last = torch.cat([text[:, -2:] for text in texts])  # [2, 2]
            steps = [model.following(last[:, place : place + 1], first) for place in (0, 1)]
    except Exception as error:
        if is_out_of_memory(error):
            raise
        log.info("a way of asking a decoder does not go: %r", error)
        return float("inf")
    found = torch.stack(steps, dim=1)  # [2, 2, V]
    span = (whole.max() - whole.min()).clamp(min=1e-6)
    off = ((found - whole).abs().max() / span).float().item()
    return off if off == off else float("inf")
