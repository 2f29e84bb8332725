"""Copies of an encoder with one adapter merged into its weights: W + scale B A (Hu et al. 2021, section 4.1).

An adapter beside the weights costs a third of the time of every forward pass. A copy owns the adapted matrices alone (half
of a small encoder); all else (embeddings, norms, biases) it shares with the encoder. That is a luxury: an encoder has copies
while it carries few adapters. With more of them the copies go, their memory is free again, and all adapters together cost a
fraction of the one encoder that serves them; when few are left, copies are made again.

A copy is made in the background after a load, in small jobs between other requests' steps, and it answers only once it
agrees with the plain path on the fixed set.
"""

from __future__ import annotations

import copy
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.engine import memory
from playground.engine.background import Task
from playground.engine.loaders import LoadContext
from playground.engine.models._agreement import TEXTS, TOLERANCE

if TYPE_CHECKING:
    from playground.engine.models._lora import Adapted

log = logging.getLogger(__name__)
FEW = 2  # adapters of one encoder that may have copies: the two that answer one tab
DELAY = 0.5  # seconds after the load: the request that waited for it goes first
CALM = 20.0  # seconds after others have left: adapters that come and go all the time are not merged each time


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


class Copies:
    """Those of one encoder's adapters. `join` and `leave` are called by threads that load and unload, never by the device's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._members: dict[Adapted, Merging | None] = {}  # None: it cannot or must not be merged

    def join(self, model: Adapted, layers: list[Any], context: LoadContext) -> None:
        """An adapter was loaded. layers: those that it changes; none where it cannot be merged."""
        with self._lock:
            merging = Merging(model, layers, context) if layers and context.fast else None
            self._members[model] = merging
            if len(self._members) <= FEW:
                if merging is not None:
                    merging.start(DELAY)
            elif sum(other.give_up() for other in self._members.values() if other is not None):  # all of them
                memory.reclaim()

    def leave(self, model: Adapted) -> None:
        """An adapter is being unloaded; its copy is gone afterwards."""
        with self._lock:
            merging = self._members.pop(model, None)
            if merging is not None:
                merging.give_up(leaving=True)
            if len(self._members) <= FEW:
                for other in self._members.values():
                    if other is not None and not other.wanted:
                        other.start(CALM)


class Merging:
    """One model's copy: being made in a thread of its own, there, or given up. `wanted`: not given up."""

    def __init__(self, model: Adapted, layers: list[Any], context: LoadContext) -> None:
        self._model, self._layers, self._context = model, layers, context
        self._own = model.identity.own_bytes
        self._copied = bytes_of(layers)
        self._booked = False
        self._task: Task | None = None

    @property
    def wanted(self) -> bool:
        return self._task is not None

    def start(self, delay: float) -> None:
        self._task = self._context.background.start(f"merge {self._model.adapter}", partial(self._run, delay))

    def give_up(self, *, leaving: bool = False) -> bool:
        """Returns once nothing of it runs any more, the plain path answers and the copy is nobody's; whether there was one.
        `leaving`: the whole model is, and its bytes with it.
        """
        if self._task is not None:
            self._task.end()
            self._task = None
        booked, self._booked = self._booked, False
        if leaving:
            self._layers = []  # they hold the encoder's weights
        if booked:
            self._context.on_device(self._model.forget)
            if not leaving:
                self._context.book(self._own)
                log.info("the merged copy of an adapter is given up: its encoder carries many")
        return booked

    def _run(self, delay: float, stop: threading.Event) -> None:
        try:
            if stop.wait(delay) or not self._book(stop):
                return
            if not self._made(stop):
                self._booked = False
                self._context.book(self._own)
        except Exception as error:
            if not stop.is_set():
                log.warning("an adapter stays unmerged (%s: %s)", type(error).__name__, error)

    def _book(self, stop: threading.Event) -> bool:
        """Whether there is memory for it."""
        while (granted := self._context.book(self._own + self._copied)) is None:  # the load is not over yet
            if stop.wait(0.01):
                return False
        self._booked = granted
        return granted

    def _made(self, stop: threading.Event) -> bool:
        """Whether a copy answers now."""
        model = self._model
        try:
            module = self._merge(stop)
            if module is None or (off := self._difference(module, stop)) is None:
                return False
            if off > TOLERANCE:
                log.warning("merged, an adapter's answers differ by %.1e: its plain path stays", off)
                return False
            self._context.on_device(partial(model.use, module, self._copied))
        except Exception as error:
            if not stop.is_set():
                log.warning("an adapter stays unmerged (%s: %s)", type(error).__name__, error)
            return False
        log.info("an adapter is merged into its own copy; the largest difference of an answer is %.1e", off)
        return True

    def _merge(self, stop: threading.Event) -> Any:
        """The copy, or None where it is no longer wanted."""
        name, on_device = self._model.adapter, self._context.on_device
        merged: dict[int, Any] = {}
        for layer in self._layers:  # one by one: each takes a millisecond of the device
            if stop.is_set():
                return None
            merged[id(layer)] = on_device(partial(_linear, layer, name))
        return on_device(lambda: _with(self._model.encoder.module, merged))

    def _difference(self, module: Any, stop: threading.Event) -> float | None:
        """Between the plain path and the copy, text by text, and the copy's batches. None: no longer wanted."""
        model, on_device = self._model, self._context.on_device
        rows = [on_device(partial(model.encode, text, model.encoder.longest)) for text in TEXTS]
        plain: list[np.ndarray] = []
        alone: list[np.ndarray] = []
        for row in rows:
            if stop.is_set():
                return None
            plain += on_device(partial(model.plain, [row]))
            alone += on_device(partial(model.through, module, [row]))
        together = on_device(partial(model.through, module, rows))
        return max(model.difference(plain, alone), model.difference(plain, together))


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
