"""One file per operation a model can do, each with an `OP`: found by looking into this package."""

from __future__ import annotations

import sys
from typing import Protocol

from playground.core.calls import Call
from playground.core.registry import Registry, modules_in
from playground.core.types import ModelRef
from playground.engine.scheduler import Op


class CallOp(Op, Protocol):
    """`serves`: the type of call it answers."""

    @property
    def serves(self) -> type[Call]: ...

    def model(self, call: Call) -> ModelRef:
        """What has to be in memory for it."""


def build_ops() -> Registry[CallOp]:
    """Operations by the name of the call they serve."""
    ops: Registry[CallOp] = Registry("operation")
    for module in modules_in(sys.modules[__name__]):
        ops.add(module.OP.serves.__name__, module.OP)
    return ops
