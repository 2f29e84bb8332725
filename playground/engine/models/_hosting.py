"""A module of transformers that LoRA adapters stand on: they come and go inside it, and one at a time is in force.

Everything here that touches the module runs on the device thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from playground.core.errors import LoadFailed
from playground.engine import stack
from playground.engine.loaders import Identity
from playground.engine.memory import is_out_of_memory

BARE = "__base__"  # peft's name for "no adapter"


class AdapterHost:
    """prefix: what stands before the module's own names in an adapter's file, behind peft's `base_model.model.`."""

    prefix = ""
    identity: Identity
    device: Any
    dtype: Any

    def __init__(self, module: Any) -> None:
        self._bare = module
        self._adapted: Any = None  # a PeftModel around the same module while it has adapters
        self._layers: list[Any] = []  # where the adapters are
        self._active: str | None = BARE  # the one in force; None: whichever peft chose
        self._names = map("a{}".format, itertools.count())

    @property
    def module(self) -> Any:
        """The transformers module itself, its adapted layers inside peft's."""
        return self._bare

    def switch(self, name: str) -> None:
        """Which adapter the module's own forward pass applies. peft's `set_adapter` does the same, and in 13 ms, since it
        looks through all parameters for gradients to switch, which are off for good here.
        """
        if name != self._active:
            for layer in self._layers:
                layer._active_adapter = [] if name == BARE else [name]
            self._active = name

    def _changed(self) -> None:
        """After adapters came or went: peft has chosen an active one by itself."""
        from peft.tuners.lora import LoraLayer

        self._layers = [module for module in self._bare.modules() if isinstance(module, LoraLayer)]
        self._active = None if self._layers else BARE

    def attach(self, config: Any, tensors: Mapping[str, Any]) -> str:
        """Adds LoRA matrices, named as in this module (`encoder.layer.0...lora_A.weight`). Returns the adapter's name.

        Raises LoadFailed, and changes nothing, where they do not fit.
        """
        stack.silence()
        name = next(self._names)
        try:
            self._attach(name, config, tensors)
            self._changed()
        except Exception as error:
            self._changed()
            if self._adapted is not None and name in self._adapted.peft_config:
                self.detach(name)
            if isinstance(error, RuntimeError | ValueError | KeyError) and not is_out_of_memory(error):
                raise LoadFailed("The adapter does not fit its backbone: train it again on this one.") from error
            raise
        return name

    def _attach(self, name: str, config: Any, tensors: Mapping[str, Any]) -> None:
        import peft

        if self._adapted is None:
            self._adapted = peft.PeftModel(
                self._bare, config, name, autocast_adapter_dtype=False, low_cpu_mem_usage=True
            )
        else:
            self._adapted.add_adapter(name, config, low_cpu_mem_usage=True)
        named = {f"base_model.model.{key}": value for key, value in tensors.items()}
        if self.adapter_state(name).keys() != named.keys():
            raise ValueError("other names")
        peft.set_peft_model_state_dict(self._adapted, named, adapter_name=name, low_cpu_mem_usage=True)
        self._adapted.eval().requires_grad_(False)

    def adapter_state(self, name: str) -> dict[str, Any]:
        """The adapter's tensors as they lie in the module, by their names there without the adapter's."""
        state = self._adapted.state_dict()
        return {key.replace(f".{name}.", "."): value for key, value in state.items() if f".{name}." in key}

    def adapted(self, name: str) -> list[Any]:
        """The layers where this adapter is."""
        return [layer for layer in self._layers if name in layer.lora_A]

    def detach(self, name: str) -> None:
        """With its last adapter gone, the module is the plain one again."""
        stack.silence()
        if set(self._adapted.peft_config) == {name}:
            self._bare = self._adapted.unload()
            self._adapted = None
        else:
            self._adapted.delete_adapter(name)
        self._changed()
