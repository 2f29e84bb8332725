"""What LoRA adapters share, on an encoder that they share (Hu et al. 2021, arXiv 2106.09685).

In memory: the low-rank matrices inside the one encoder (and, while it carries few, merged into a copy: `_merged.py`), and
the head here, where the kind has one. What a head reads of the encoder's output is each kind's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Encoded, Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._agreement import difference
from playground.engine.models._merged import mergeable
from playground.engine.models._shared import SharedEncoder
from playground.engine.models.encoder import Encoder

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
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

    def __init__(self, encoder: Encoder, adapter: str, head: tuple[Any, ...] | None, identity: Identity) -> None:
        self.encoder, self.adapter, self.head, self._identity = encoder, adapter, head, identity
        self.labels: tuple[str, ...] = ()  # an adapter's config has no names; the catalog gives them
        self.outputs = 0 if head is None else len(head[-1])
        self.heads = encoder.heads
        self._merged: Any = None
        self._copied = 0

    @abstractmethod
    def encode(self, text: str, max_length: int) -> Encoded: ...

    @abstractmethod
    def read(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        """What the head reads of some rows of a padded batch: vectors [N, D], as many as the kind has per row. Without a
        head: the answer itself. mask [B, T]: of the whole batch.
        """

    @abstractmethod
    def divide(self, numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Logits [N, L] of the vectors of some rows -> those of each row."""

    def score(self, output: Any, mask: Any, rows: Sequence[Encoded], at: Sequence[int]) -> Any:
        import torch

        vectors = self.read(output, mask, rows, at).float()
        return vectors if self.head is None else torch.nn.functional.linear(vectors, *self.head)

    def difference(self, plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
        """The largest, of a probability, between two ways of answering the same rows."""
        return difference(plain, other)

    @property
    def identity(self) -> Identity:
        """Of all that is in memory for it just now."""
        own, copied = self._identity, self._copied
        return replace(own, bytes=own.bytes + copied, own_bytes=own.own_bytes + copied) if copied else own

    @property
    def group(self) -> Hashable:
        return self.encoder.group if self._merged is None else ("merged", id(self))

    @property
    def path(self) -> str | None:
        return None if self._merged is None else "adapter merged"

    def attend(self, row: Encoded) -> np.ndarray:
        return self.encoder.attend(row, self.adapter)

    # -- device thread only

    def use(self, merged: Any, copied: int = 0) -> None:
        """An encoder module with this adapter in its weights, to answer from now on; `copied`: bytes that it adds."""
        self._merged, self._copied = merged, copied

    def forget(self) -> None:
        self._merged, self._copied = None, 0

    def plain(self, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Answers of each row, by the shared encoder with the adapter beside its weights."""
        return SharedEncoder(self.encoder).plain([(self, row) for row in rows])

    def through(self, module: Any, rows: Sequence[Encoded]) -> list[np.ndarray]:
        """Answers of each row, by an encoder module that has the adapter in its weights."""
        import torch

        with torch.inference_mode():
            inputs = hf.collate(self.encoder.tokenizer, rows, self.encoder.device)
            scores = self.score(module(**inputs), inputs["attention_mask"], rows, range(len(rows)))
            return self.divide(scores.cpu().numpy(), rows)

    @property
    def merged(self) -> Any:
        return self._merged


class AdapterLoader(ABC):
    """name: of the loader; `task`: peft's word for what the adapter was trained for; `purpose`: ours; `headed`: whether a head
    belongs to it, which transformers calls `head`.

    outside: layers of the encoder that such an adapter's own model may not have; it stands on them where it has matrices for
    them.
    """

    name: str
    task: str
    purpose: str
    headed = True
    head = "classifier"
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
        matrices, head = self._split(ref, weights.tensors(ref, (WEIGHTS,)), base)
        config = self._config(ref, matrices)
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
        tensors = [*matrices.values(), *(head or ())]
        size = sum(tensor.numel() for tensor in tensors)
        own = sum(tensor.nbytes for tensor in tensors)
        identity = Identity(
            # from the tensors as they now lie in the encoder, not from the file
            fingerprint=weights.fingerprint(base.identity.fingerprint, state, _named(head or ())),
            device=base.identity.device,
            dtype=base.identity.dtype,
            parameters=base.identity.parameters + size,
            bytes=base.identity.bytes + own,
            own_bytes=own,
            adapter_parameters=size,
            adapter_bytes=own,
        )
        model = build(base, name, head, identity)
        base.copies.join(model, layers, context)
        return model

    def unload(self, model: Adapted, context: LoadContext) -> None:
        model.encoder.copies.leave(model)
        context.on_device(lambda: model.encoder.detach(model.adapter))

    def _config(self, ref: ModelRef, matrices: Iterable[str]) -> Any:
        import peft

        said = weights.read_json(ref, CONFIG)
        if said.get("peft_type") != "LORA" or said.get("bias", "none") != "none":
            raise LoadFailed(f"The adapter {ref.id} is not a plain LoRA adapter: train it with `bias=none`.")
        if said.get("task_type") not in (None, self.task):
            raise self._other(ref)
        kept = {key: said[key] for key in KEPT if said.get(key) is not None}
        excluded = kept.get("exclude_modules", [])
        absent = [layer for layer in self.outside if not any(f"{layer}." in name for name in matrices)]
        if absent and isinstance(excluded, list):
            kept["exclude_modules"] = [*excluded, *absent]
        try:
            return peft.LoraConfig(
                **kept,
                lora_dropout=0.0,
                bias="none",
                inference_mode=True,
            )
        except (TypeError, ValueError) as error:
            raise LoadFailed(f"The file {CONFIG} of {ref.id} is damaged: get this checkpoint again.") from error

    def _split(
        self, ref: ModelRef, state: dict[str, Any], base: Encoder
    ) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
        """The low-rank matrices under the encoder's own names, and the head, e.g. weight [L, D] and bias [L]; it stays
        float32, so that logits are, whatever the encoder computes in.
        """
        whole, inner = "base_model.model.", f"base_model.model.{base.prefix}."
        if not self.headed and not any(key.startswith(inner) for key in state):
            inner = whole  # the encoder alone was trained, in no model with a head
        matrices = {key.removeprefix(inner): value for key, value in state.items() if key.startswith(inner)}
        rest = {key.removeprefix(whole): value for key, value in state.items() if not key.startswith(inner)}
        matrices = {key: value.to(base.device, base.dtype) for key, value in matrices.items()}
        head = self.parts(rest)
        if head is None or not matrices:
            raise self._other(ref)
        return matrices, tuple(tensor.to(base.device).float() for tensor in head) or None

    def parts(self, rest: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The head's tensors in the kind's own order, of those in the file that are none of the encoder's; none where the kind has
        no head, None where they are another kind's.
        """
        names = [f"{self.head}.{part}" for part in ("weight", "bias")] if self.headed else []
        return tuple(rest[name] for name in names) if rest.keys() == {*names} else None

    def _other(self, ref: ModelRef) -> LoadFailed:
        return LoadFailed(f"The adapter {ref.id} is not one for {self.purpose} over this encoder: choose another.")


def _named(head: Sequence[Any]) -> dict[str, Any]:
    """Of weight and bias as the fingerprints of classifiers have always had them; a head of other parts by their places."""
    names = ("weight", "bias") if len(head) == 2 else [f"head{place}" for place in range(len(head))]
    return dict(zip(names, head, strict=True))
