"""Any of transformers' causal language models over a folder, used as it is; and the backbone that LoRA adapters share.

A chat model is given the plain text to go on from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import Identity, LoadContext
from playground.engine.models import _transformers as hf
from playground.engine.models._decoder import DecoderModel, HubVocabulary
from playground.engine.models._decoder_insides import DecoderInsides, HubBody
from playground.engine.models._hosting import BARE, AdapterHost
from playground.engine.models._identity import identity_of


class PipelineDecoder(AdapterHost, DecoderModel):
    def __init__(self, module: Any, tokenizer: Any, ref: ModelRef, context: LoadContext) -> None:
        AdapterHost.__init__(self, module)
        self.device, self.dtype, self.ref = context.device, context.dtype, ref
        longest = min(hf.longest(module.config, tokenizer), ref.max_length)
        vocabulary = HubVocabulary(tokenizer, module.config, ref)
        self.causal = context.on_device(partial(_causal, module, longest, ref, self.enter(BARE)))
        DecoderModel.__init__(
            self, identity_of(module, context), vocabulary, longest, desk(self.causal, vocabulary.stop), self.causal
        )

    @property
    def insides(self) -> DecoderInsides:
        return self.looked_into(BARE)

    def looked_into(self, adapter: str) -> DecoderInsides:
        return DecoderInsides(self.vocabulary, self.context, HubBody(self.module, self.scorer(adapter)))

    def scorer(self, adapter: str) -> Any:
        """The module's passes with this adapter in force."""
        from playground.engine.models._causal import CausalLM

        return CausalLM(self.module, self.context, self.causal.shape, self.enter(adapter))

    def enter(self, adapter: str) -> Callable[[], None]:
        """Before a pass: this adapter is to be in force."""
        return partial(self.switch, adapter)

    def view(self, adapter: str, identity: Identity) -> tuple[Any, ...]:
        """What makes a `DecoderModel` with an adapter of this one."""
        causal = self.scorer(adapter)
        return identity, self.vocabulary, self.context, desk(causal, self.vocabulary.stop), causal


def desk(causal: Any, stop: frozenset[int]) -> Any:
    from playground.engine.models._desk import Desk

    return Desk(causal, stop, shared=causal.shape is not None)


def _causal(module: Any, context: int, ref: ModelRef, enter: Callable[[], None]) -> Any:
    from playground.engine.models._causal import causal_lm

    return causal_lm(module, context, ref, enter)


class PipelineLoader:
    name = "pipeline-decoder"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, weights.weight_files(ref))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> PipelineDecoder:
        module, tokenizer = hf.load_pretrained(ref, "MODEL_FOR_CAUSAL_LM_MAPPING", context)
        return PipelineDecoder(module, tokenizer, ref, context)

    def unload(self, model: PipelineDecoder, context: LoadContext) -> None:
        pass


LOADER = PipelineLoader()
