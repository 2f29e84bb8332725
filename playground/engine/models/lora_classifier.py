"""A LoRA adapter with its own classifier head, on an encoder that it shares (Hu et al. 2021, arXiv 2106.09685).

On disk: peft's SEQ_CLS layout, trained over `BertForSequenceClassification`. In memory: the low-rank matrices inside the
one shared encoder, and the head here. The head reads the encoder's pooled [CLS] vector, as BERT's does (its dropout is off).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, Identity, LoadContext
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


class LoraClassifier:
    def __init__(self, encoder: Encoder, adapter: str, head: tuple[Any, Any], identity: Identity) -> None:
        self.encoder, self.adapter, self.head, self.identity = encoder, adapter, head, identity
        self.labels: tuple[str, ...] = ()  # an adapter's config has no names; the catalog gives them

    @property
    def runner(self) -> SharedEncoder:
        return SharedEncoder(self.encoder)

    @property
    def group(self) -> Hashable:
        return self.encoder.group

    def encode(self, text: str, max_length: int) -> Encoded:
        return self.encoder.encode(text, max_length)

    @property
    def heads(self) -> int:
        return self.encoder.heads

    def pieces(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        return self.encoder.pieces(text, max_length)

    def attend(self, row: Encoded) -> np.ndarray:
        return self.encoder.attend(row, self.adapter)


class SharedEncoder:
    """One forward pass for rows of any of an encoder's adapters."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def logits(self, rows: Sequence[tuple[LoraClassifier, Encoded]]) -> list[np.ndarray]:
        import torch

        output, _ = self.encoder.forward([row for _, row in rows], [model.adapter for model, _ in rows])
        places: dict[LoraClassifier, list[int]] = {}
        for place, (model, _) in enumerate(rows):
            places.setdefault(model, []).append(place)
        found: list[Any] = [None] * len(rows)
        with torch.inference_mode():
            for model, at in places.items():
                logits = torch.nn.functional.linear(output.pooler_output[at], *model.head)  # [rows of this head, L]
                for place, row in zip(at, logits.float().cpu().numpy(), strict=True):
                    found[place] = row
        return found


class LoraLoader:
    name = "lora-classifier"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> LoraClassifier:
        if not isinstance(base, Encoder):
            raise LoadFailed(f"The adapter {ref.id} names no encoder to stand on: correct its entry in the catalog.")
        context.report("reading the adapter", 0.0)
        weights.verify(ref, but=(CONFIG, WEIGHTS))
        config = self._config(ref)
        matrices, head = self._split(ref, weights.tensors(ref, (WEIGHTS,)), base)
        context.report("attaching the adapter", 0.5)

        def attach() -> tuple[str, dict[str, Any]]:
            name = base.attach(config, matrices)
            return name, base.adapter_state(name)

        try:
            name, state = context.on_device(attach)
        except LoadFailed as error:
            raise LoadFailed(f"{ref.id}: {str(error)[0].lower()}{str(error)[1:]}") from None
        tensors = [*matrices.values(), *head]
        size = sum(tensor.numel() for tensor in tensors)
        own = size * head[0].element_size()
        identity = Identity(
            # from the tensors as they now lie in the encoder, not from the file
            fingerprint=weights.fingerprint(
                base.identity.fingerprint, state, dict(zip(("weight", "bias"), head, strict=True))
            ),
            device=base.identity.device,
            dtype=base.identity.dtype,
            parameters=base.identity.parameters + size,
            bytes=base.identity.bytes + own,
            own_bytes=own,
            adapter_parameters=size,
            adapter_bytes=own,
        )
        return LoraClassifier(base, name, head, identity)

    def unload(self, model: LoraClassifier, context: LoadContext) -> None:
        context.on_device(lambda: model.encoder.detach(model.adapter))

    def _config(self, ref: ModelRef) -> Any:
        import peft

        said = weights.read_json(ref, CONFIG)
        if said.get("peft_type") != "LORA" or said.get("bias", "none") != "none":
            raise LoadFailed(f"The adapter {ref.id} is not a plain LoRA adapter: train it with `bias=none`.")
        try:
            return peft.LoraConfig(
                **{key: said[key] for key in KEPT if said.get(key) is not None},
                lora_dropout=0.0,
                bias="none",
                inference_mode=True,
            )
        except (TypeError, ValueError) as error:
            raise LoadFailed(f"The file {CONFIG} of {ref.id} is damaged: get this checkpoint again.") from error

    def _split(self, ref: ModelRef, state: dict[str, Any], base: Encoder) -> tuple[dict[str, Any], tuple[Any, Any]]:
        """The low-rank matrices under the encoder's own names, and the head's weight [L, D] and bias [L]."""
        whole, inner = "base_model.model.", f"base_model.model.{base.prefix}."
        matrices = {key.removeprefix(inner): value for key, value in state.items() if key.startswith(inner)}
        rest = {key.removeprefix(whole): value for key, value in state.items() if not key.startswith(inner)}
        matrices = {key: value.to(base.device, base.dtype) for key, value in matrices.items()}
        if rest.keys() != {f"{HEAD}weight", f"{HEAD}bias"} or not matrices:
            raise LoadFailed(f"The adapter {ref.id} is not one for classification over this encoder: choose another.")
        weight, bias = (rest[f"{HEAD}{part}"].to(base.device, base.dtype) for part in ("weight", "bias"))
        return matrices, (weight, bias)


LOADER = LoraLoader()
