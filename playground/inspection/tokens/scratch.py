"""Our own tokenizers: byte-level BPE, and single characters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import regex

from playground.core.errors import LoadFailed, NotSupported
from playground.core.token_text import shown
from playground.core.token_types import Conversation, Derivation, Family, Flag, Message, Reading, TokenizerRef
from playground.inspection.tokens import byte_explain, placing
from playground.scratch.characters import CharacterTokenizer
from playground.scratch.tokenizer import CLS, PIECES, Tokenizer, load

_PIECES = regex.compile(PIECES.pattern)


class ScratchTokenizer:
    """No text ever turns into one of its special tokens: both readings of a typed one are the same."""

    def __init__(self, ref: TokenizerRef) -> None:
        try:
            self._tokenizer: Tokenizer | CharacterTokenizer = (
                Tokenizer.from_json(ref.content) if ref.content else load(Path(ref.folder))
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LoadFailed(f"The tokenizer {ref.title} cannot be opened: choose another one.") from error
        self._ref = ref
        self._lengths = np.array([len(token) for token in self._tokenizer.tokens], dtype=np.int64)

    def read(self, text: str, *, control: bool, special: bool) -> Reading:
        """special: with the sign for the whole text, which encoders read first; decoders have none."""
        tokenizer = self._tokenizer
        if isinstance(tokenizer, CharacterTokenizer):
            found, places = tokenizer.encode_with_offsets(text)
            spans = np.array(places, dtype=np.int64).reshape(-1, 2)
            family = Family.CHARACTERS
        else:
            found = tokenizer.encode(text)
            spans = placing.in_row(self._lengths[np.array(found, dtype=np.int64)])
            family = Family.BYTE_BPE
        flags = placing.flags_by_place(text, spans)
        decoded = tokenizer.decode(found)
        ids = np.array(found, dtype=np.int32)
        if special and CLS in tokenizer.specials:
            first = tokenizer.specials.index(CLS)
            ids = np.concatenate([[first], ids])
            spans = np.concatenate([[[0, 0]], spans])
            flags = np.concatenate([[np.uint8(Flag.SPECIAL)], flags])
        return Reading(
            self._ref,
            family,
            text,
            ids.astype(np.int32),
            spans.astype(np.int32),
            flags.astype(np.uint8),
            vocabulary=len(tokenizer),
            forms={int(i): self._form(int(i)) for i in np.unique(ids)},
            normalized=decoded if decoded != text else None,  # what it does not see is not there, what it lowers is low
            decoded=decoded if decoded != text else None,
        )

    def _form(self, token: int) -> str:
        specials = self._tokenizer.specials
        return specials[token] if token < len(specials) else shown(self._tokenizer.tokens[token])

    def forms(self, ids: Sequence[int]) -> dict[int, str]:
        return {i: self._form(i) for i in ids if 0 <= i < len(self._tokenizer)}

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation:
        tokenizer = self._tokenizer
        if isinstance(tokenizer, CharacterTokenizer):
            raise NotSupported("There is nothing behind this token: each character that the tokenizer knows is one.")
        return byte_explain.explain(
            self.read(text, control=control, special=special),
            token,
            _PIECES,
            lambda data: [tokenizer.byte_ids[byte] for byte in data],
            lambda left, right: self._merges.get((left, right)),
            lambda i: (self._form(i), i),
        )

    @cached_property
    def _merges(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Rank and result by pair."""
        assert isinstance(self._tokenizer, Tokenizer)
        tokens = self._tokenizer.tokens
        ids = {token: i for i, token in enumerate(tokens)}
        return {(a, b): (rank, ids[tokens[a] + tokens[b]]) for rank, (a, b) in enumerate(self._tokenizer.merges)}

    def converse(self, messages: Sequence[Message]) -> Conversation:
        raise NotSupported(f"{self._ref.title} reads no conversations: choose a chat model's tokenizer.")
