"""What a model would say if it ended after one of its layers: the states of that layer where its end has always read the last's.

For decoders the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens", lesswrong.com): the residual stream after each
layer goes through the model's own final norm and its unembedding. Whatever stands on an encoder is asked in the same way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from playground.core.errors import NotSupported
from playground.engine.models import _hooks

HIDDEN = "The layers inside this model cannot be read: choose another one to look through."
UNKNOWN_END = "What this model does behind its last layer is not known here: earlier layers are shown without it."


class Ends(Protocol):
    """Of one text. count: the layers, and what went into the first. note: see `LayerLens`."""

    @property
    def count(self) -> int: ...

    @property
    def note(self) -> str: ...

    def after(self, layer: int) -> AbstractContextManager[None]:
        """Meanwhile the model's trunk gives what it had after so many layers, whatever it is called with."""


class OwnEnds:
    """Of a trunk of ours: its blocks, then its norm. method: by which others ask it."""

    note = ""

    def __init__(self, trunk: Any, run: Callable[[], Any], method: str = "forward") -> None:
        self._trunk, self._method = trunk, method
        with _hooks.collected(trunk.blocks) as states:
            run()
        self._states = states
        self.count = len(states)

    @contextlib.contextmanager
    def after(self, layer: int) -> Iterator[None]:
        def ending(*inputs: Any, **named: Any) -> Any:
            return self._trunk.norm(self._states[layer])

        with _hooks.instead_of(self._trunk, self._method, ending):
            yield


class HubEnds:
    """Of a module of transformers that gives `last_hidden_state`. trunk: the one that answers just now. layers: how many it has.

    Raises NotSupported.
    """

    def __init__(self, trunk: Callable[[], Any], layers: int, run: Callable[[], Any]) -> None:
        self._trunk = trunk
        module = trunk()
        name, stack = _stack(module, layers)
        outputs: list[Any] = []
        handle = module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
        try:
            with _hooks.collected(stack) as states:
                run()
        finally:
            handle.remove()
        if len(states) != layers + 1 or len(outputs) != 1 or getattr(outputs[0], "last_hidden_state", None) is None:
            raise NotSupported(HIDDEN)
        self._states, self._output = states, outputs[0]
        self.count = len(states)
        self._norm = _norm(module, name, states[-1], self._output.last_hidden_state)
        self.note = UNKNOWN_END if self._norm is None else ""

    @contextlib.contextmanager
    def after(self, layer: int) -> Iterator[None]:
        with _hooks.instead_of(self._trunk(), "forward", lambda *inputs, **named: self._ending(layer)):
            yield

    def _ending(self, layer: int) -> Any:
        if layer == self.count - 1:
            return self._output
        module, states = self._trunk(), self._states[layer]
        if self._norm:
            states = module.get_submodule(self._norm)(states)
        changed = dict(self._output) | {"last_hidden_state": states}
        if "pooler_output" in changed:
            changed["pooler_output"] = module.pooler(states)
        return type(self._output)(**changed)


def _stack(module: Any, layers: int) -> tuple[str, Sequence[Any]]:
    """The outermost list of so many modules, and its name."""
    import torch

    for name, child in module.named_modules():
        if isinstance(child, torch.nn.ModuleList) and len(child) == layers:
            return name, list(child)
    raise NotSupported(HIDDEN)


def _norm(module: Any, stack: str, last: Any, output: Any) -> str | None:
    """The name of what stands behind the last layer: the module that makes the output of its states. Empty where nothing does, None
    where it is not found.
    """
    import torch

    if last.shape == output.shape and torch.allclose(last, output, atol=1e-6):
        return ""
    for name, child in reversed(list(module.named_modules())):  # it is made last
        weight = getattr(child, "weight", None)
        if name.startswith(f"{stack}.") or weight is None or weight.shape != last.shape[-1:]:
            continue
        with torch.inference_mode():
            if torch.allclose(child(last), output, rtol=1e-4, atol=1e-5):
                return str(name)
    return None
