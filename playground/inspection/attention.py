"""Attention weights out of a model that is answering others, without a second copy of it.

`transformers` lets us name our own attention function. Ours computes exactly what `sdpa` computes, and on top of it, only
inside `recorded()`, the weights softmax(Q K^T * scaling + mask) that sdpa never shows (Vaswani et al. 2017, arXiv
1706.03762, section 3.2.1). The model's output comes from sdpa either way, so it is the same to the last bit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

NAME = "recording"
_sink: ContextVar[list[Any] | None] = ContextVar("attention", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[list[Any]]:
    """Collects the weights of every layer called in this thread meanwhile: tensors [B, heads, queries, keys], on the
    model's device, first layer first. float32, whatever the model's precision.
    """
    weights: list[Any] = []
    token = _sink.set(weights)
    try:
        yield weights
    finally:
        _sink.reset(token)


def prepare(module: Any) -> bool:
    """Lets a transformers model's attention be recorded. False, and nothing changed, where its class cannot."""
    if not getattr(module, "_supports_attention_backend", False) or module.config._attn_implementation != "sdpa":
        return False
    _register()
    module.set_attn_implementation(NAME)
    return True


def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, **more: Any) -> tuple[Any, None]:
    """query [B, H, Q, D], key and value [B, G, K, D] with G dividing H -> the mixture [B, Q, H, D], as sdpa makes it.

    attention_mask: bool (True: may look) or additive, broadcast to [B, H, Q, K]; None: everything, or, for a causal
    module, what came before.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    sink = _sink.get()
    if sink is not None:
        sink.append(_weights(module, query, key, attention_mask, **more))
    return sdpa_attention_forward(module, query, key, value, attention_mask, **more)


def _weights(
    module: Any,
    query: Any,
    key: Any,
    mask: Any,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Any = None,
    **more: Any,
) -> Any:
    import torch

    groups = query.shape[1] // key.shape[1]
    key = key.repeat_interleave(groups, dim=1) if groups > 1 else key
    queries, keys = query.shape[2], key.shape[2]
    scores = query.float() @ key.float().transpose(-2, -1)  # [B, H, Q, K]
    scores *= query.shape[-1] ** -0.5 if scaling is None else scaling
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    if position_bias is not None:
        scores = scores + position_bias.float()
    if mask is None and causal and queries > 1:
        mask = torch.ones(queries, keys, dtype=torch.bool, device=query.device).tril()
    if mask is not None:
        mask = mask[..., :keys]
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask.float()
    return scores.softmax(dim=-1)
