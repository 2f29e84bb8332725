"""A copy of an encoder with one adapter merged into its weights: W + scale B A (Hu et al. 2021, section 4.1).

An adapter beside the weights costs a third of the time of every forward pass. The copy owns the adapted matrices alone;
all else (embeddings, norms, biases) it shares with the encoder. It is made in the background after a load, in small jobs
between other requests' steps, and it answers only once it agrees with the plain path on the fixed set.
"""

from __future__ import annotations

import copy
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.engine.loaders import LoadContext
from playground.engine.models._agreement import TEXTS, TOLERANCE, difference

if TYPE_CHECKING:
    from playground.engine.models._lora import Adapted

log = logging.getLogger(__name__)
DELAY = 0.5  # seconds after the load: the request that waited for it goes first


def mergeable(layers: list[Any], name: str) -> bool:
    """Whether an adapter is plain matrices beside plain linear layers. DoRA, for one, is not."""
    import peft
    import torch

    return bool(layers) and all(
        type(layer) is peft.tuners.lora.Linear
        and type(layer.get_base_layer()) is torch.nn.Linear
        and layer.get_base_layer().weight.dtype == torch.float32
        and name not in layer.lora_variant
        and not layer.lora_bias.get(name)
        for layer in layers
    )


def bytes_of(layers: list[Any]) -> int:
    """What a copy adds."""
    return sum(layer.get_base_layer().weight.nbytes for layer in layers)


class Merging:
    """The making of one model's copy, in a thread of its own."""

    def __init__(self, model: Adapted, layers: list[Any], context: LoadContext) -> None:
        self._model, self._layers, self._context = model, layers, context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"merge {model.adapter}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns once nothing of it runs any more. Not from the device's thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        model = self._model
        try:
            if self._stop.wait(DELAY):
                return
            module = self._merge()
            if module is None or (off := self._difference(module)) is None:
                return
            if off > TOLERANCE:
                log.warning("merged, an adapter's answers differ by %.1e: its plain path stays", off)
                return
            self._context.on_device(partial(model.use, module))
            log.info("an adapter is merged into its own copy; the largest difference of an answer is %.1e", off)
        except Exception as error:
            if not self._stop.is_set():
                log.warning("an adapter stays unmerged (%s: %s)", type(error).__name__, error)
        finally:
            self._layers = []  # they hold the encoder's weights

    def _merge(self) -> Any:
        """The copy, or None where it is no longer wanted."""
        name, on_device = self._model.adapter, self._context.on_device
        merged: dict[int, Any] = {}
        for layer in self._layers:  # one by one: each takes a millisecond of the device
            if self._stop.is_set():
                return None
            merged[id(layer)] = on_device(partial(_linear, layer, name))
        return on_device(lambda: _with(self._model.encoder.module, merged))

    def _difference(self, module: Any) -> float | None:
        """Between the plain path and the copy, text by text, and the copy's batches. None: no longer wanted."""
        model, on_device = self._model, self._context.on_device
        rows = [on_device(partial(model.encode, text, model.encoder.longest)) for text in TEXTS]
        plain: list[np.ndarray] = []
        alone: list[np.ndarray] = []
        for row in rows:
            if self._stop.is_set():
                return None
            plain += on_device(partial(model.plain, [row]))
            alone += on_device(partial(model.through, module, [row]))
        together = on_device(partial(model.through, module, rows))
        return max(difference(plain, alone), difference(plain, together))


def _linear(layer: Any, name: str) -> Any:
    import torch

    base = layer.get_base_layer()
    with torch.no_grad():
        weight = base.weight + layer.get_delta_weight(name)
    linear = torch.nn.Linear(base.in_features, base.out_features, bias=False, device="meta").eval()
    linear.weight = torch.nn.Parameter(weight, requires_grad=False)
    linear.bias = base.bias
    return linear


def _with(module: Any, merged: dict[int, Any]) -> Any:
    """The module with some layers replaced. What holds none of them is not copied, and tensors never are."""
    from peft.tuners.lora import LoraLayer

    if isinstance(module, LoraLayer):
        return merged.get(id(module), module.get_base_layer())
    children = {name: child and _with(child, merged) for name, child in module._modules.items()}
    if all(child is module._modules[name] for name, child in children.items()):
        return module
    other = copy.copy(module)
    other._modules = children
    return other
