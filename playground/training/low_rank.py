"""Low-rank matrices: a quicker step while they are trained, and fewer of their ranks once they are.

A quicker step: they are added to the weights before a layer computes, not to its outputs. peft computes x W^T + s (x A^T) B^T,
which reads and writes every output several times. While an adapter is trained alone and without dropout, x (W + s B A)^T is the
same number, by one product; the gradients of A and B need no full-size matrix either. On a CPU a step takes a fifth to a quarter
less time. Under autocast the sum is made in float32, and the products are in autocast's type.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.lora import Linear
from torch import Tensor
from torch.nn import functional as F


class _AddedWeights(torch.autograd.Function):
    """y = x (W + s B A)^T + bias, where there is one. x [..., I], W [O, I], A [R, I], B [O, R] -> [..., O]; W and the bias stay
    frozen.

    Under autocast the sum of the weights is float32, and what is multiplied with it, forth and back, is of autocast's type.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scaling: float
    ) -> Tensor:
        kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        with torch.autocast("cpu", enabled=False):
            merged = torch.addmm(weight, b, a, alpha=scaling).to(kind)  # [O, I]
            found = F.linear(x.to(kind), merged, None if bias is None else bias.to(kind))
        ctx.save_for_backward(x.to(kind), merged, a, b)
        ctx.scaling, ctx.kind = scaling, x.dtype
        return found

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, merged, a, b = ctx.saved_tensors
        grad = grad.to(merged.dtype)
        flat_x, flat = x.flatten(0, -2), grad.flatten(0, -2)  # [N, I], [N, O]
        grad_x = (grad @ merged).to(ctx.kind) if ctx.needs_input_grad[0] else None
        grad_a = ctx.scaling * ((flat @ b.to(flat.dtype)).T @ flat_x).to(a.dtype)  # [R, N] [N, I]
        grad_b = ctx.scaling * (flat.T @ (flat_x @ a.T.to(flat.dtype))).to(b.dtype)  # [O, N] [N, R]
        return grad_x, None, None, grad_a, grad_b, None


def _forward(layer: Linear, x: Tensor) -> Tensor:
    name = layer.active_adapters[0]
    a, b, base = layer.lora_A[name].weight, layer.lora_B[name].weight, layer.base_layer
    return _AddedWeights.apply(x, base.weight, base.bias, a, b, layer.scaling[name])


def cut(weights: Mapping[str, Tensor], scaling: float, rank: int) -> dict[str, Tensor]:
    """An adapter's tensors with every product s B A replaced by the nearest one of this rank, B' A' (Eckart & Young 1936), with no
    scaling left to do; all other tensors as they are. A [R, I] and B [O, R] by peft's names, lora_A and lora_B.
    """
    found = dict(weights)
    for name in [name for name in weights if ".lora_A." in name]:
        other = name.replace(".lora_A.", ".lora_B.")
        left, sizes, right = torch.linalg.svd(scaling * weights[other].double() @ weights[name].double(), False)
        root = sizes[:rank].sqrt()
        found[name] = (root[:, None] * right[:rank]).float()  # [rank, I]
        found[other] = (left[:, :rank] * root).float()  # [O, rank]
    return found


@contextmanager
def added_to_weights(model: torch.nn.Module) -> Iterator[None]:
    """Inside, the model's low-rank layers compute this way; where one has dropout, all stay as they are."""
    layers = [module for module in model.modules() if isinstance(module, Linear)]
    plain = all(isinstance(dropout, torch.nn.Identity) for layer in layers for dropout in layer.lora_dropout.values())
    for layer in layers if plain else ():
        layer.forward = partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers if plain else ():
            del layer.forward
