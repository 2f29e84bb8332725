"""A LoRA adapter that gives a decoder another voice, on a decoder that it shares. It has no head.

On disk: peft's CAUSAL_LM layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.core.types import ModelRef
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._adapters import HostedLoader
from playground.engine.models._decoder import DecoderModel
from playground.engine.models._decoder_insides import DecoderInsides
from playground.engine.models.pipeline_decoder import PipelineDecoder


class LoraDecoder(DecoderModel):
    def __init__(self, base: PipelineDecoder, adapter: str, head: None, identity: Identity) -> None:
        super().__init__(*base.view(adapter, identity))
        self.base, self.adapter = base, adapter

    @property
    def insides(self) -> DecoderInsides:
        return self.base.looked_into(self.adapter)


class DecoderAdapterLoader(HostedLoader):
    name, task, purpose, headed = "lora-decoder", "CAUSAL_LM", "writing", False
    host, backbone = PipelineDecoder, "decoder"

    def ready(self, ref: ModelRef, base: Any, context: LoadContext) -> Callable[..., LoraDecoder]:
        return LoraDecoder

    def unload(self, model: LoraDecoder, context: LoadContext) -> None:
        context.on_device(lambda: model.base.detach(model.adapter))


LOADER = DecoderAdapterLoader()
