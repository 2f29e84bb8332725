"""A transformers encoder over a folder: embeds texts, and is the backbone that LoRA adapters share.

It knows nothing of labels. Everything here that touches the module runs on the device thread. Every forward pass says
which adapter each row wants. Rows of several adapters, or of none, share a pass by peft's `adapter_names` ("Inference with
different LoRA adapters in the same batch"); a batch of one kind takes the plain path, a third faster for a single row.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import stack, weights
from playground.engine.loaders import Encoded, LoadContext
from playground.engine.memory import is_out_of_memory
from playground.engine.models import _transformers as hf
from playground.engine.models._identity import identity_of
from playground.engine.models._merged import Copies
from playground.engine.models._shared import SharedEncoder, pooled
from playground.engine.vectors import Vectors
from playground.inspection import attention

BARE = "__base__"  # peft's name for "no adapter"


class Encoder:
    """As a sharer of itself (`_shared`), it gives the vectors of sentences."""

    labels: tuple[str, ...] = ()
    path: str | None = None
    adapter = BARE
    merged: Any = None

    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        self._bare = module
        self._adapted: Any = None  # a PeftModel around the same module while it has adapters
        self._layers: list[Any] = []  # where the adapters are
        self._active: str | None = BARE  # the one in force; None: whichever peft chose
        self._names = map("a{}".format, itertools.count())
        self.tokenizer = tokenizer
        self.device = context.device
        self.dtype = context.dtype
        self.longest = hf.longest(module.config, tokenizer)
        self.heads = hf.heads(module.config)
        self.prefix = module.base_model_prefix
        self.identity = identity_of(module, context)
        self.copies = Copies()
        self.known = Vectors()

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        return hf.encode(self.tokenizer, text, min(max_length, self.longest))

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return hf.pieces(self.tokenizer, text, min(max_length, self.longest))

    def attend(self, row: Encoded, adapter: str = BARE) -> np.ndarray:
        with attention.recorded() as weights:
            self.forward([row], [adapter])
        return hf.attended(weights)

    def forward(self, rows: Sequence[Encoded], adapters: Sequence[str]) -> tuple[Any, Any]:
        """One adapter name (or BARE) per row -> the model's output and the attention mask [B, T]."""
        import torch

        inputs = hf.collate(self.tokenizer, rows, self.device)
        with torch.inference_mode():
            if self._adapted is not None and len(set(adapters)) > 1:
                return self._adapted(**inputs, adapter_names=list(adapters)), inputs["attention_mask"]
            self._switch(adapters[0])
            return self._bare(**inputs), inputs["attention_mask"]

    def _switch(self, name: str) -> None:
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

    # -- as a model of its own

    @property
    def vector_runner(self) -> SharedEncoder:
        return SharedEncoder(self)

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        return pooled(output.last_hidden_state[list(at)], mask[list(at)])

    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        return list(numbers)

    def embed(self, rows: Sequence[Encoded]) -> np.ndarray:
        return np.stack(self.vector_runner.plain([(self, row) for row in rows]))

    # -- adapters; device thread only

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
                raise LoadFailed("The adapter does not fit its backbone: train it again on this encoder.") from error
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

    @property
    def module(self) -> Any:
        """The transformers module itself, its adapted layers inside peft's."""
        return self._bare

    @property
    def word_embeddings(self) -> Any:
        """[V, H], as they lie in the module: a masked head ends in them."""
        return self._bare.get_input_embeddings().weight

    @property
    def norm_eps(self) -> float:
        return float(getattr(self._bare.config, "layer_norm_eps", 1e-12))

    def adapted(self, name: str) -> list[Any]:
        """The layers where this adapter is."""
        return [layer for layer in self._layers if name in layer.lora_A]

    def detach(self, name: str) -> None:
        """With its last adapter gone, the encoder is the plain module again."""
        stack.silence()
        if set(self._adapted.peft_config) == {name}:
            self._bare = self._adapted.unload()
            self._adapted = None
        else:
            self._adapted.delete_adapter(name)
        self._changed()


class EncoderLoader:
    name = "encoder"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> Encoder:
        module, tokenizer = hf.load_pretrained(ref, "MODEL_MAPPING", context)
        return Encoder(module, tokenizer, context)

    def unload(self, model: Encoder, context: LoadContext) -> None:
        pass


LOADER = EncoderLoader()
