"""Any of transformers' encoder-decoders that write (T5, Marian, BART, ...), used as it is; and what LoRA adapters share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._hosting import BARE, AdapterHost
from playground.engine.models._identity import identity_of
from playground.engine.models._seq2seq import Seq2SeqModel, Shape


class PipelineSeq2Seq(AdapterHost, Seq2SeqModel):
    prefix = ""  # adapters stand on the whole module, and have its names

    def __init__(self, module: Any, tokenizer: Any, ref: ModelRef, context: LoadContext) -> None:
        AdapterHost.__init__(self, module)
        self.device, self.dtype = context.device, context.dtype
        Seq2SeqModel.__init__(
            self, module, Shape(module, tokenizer, ref), identity_of(module, context), self.enter(BARE)
        )

    def enter(self, adapter: str) -> Callable[[], None]:
        """Before a pass: this adapter is to be in force."""
        return partial(self.switch, adapter)

    def view(self, adapter: str, identity: Identity) -> tuple[Any, ...]:
        """What makes a `Seq2SeqModel` with an adapter of this one."""
        return self.module, self.shape, identity, self.enter(adapter)


class PipelineLoader:
    name = "pipeline-seq2seq"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineSeq2Seq:
        weights.weight_files(ref)  # says what is missing before anything is read
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING", context)
        return PipelineSeq2Seq(module, tokenizer, ref, context)

    def unload(self, model: PipelineSeq2Seq, context: LoadContext) -> None:
        pass


LOADER = PipelineLoader()
