"""The encodings of OpenAI's models, by the package bpe-openai: byte-level BPE, without a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.errors import InputTooLong, LoadFailed, NotSupported
from playground.core.token_types import Conversation, Derivation, Family, Flag, Message, Reading, TokenizerRef
from playground.inspection.tokens import forms, placing


class OpenAIEncoding:
    def __init__(self, ref: TokenizerRef) -> None:
        import bpe_openai  # half a second: it reads all its vocabularies

        try:
            self._encoding = bpe_openai.get_encoding(ref.name)
        except (bpe_openai.TokenizerError, OSError) as error:
            raise LoadFailed(f"The tokenizer {ref.title} cannot be opened: choose another one.") from error
        self._ref = ref
        self._too_long = bpe_openai.TokenLimitError
        self._tokens: list[bytes] = self._encoding.token_byte_values()
        self._lengths = np.array([len(token) for token in self._tokens], dtype=np.int64)
        self._specials = np.array(
            sorted(self._encoding.encode_single_token(name) for name in self._encoding.special_tokens_set)
        )

    def read(self, text: str, *, control: bool, special: bool) -> Reading:
        """Nothing is put around a text: `special` makes no difference."""
        ids = np.array(self._ids(text, control), dtype=np.int32)
        spans = placing.in_row(self._lengths[ids])
        flags = placing.flags_by_place(text, spans)
        typed = np.isin(ids, self._specials)
        flags[typed] = np.uint8(Flag.SPECIAL)
        decoded = None
        if typed.any():
            decoded = b"".join(self._tokens[i] for i in ids[~typed]).decode("utf-8", "replace")
        return Reading(
            self._ref,
            Family.BYTE_BPE,
            text,
            ids,
            spans.astype(np.int32),
            flags,
            vocabulary=sum(map(bool, self._tokens)),
            forms={int(i): forms.shown(self._tokens[i]) for i in np.unique(ids)},
            decoded=decoded,
        )

    def _ids(self, text: str, control: bool) -> list[int]:
        try:
            if control:
                return self._encoding.encode(text, allowed_special="all")
            return self._encoding.encode_ordinary(text)
        except self._too_long as error:
            raise InputTooLong(len(text), len(text) * error.chunk_limit // error.token_count) from error

    def forms(self, ids: Sequence[int]) -> dict[int, str]:
        return {i: forms.shown(self._tokens[i]) for i in ids if 0 <= i < len(self._tokens)}

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation:
        raise NotSupported("not yet")

    def converse(self, messages: Sequence[Message]) -> Conversation:
        raise NotSupported("not yet")
