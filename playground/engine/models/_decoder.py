"""What models share that go on with a text."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from playground.core.types import ModelRef
from playground.engine.inputs import Encoded
from playground.engine.loaders import Identity
from playground.engine.models import _transformers as hf
from playground.engine.writers import Prompt, Vocabulary


class DecoderModel:
    """logits: ids int64 [1, T] and a number -> [1, T, V], or those of so many of the last tokens."""

    path: str | None = None
    labels: tuple[str, ...] = ()

    def __init__(
        self, identity: Identity, vocabulary: Vocabulary, context: int, desk: Any, logits: Callable[[Any, int], Any]
    ) -> None:
        self.identity, self.vocabulary, self.context, self.desk = identity, vocabulary, context, desk
        self._logits = logits

    @property
    def group(self) -> Hashable:
        return id(self)

    def encode(self, text: str, max_length: int) -> Encoded:
        """As it stands, from its beginning."""
        ids = [*self.vocabulary.begin, *self.vocabulary.encode(text)]
        most = min(max_length, self.context)
        return Encoded({"input_ids": ids[:most]}, len(ids) > most)

    def prompt(self, text: str, length: int, beams: int) -> Prompt:
        """A window of the model moves on when it is full; of texts side by side it stays, so that room is kept for what comes."""
        from playground.scratch.decoding import window_start

        ids = [*self.vocabulary.begin, *self.vocabulary.encode(text)]
        room = max(1, self.context - length)
        start = max(0, len(ids) - room) if beams > 1 else window_start(len(ids), self.context)
        return Prompt(ids[start:], start > 0)

    def foreseen(self, ids: Sequence[int], new: int) -> float:
        from playground.scratch.foresight import nats

        return nats(lambda window: self._logits(window, new), ids, new) / math.log(2)


class HubVocabulary:
    """A tokenizer of transformers. Texts begin after what the tokenizer puts before each; where it puts nothing, after the token
    that also ends a text, if there is one: such a model has read one text after the other with it in between.
    """

    def __init__(self, tokenizer: Any, config: Any, ref: ModelRef) -> None:
        self._tokenizer = tokenizer
        said = (config.eos_token_id, tokenizer.eos_token_id, _generation_config(ref).get("eos_token_id"))
        ends = {end for one in said for end in (one if isinstance(one, list) else [one]) if isinstance(end, int)}
        self.stop = frozenset(ends)
        own = tokenizer("", add_special_tokens=True)["input_ids"]
        last = {tokenizer.eos_token_id, tokenizer.sep_token_id} - {tokenizer.bos_token_id}
        begin = [one for one in own if one not in last]  # what comes behind a text is not in it yet
        if not begin and tokenizer.bos_token_id in ends:
            begin = [tokenizer.bos_token_id]
        self.begin = tuple(begin[:1])

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def unknown(self, text: str) -> tuple[str, ...]:
        return ()

    def places(self, text: str) -> list[tuple[int, int]]:
        """[start, end) in the text of each token of `encode`."""
        return [(start, end) for _, start, end, _ in hf.spelled(self._tokenizer, text, add_special_tokens=False)]

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each token by itself, special ones by their name."""
        return hf.names(self._tokenizer, ids)

    def common(self) -> list[int]:
        """All but special tokens."""
        return hf.common(self._tokenizer)


def _generation_config(ref: ModelRef) -> dict[str, Any]:
    try:
        found = json.loads((Path(ref.folder) / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
