"""The encodings of OpenAI's models, by the package bpe-openai: byte-level BPE, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import regex

from playground.core.errors import InputTooLong, LoadFailed, NotSupported
from playground.core.token_text import shown
from playground.core.token_types import Conversation, Derivation, Family, Flag, Message, Reading, TokenizerRef
from playground.inspection.tokens import byte_explain, openai_chat, placing


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
        self._vocabulary = sum(map(bool, self._tokens))  # there are numbers that no token has
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
            vocabulary=self._vocabulary,
            forms={int(i): shown(self._tokens[i]) for i in np.unique(ids)},
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
        return {i: shown(self._tokens[i]) for i in ids if 0 <= i < len(self._tokens)}

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation:
        reading = self.read(text, control=control, special=special)
        return byte_explain.explain(
            reading, token, self._pieces, lambda data: [bytes([byte]) for byte in data], self._merge, self._named
        )

    @cached_property
    def _pieces(self) -> regex.Pattern[str]:
        from bpe_openai import registry

        return regex.compile(registry.ENCODING_CONSTRUCTORS[self._ref.name]()["pat_str"])

    def _merge(self, left: bytes, right: bytes) -> tuple[int, bytes] | None:
        """A token's id is the rank of the merge that makes it."""
        rank = self._id(left + right)
        return None if rank is None else (rank, left + right)

    def _named(self, token: bytes) -> tuple[str, int | None]:
        return shown(token), self._id(token)

    def _id(self, token: bytes) -> int | None:
        try:
            found: int = self._encoding.encode_single_token(token)
        except KeyError:
            return None
        return None if found in self._specials else found

    def converse(self, messages: Sequence[Message]) -> Conversation:
        if self._ref.name not in openai_chat.CONTROL:
            raise NotSupported(f"{self._ref.title} reads no conversations: choose a chat model's tokenizer.")
        return openai_chat.converse(
            self._ref,
            messages,
            lambda text: self._ids(text, control=False),
            self._lengths,
            lambda i: shown(self._tokens[i]),
            self._vocabulary,
        )
