"""Attention weights out of a model that is answering others, and heads of it switched off, without a second copy of it.

`transformers` lets us name our own attention function. Ours computes exactly what `sdpa` computes, and on top of it, only
inside `observed()`, the weights softmax(Q K^T * scaling + mask) that sdpa never shows (Vaswani et al. 2017, arXiv 1706.03762,
section 3.2.1). What heads have gathered comes from sdpa either way, so an answer is the same to the last bit while its weights are
recorded. There it can be taken away, too, head by head and row by row: for the output projection, which comes next, that is as if
its weights for this head were zero (Michel et al. 2019, arXiv 1905.10650, section 2.3).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

NAME = "recording"


@dataclass
class Observation:
    """One forward pass as it is looked into. weights: of every call of the attention, tensors [B, heads, queries, keys], float32,
    whatever the model's precision, on the model's device, the first call first; None where none are wanted. off: what is switched
    off in which call. calls: so many were made.
    """

    weights: list[Any] | None
    off: Mapping[int, Sequence[Off]]
    calls: int = 0


@dataclass(frozen=True)
class Off:
    """A head of a row of the batch. mean: its mean over the row's queries stands in its place, else zeros."""

    row: int
    head: int
    mean: bool = False


_observation: ContextVar[Observation | None] = ContextVar("observation", default=None)


@contextlib.contextmanager
def observed(*, record: bool, off: Mapping[int, Sequence[Off]] | None = None) -> Iterator[Observation]:
    """Of the calls made in this thread meanwhile. Rows whose heads are switched off must have no padding."""
    found = Observation([] if record else None, off or {})
    token = _observation.set(found)
    try:
        yield found
    finally:
        _observation.reset(token)


def silenced(mixed: Any, off: Sequence[Off]) -> Any:
    """mixed [B, Q, H, D], what each head has gathered, before the output projection -> the same tensor with some heads' share of it
    changed, in place.
    """
    for mean in (False, True):
        rows = [one.row for one in off if one.mean is mean]
        heads = [one.head for one in off if one.mean is mean]
        if rows:
            mixed[rows, :, heads] = mixed[rows, :, heads].mean(dim=1, keepdim=True) if mean else 0.0  # [N, Q, D]
    return mixed


def prepare(module: Any) -> bool:
    """Lets a transformers model's attention be observed. False, and nothing changed, where its class cannot.

    Classes that take any attention function say so (`_supports_attention_backend`); T5, BART and their kind do not, but look
    theirs up in the same place, as their word on flex attention, which is one such function, tells.
    """
    free = getattr(module, "_supports_attention_backend", False) or getattr(module, "_supports_flex_attn", False)
    if not free or module.config._attn_implementation != "sdpa":
        return False
    _register()
    module.set_attn_implementation(NAME)
    return bool(module.config._attn_implementation == NAME)


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

    observation = _observation.get()
    if observation is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    if observation.weights is not None:
        observation.weights.append(_weights(module, query, key, attention_mask, **more))
    mixed, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **more)
    off = observation.off.get(observation.calls, ())
    observation.calls += 1
    return silenced(mixed, off), None


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
