"""Who a loaded module is: what a card says of the weights that answer."""

from __future__ import annotations

from typing import Any

from playground.engine import weights
from playground.engine.loaders import Identity, LoadContext
from playground.engine.memory import module_bytes


def identity_of(module: Any, context: LoadContext) -> Identity:
    """Of a whole module that shares its memory with nobody. Its weights are read once, for the fingerprint."""
    size = module_bytes(module)
    return Identity(
        fingerprint=weights.fingerprint(module.state_dict()),
        device=str(context.device),
        dtype=str(context.dtype).removeprefix("torch."),
        parameters=sum(p.numel() for p in module.parameters()),
        bytes=size,
        own_bytes=size,
    )
