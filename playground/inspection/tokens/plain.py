"""Cuts without a vocabulary: characters (as a reader sees them), words, sentences. Their tokens have no ids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import regex

from playground.core.errors import NotSupported
from playground.core.token_types import Conversation, Derivation, Family, Message, Reading, TokenizerRef
from playground.inspection.tokens import placing

_CUTS = {
    "characters": (Family.CHARACTERS, regex.compile(r"\X")),
    "words": (Family.WORDS, regex.compile(r"[\w\p{M}]+(?:['’][\w\p{M}]+)*|[^\s\w]")),
    "sentences": (Family.SENTENCES, regex.compile(r"\S.*?(?:[.!?…。！？।؟]+[\"'”’)\]]*(?=\s|$)|$|\n)", regex.DOTALL)),
}
# What is a character by itself whatever stands beside it (Unicode Standard Annex 29, table 2).
_APART = regex.compile(r"[\p{Grapheme_Cluster_Break=Other}\p{Grapheme_Cluster_Break=Control}\n]*+")


class Split:
    def __init__(self, ref: TokenizerRef) -> None:
        self._ref = ref
        self._family, self._pattern = _CUTS[ref.name]

    def read(self, text: str, *, control: bool, special: bool) -> Reading:
        starts = placing.byte_starts(text)
        spans = self._cut(text)
        count = len(spans)
        return Reading(
            self._ref,
            self._family,
            text,
            ids=np.full(count, -1, dtype=np.int32),
            spans=starts[spans].astype(np.int32),
            flags=np.zeros(count, dtype=np.uint8),
        )

    def _cut(self, text: str) -> np.ndarray:
        """int64 [N, 2], in characters."""
        if self._family is Family.CHARACTERS and _APART.fullmatch(text):  # far quicker
            return placing.in_row(np.ones(len(text), dtype=np.int64))
        return np.array([match.span() for match in self._pattern.finditer(text)], dtype=np.int64).reshape(-1, 2)

    def forms(self, ids: Sequence[int]) -> dict[int, str]:
        return {}

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation:
        raise NotSupported(f"There is nothing behind {self._ref.title}: they are cut where they stand.")

    def converse(self, messages: Sequence[Message]) -> Conversation:
        raise NotSupported(f"{self._ref.title.capitalize()} know no chat: choose a chat model's tokenizer.")
