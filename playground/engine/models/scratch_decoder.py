"""Our own GPT with our own tokenizer: `playground.scratch`, as its recipe saves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._decoder import DecoderModel
from playground.engine.models._decoder_insides import DecoderInsides, OwnBody
from playground.engine.models._identity import identity_of

END = "<end>"  # a special token that stands between texts, where a tokenizer has it


class ScratchVocabulary:
    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        ends = [tokenizer.special(END)] if END in tokenizer.specials else []
        start = getattr(tokenizer, "start", None)  # of a tokenizer of characters
        self.begin = tuple(ends if start is None else [start])
        self.stop = frozenset(ends)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids)
        return text

    def unknown(self, text: str) -> tuple[str, ...]:
        find = getattr(self._tokenizer, "unknown", None)
        return () if find is None else find(text)

    def places(self, text: str) -> list[tuple[int, int]]:
        """[start, end) in the text of each token of `encode`; of a token that is a part of a character all of it."""
        return _scratch.characters(text, self._tokenizer.encode_with_offsets(text)[1])

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each token by itself, special ones by their name."""
        specials = self._tokenizer.specials
        return [specials[id_] if id_ < len(specials) else self._tokenizer.decode([id_]) for id_ in ids]

    def common(self) -> list[int]:
        """All but special tokens."""
        return list(range(len(self._tokenizer.specials), len(self._tokenizer)))


class ScratchDecoder(DecoderModel):
    def __init__(self, module: Any, tokenizer: Any, context: LoadContext) -> None:
        from playground.engine.models._desk import Desk

        vocabulary = ScratchVocabulary(tokenizer)
        desk = Desk(module, vocabulary.stop)
        longest = module.config.context
        super().__init__(
            identity_of(module, context), vocabulary, longest, desk, lambda ids, keep: module(ids.to(module.device))
        )
        self.module = module

    @property
    def insides(self) -> DecoderInsides:
        return DecoderInsides(self.vocabulary, self.context, OwnBody(self.module))


class ScratchLoader:
    name = "scratch-decoder"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchDecoder:
        from playground.scratch.gpt import GPT, GPTConfig

        return ScratchDecoder(*_scratch.build(ref, context, GPT, GPTConfig), context)

    def unload(self, model: ScratchDecoder, context: LoadContext) -> None:
        pass


LOADER = ScratchLoader()
