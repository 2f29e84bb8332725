"""What LoRA adapters with heads of their own share, on an encoder that they share (Hu et al. 2021, arXiv 2106.09685).

In memory: the low-rank matrices inside the one encoder (and, where memory allows, merged into a copy: `_merged.py`), and
the head here. What a head reads of the encoder's output is each kind's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._merged import Merging, bytes_of, mergeable
from playground.engine.models.encoder import Encoder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
HEAD = "classifier."
# What a LoRA config may say here. The rest is for training, or changes the backbone for everybody (bias, modules_to_save).
KEPT = (
    "r",
    "lora_alpha",
    "target_modules",
    "exclude_modules",
    "fan_in_fan_out",
    "use_rslora",
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "layers_to_transform",
    "layers_pattern",
)


class Adapted(ABC):
    """It starts on the plain path, peft's; once `use` was called, it answers by a copy with its adapter merged."""

    def __init__(self, encoder: Encoder, adapter: str, head: tuple[Any, Any], identity: Identity) -> None:
        self.encoder, self.adapter, self.head, self.identity = encoder, adapter, head, identity
        self.labels: tuple[str, ...] = ()  # an adapter's config has no names; the catalog gives them
        self.outputs = len(head[1])
        self.heads = encoder.heads
        self.merging: Merging | None = None
        self._merged: Any = None

    @abstractmethod
    def encode(self, text: str, max_length: int) -> Encoded: ...

    @abstractmethod
    def read(self, output: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        """What the head reads of some rows of a padded batch: vectors [N, D], as many as the kind has per row."""

    @abstractmethod
    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Logits [N, L] of the vectors of some rows -> those of each row."""

    @property
    def group(self) -> Hashable:
        return self.encoder.group if self._merged is None else ("merged", id(self))

    @property
    def path(self) -> str | None:
        return None if self._merged is None else "adapter merged"

    def attend(self, row: Encoded) -> np.ndarray:
        return self.encoder.attend(row, self.adapter)

    # -- device thread only

    def use(self, merged: Any) -> None:
        """An encoder module with this adapter in its weights, to answer from now on."""
        self._merged = merged

    def forget(self) -> None:
        self._merged = None

    def plain(self, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Logits of each row, by the shared encoder with the adapter beside its weights."""
        return SharedEncoder(self.encoder).plain([(self, row) for row in rows])

    def through(self, module: Any, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Logits of each row, by an encoder module that has the adapter in its weights."""
        import torch

        with torch.inference_mode():
            output = module(**hf.collate(self.encoder.tokenizer, rows, self.encoder.device))
            vectors = self.read(output, rows, range(len(rows)))
            return self.divide(torch.nn.functional.linear(vectors.float(), *self.head).cpu().numpy(), rows)

    @property
    def merged(self) -> Any:
        return self._merged


class SharedEncoder:
    """Rows of any of an encoder's adapters: those with a copy of their own by it, all others in one forward pass."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def logits(self, rows: Sequence[tuple[Adapted, Any]]) -> list[np.ndarray]:
        found: list[Any] = [None] * len(rows)
        places = _places(rows)
        merged = {model: at for model, at in places.items() if model.merged is not None}
        for model, at in merged.items():
            for place, row in zip(at, model.through(model.merged, [rows[place][1] for place in at]), strict=True):
                found[place] = row
        rest = sorted(place for model, at in places.items() if model not in merged for place in at)
        if rest:
            for place, row in zip(rest, self.plain([rows[place] for place in rest]), strict=True):
                found[place] = row
        return found

    def plain(self, rows: Sequence[tuple[Adapted, Encoded]]) -> list[np.ndarray]:
        """One forward pass, the adapters beside the weights."""
        import torch

        texts = [row for _, row in rows]
        output, _ = self.encoder.forward(texts, [model.adapter for model, _ in rows])
        places = _places(rows)
        with torch.inference_mode():
            heads = [
                torch.nn.functional.linear(model.read(output, texts, at).float(), *model.head)  # [N, L of this head]
                for model, at in places.items()
            ]
            parts = [part.numpy() for part in _to_host(heads)]
        found: list[Any] = [None] * len(rows)
        for (model, at), part in zip(places.items(), parts, strict=True):
            for place, row in zip(at, model.divide(part, [texts[place] for place in at]), strict=True):
                found[place] = row
        return found


def _places(rows: Sequence[tuple[Adapted, Encoded]]) -> dict[Adapted, list[int]]:
    places: dict[Adapted, list[int]] = {}
    for place, (model, _) in enumerate(rows):
        places.setdefault(model, []).append(place)
    return places


def _to_host(tensors: list[Any]) -> list[Any]:
    """By one copy, so that a GPU is waited for once: [N, L] each, L of its own."""
    import torch

    if len(tensors) == 1:
        return [tensors[0].cpu()]
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).cpu()
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


class AdapterLoader(ABC):
    """name: of the loader; `task`: peft's word for what the adapter was trained for; `purpose`: ours.

    outside: layers of the encoder that such an adapter's own model does not have, so that it never stands on them.
    """

    name: str
    task: str
    purpose: str
    outside: tuple[str, ...] = ()

    @abstractmethod
    def ready(self, ref: ModelRef, encoder: Encoder, context: LoadContext) -> Callable[..., Adapted]:
        """Before anything is attached: what makes the model out of encoder, adapter, head and identity. Raises ModelError."""

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> Adapted:
        if not isinstance(base, Encoder):
            raise LoadFailed(f"The adapter {ref.id} names no encoder to stand on: correct its entry in the catalog.")
        context.report("reading the adapter", 0.0)
        weights.verify(ref, but=(CONFIG, WEIGHTS))
        config = self._config(ref)
        matrices, head = self._split(ref, weights.tensors(ref, (WEIGHTS,)), base)
        build = self.ready(ref, base, context)
        context.report("attaching the adapter", 0.5)

        def attach() -> tuple[str, dict[str, Any], list[Any]]:
            name = base.attach(config, matrices)
            layers = base.adapted(name)
            return name, base.adapter_state(name), layers if mergeable(layers, name) else []

        try:
            with hf.building:  # taken here: the device's thread never waits for another model to be built
                name, state, layers = context.on_device(attach)
        except LoadFailed as error:
            raise LoadFailed(f"{ref.id}: {str(error)[0].lower()}{str(error)[1:]}") from None
        tensors = [*matrices.values(), *head]
        size = sum(tensor.numel() for tensor in tensors)
        own = sum(tensor.nbytes for tensor in tensors)
        copied = bytes_of(layers) if context.fast else 0
        copied = copied if own + copied <= context.spare() else 0
        identity = Identity(
            # from the tensors as they now lie in the encoder, not from the file
            fingerprint=weights.fingerprint(
                base.identity.fingerprint, state, dict(zip(("weight", "bias"), head, strict=True))
            ),
            device=base.identity.device,
            dtype=base.identity.dtype,
            parameters=base.identity.parameters + size,
            bytes=base.identity.bytes + own + copied,
            own_bytes=own + copied,
            adapter_parameters=size,
            adapter_bytes=own,
        )
        model = build(base, name, head, identity)
        if copied:
            model.merging = Merging(model, layers, context)
            model.merging.start()
        return model

    def unload(self, model: Adapted, context: LoadContext) -> None:
        if model.merging is not None:
            model.merging.stop()

        def detach() -> None:
            model.forget()
            model.encoder.detach(model.adapter)

        context.on_device(detach)

    def _config(self, ref: ModelRef) -> Any:
        import peft

        said = weights.read_json(ref, CONFIG)
        if said.get("peft_type") != "LORA" or said.get("bias", "none") != "none":
            raise LoadFailed(f"The adapter {ref.id} is not a plain LoRA adapter: train it with `bias=none`.")
        if said.get("task_type") not in (None, self.task):
            raise self._other(ref)
        kept = {key: said[key] for key in KEPT if said.get(key) is not None}
        excluded = kept.get("exclude_modules", [])
        if self.outside and isinstance(excluded, list):
            kept["exclude_modules"] = [*excluded, *self.outside]
        try:
            return peft.LoraConfig(
                **kept,
                lora_dropout=0.0,
                bias="none",
                inference_mode=True,
            )
        except (TypeError, ValueError) as error:
            raise LoadFailed(f"The file {CONFIG} of {ref.id} is damaged: get this checkpoint again.") from error

    def _split(self, ref: ModelRef, state: dict[str, Any], base: Encoder) -> tuple[dict[str, Any], tuple[Any, Any]]:
        """The low-rank matrices under the encoder's own names, and the head's weight [L, D] and bias [L]; it stays
        float32, so that logits are, whatever the encoder computes in.
        """
        whole, inner = "base_model.model.", f"base_model.model.{base.prefix}."
        matrices = {key.removeprefix(inner): value for key, value in state.items() if key.startswith(inner)}
        rest = {key.removeprefix(whole): value for key, value in state.items() if not key.startswith(inner)}
        matrices = {key: value.to(base.device, base.dtype) for key, value in matrices.items()}
        if rest.keys() != {f"{HEAD}weight", f"{HEAD}bias"} or not matrices:
            raise self._other(ref)
        weight, bias = (rest[f"{HEAD}{part}"].to(base.device).float() for part in ("weight", "bias"))
        return matrices, (weight, bias)

    def _other(self, ref: ModelRef) -> LoadFailed:
        return LoadFailed(f"The adapter {ref.id} is not one for {self.purpose} over this encoder: choose another.")
