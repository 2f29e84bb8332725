"""LoRA adapters in peft's files, and how one is put on a backbone in memory (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._hosting import AdapterHost

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


class HostedLoader(ABC):
    """name: of the loader; `task`: peft's word for what the adapter was trained for; `purpose`: ours; `headed`: whether a head
    belongs to it, which transformers calls `head`. host: what it stands on, `backbone` in words.

    outside: layers of the backbone that such an adapter's own model may not have; it stands on them where it has matrices for
    them.
    """

    name: str
    task: str
    purpose: str
    headed = True
    head = "classifier"
    outside: tuple[str, ...] = ()
    host: type[AdapterHost]
    backbone: str

    @abstractmethod
    def ready(self, ref: ModelRef, base: Any, context: LoadContext) -> Callable[..., Any]:
        """Before anything is attached: what makes the model out of backbone, adapter, head and identity. Raises ModelError."""

    def joined(self, model: Any, base: Any, adapter: str, context: LoadContext) -> None:
        """It was attached."""
        return

    @abstractmethod
    def unload(self, model: Any, context: LoadContext) -> None: ...

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> Any:
        if not isinstance(base, self.host):
            raise LoadFailed(
                f"The adapter {ref.id} names no {self.backbone} to stand on: correct its entry in the catalog."
            )
        context.report("reading the adapter", 0.0)
        weights.verify(ref, but=(CONFIG, WEIGHTS))
        matrices, head = self._split(ref, weights.tensors(ref, (WEIGHTS,)), base)
        config = self._config(ref, matrices)
        build = self.ready(ref, base, context)
        context.report("attaching the adapter", 0.5)

        def attach() -> tuple[str, dict[str, Any]]:
            name = base.attach(config, matrices)
            return name, base.adapter_state(name)

        try:
            with hf.building:  # taken here: the device's thread never waits for another model to be built
                name, state = context.on_device(attach)
        except LoadFailed as error:
            raise LoadFailed(f"{ref.id}: {str(error)[0].lower()}{str(error)[1:]}") from None
        tensors = [*matrices.values(), *(head or ())]
        size = sum(tensor.numel() for tensor in tensors)
        own = sum(tensor.nbytes for tensor in tensors)
        identity = Identity(
            # from the tensors as they now lie in the backbone, not from the file
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
        self.joined(model, base, name, context)
        return model

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

    def _split(self, ref: ModelRef, state: dict[str, Any], base: Any) -> tuple[dict[str, Any], tuple[Any, ...] | None]:
        """The low-rank matrices under the backbone's own names, and the head, e.g. weight [L, D] and bias [L]; it stays
        float32, so that logits are, whatever the backbone computes in.
        """
        whole, inner = "base_model.model.", f"base_model.model.{base.prefix}"
        if not self.headed and not any(key.startswith(inner) for key in state):
            inner = whole  # the backbone alone was trained, in no model with a head
        matrices = {key.removeprefix(inner): value for key, value in state.items() if key.startswith(inner)}
        rest = {key.removeprefix(whole): value for key, value in state.items() if not key.startswith(inner)}
        matrices = {key: value.to(base.device, base.dtype) for key, value in matrices.items()}
        head = self.parts(rest)
        if head is None or not matrices:
            raise self._other(ref)
        return matrices, tuple(tensor.to(base.device).float() for tensor in head) or None

    def parts(self, rest: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The head's tensors in the kind's own order, of those in the file that are none of the backbone's; none where the kind has
        no head, None where they are another kind's.
        """
        names = [f"{self.head}.{part}" for part in ("weight", "bias")] if self.headed else []
        return tuple(rest[name] for name in names) if rest.keys() == {*names} else None

    def _other(self, ref: ModelRef) -> LoadFailed:
        return LoadFailed(
            f"The adapter {ref.id} is not one for {self.purpose} over this {self.backbone}: choose another."
        )


def _named(head: Sequence[Any]) -> dict[str, Any]:
    """Of weight and bias as the fingerprints of classifiers have always had them; a head of other parts by their places."""
    names = ("weight", "bias") if len(head) == 2 else [f"head{place}" for place in range(len(head))]
    return dict(zip(names, head, strict=True))
