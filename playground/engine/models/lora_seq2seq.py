"""A LoRA adapter that makes an encoder-decoder write otherwise, on an encoder-decoder that it shares. It has no head.

On disk: peft's SEQ_2_SEQ_LM layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.core.types import ModelRef
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models._adapters import HostedLoader
from playground.engine.models._seq2seq import Seq2SeqModel
from playground.engine.models.pipeline_seq2seq import PipelineSeq2Seq


class LoraSeq2Seq(Seq2SeqModel):
    def __init__(self, base: PipelineSeq2Seq, adapter: str, head: None, identity: Identity) -> None:
        super().__init__(*base.view(adapter, identity))
        self.base, self.adapter = base, adapter


class Seq2SeqAdapterLoader(HostedLoader):
    name, task, purpose, headed = "lora-seq2seq", "SEQ_2_SEQ_LM", "making a text of a text", False
    host, backbone = PipelineSeq2Seq, "encoder-decoder"

    def ready(self, ref: ModelRef, base: Any, context: LoadContext) -> Callable[..., LoraSeq2Seq]:
        return LoraSeq2Seq

    def unload(self, model: LoraSeq2Seq, context: LoadContext) -> None:
        context.on_device(lambda: model.base.detach(model.adapter))


LOADER = Seq2SeqAdapterLoader()
