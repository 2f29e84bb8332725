"""Our own encoder-decoder with our own tokenizer: `playground.scratch`, as its recipes save it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from playground.core.errors import LoadFailed
from playground.core.types import ModelRef
from playground.engine import weights
from playground.engine.inputs import Encoded
from playground.engine.loaders import LoadContext
from playground.engine.models import _scratch
from playground.engine.models._identity import identity_of
from playground.engine.models._rewriter_insides import OwnBody, RewriterInsides
from playground.engine.models.scratch_decoder import END, ScratchVocabulary
from playground.engine.writers import Prompt

START = "<start>"  # a special token that a text begins after
RECORD = "checkpoint.json"


class RewriterVocabulary(ScratchVocabulary):
    """plain: signs that are read as others, as they were in training. Raises ValueError where a special token is missing."""

    def __init__(self, tokenizer: Any, plain: Mapping[str, str]) -> None:
        super().__init__(tokenizer)
        self._plain = str.maketrans(dict(plain))
        self.start: int = tokenizer.special(START)
        self.end: int = tokenizer.special(END)
        self.begin = ()

    def encode(self, text: str) -> list[int]:
        return super().encode(text.translate(self._plain))

    def places(self, text: str) -> list[tuple[int, int]]:
        read = [character.translate(self._plain) for character in text]
        at = [place for place, signs in enumerate(read) for _ in signs]  # in the text, of each sign that is read
        return [(at[start], at[end - 1] + 1) for start, end in super().places("".join(read))]


class ScratchSeq2Seq:
    path: str | None = None
    labels: tuple[str, ...] = ()
    stops_at_length = False  # its texts may end where they end

    def __init__(self, module: Any, vocabulary: RewriterVocabulary, context: LoadContext) -> None:
        from playground.engine.models._sources import SourceDesk

        self.module, self.vocabulary = module, vocabulary
        self.identity = identity_of(module, context)
        self.context = module.config.context
        self.desk = SourceDesk(module.read, vocabulary.start, vocabulary.stop, together=module)

    @property
    def group(self) -> Hashable:
        return id(self)

    @property
    def insides(self) -> RewriterInsides:
        return RewriterInsides(self.vocabulary, OwnBody(self.module, self.vocabulary))

    def encode(self, text: str, max_length: int) -> Encoded:
        found = self.source(text, max_length)
        return Encoded({"input_ids": found.ids}, found.truncated)

    def source(self, text: str, max_length: int) -> Prompt:
        """A text as it is read: its end left out where it is too long, and the token behind it that ends it."""
        ids = self.vocabulary.encode(text)
        room = max(1, min(max_length, self.module.config.source_context) - 1)
        return Prompt([*ids[:room], self.vocabulary.end], len(ids) > room)


class ScratchLoader:
    name = "scratch-seq2seq"

    def estimate(self, ref: ModelRef) -> int:
        return weights.estimate(ref, (weights.WEIGHTS,))

    def load(self, ref: ModelRef, base: Any | None, context: LoadContext) -> ScratchSeq2Seq:
        from playground.scratch.seq2seq import Seq2Seq, Seq2SeqConfig

        module, tokenizer = _scratch.build(ref, context, Seq2Seq, Seq2SeqConfig)
        try:
            vocabulary = RewriterVocabulary(tokenizer, _plain(ref))
        except (ValueError, TypeError, AttributeError) as error:
            raise LoadFailed(f"The model {ref.id} cannot be built from its files: train it or get it again.") from error
        return ScratchSeq2Seq(module, vocabulary, context)

    def unload(self, model: ScratchSeq2Seq, context: LoadContext) -> None:
        pass


def _plain(ref: ModelRef) -> Mapping[str, str]:
    """Of the record that lies beside the weights, if one does."""
    if not (Path(ref.folder) / RECORD).is_file():
        return {}
    found = weights.read_json(ref, RECORD).get("plain", {})
    return found if isinstance(found, dict) else {}


LOADER = ScratchLoader()
