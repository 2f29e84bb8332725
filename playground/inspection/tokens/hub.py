"""Tokenizers of the package tokenizers: byte-level BPE, BPE, WordPiece, Unigram. The model that owns one is not loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from playground.core.errors import NotSupported
from playground.core.token_types import Conversation, Derivation, Family, Flag, Message, Reading, TokenizerRef
from playground.inspection.tokens import forms, hub_chat, hub_explain, placing
from playground.inspection.tokens.hub_file import HubFile

_FAMILIES = {"BPE": Family.BPE, "WordPiece": Family.WORDPIECE, "Unigram": Family.UNIGRAM}
_METASPACE = "\N{LOWER ONE EIGHTH BLOCK}"


class HubTokenizer:
    def __init__(self, ref: TokenizerRef) -> None:
        self._ref = ref
        self._file = HubFile(Path(ref.folder), ref.title, ref.content)
        self._family = Family.BYTE_BPE if self._file.byte_level else _FAMILIES.get(self._file.kind, Family.OTHER)

    def read(self, text: str, *, control: bool, special: bool) -> Reading:
        file = self._file
        tokenizer = file.control if control else file.plain
        encoding = tokenizer.encode(text, add_special_tokens=special)
        ids = np.array(encoding.ids, dtype=np.int64)
        put = np.array(encoding.special_tokens_mask, dtype=bool)  # by the tokenizer, around the text
        known = {int(i): self._form(int(i)) for i in np.unique(ids)}
        written = {i: self._bytes(i, form) for i, form in known.items()}

        spans = self._in_row(text, ids, put, written)
        exact = spans is not None
        raw = (
            spans
            if spans is not None
            else placing.byte_starts(text)[np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)]
        )
        real = np.flatnonzero(~put)
        spans, flags = np.zeros((len(ids), 2), dtype=np.int64), np.zeros(len(ids), dtype=np.uint8)
        placed, marks = raw[real], np.zeros(len(real), dtype=np.uint8)
        if not exact:
            placed = placing.disjoint(text, placed, lambda place: written[int(ids[real[place]])], marks)
        if not exact and file.composes:
            placed = placing.composed(text, placed)
        spans[real] = placed
        spans[put] = _place_of(put, spans, len(text.encode("utf-8")))[:, None]
        flags[real] = marks | placing.flags_by_place(text, placed)
        if file.kind == "WordPiece":
            goes_on = np.array([i for i, form in known.items() if form.startswith(file.prefix)], dtype=np.int64)
            flags = np.where(np.isin(ids, goes_on), flags | np.uint8(Flag.CONTINUES), flags & ~np.uint8(Flag.CONTINUES))
        typed = self._typed(text, ids, put, spans) if control else np.zeros(len(ids), dtype=bool)
        if file.unknown is not None:
            flags[(ids == file.unknown) & ~typed] |= np.uint8(Flag.UNKNOWN)
        flags[put | typed] = np.uint8(Flag.SPECIAL)
        normalized = self._normalized(text, spans[typed])
        left = ids[~(put | typed)]
        decoded = None if exact and not typed.any() else tokenizer.decode(left.tolist(), skip_special_tokens=True)
        return Reading(
            self._ref,
            self._family,
            text,
            ids.astype(np.int32),
            spans.astype(np.int32),
            flags.astype(np.uint8),
            vocabulary=tokenizer.get_vocab_size(with_added_tokens=True),
            forms=known,
            normalized=normalized if normalized != text else None,
            decoded=decoded if decoded != text else None,
        )

    def _in_row(self, text: str, ids: np.ndarray, put: np.ndarray, written: dict[int, bytes]) -> np.ndarray | None:
        """The spans of byte-level tokens, where these are the text's bytes (a blank put before it apart), else None."""
        if not self._file.byte_level:
            return None
        real = [written[i] for i in ids[~put].tolist()]
        data, joined = text.encode("utf-8"), b"".join(real)
        lengths = np.zeros(len(ids), dtype=np.int64)
        lengths[~put] = [len(one) for one in real]
        if joined != data:
            return None
        return placing.in_row(lengths)

    def _typed(self, text: str, ids: np.ndarray, put: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """bool [N]: control tokens that the text spells out. The sign for the unknown is one only where it was typed."""
        typed = np.isin(ids, list(self._file.specials)) & ~put
        data = text.encode("utf-8")
        for place in np.flatnonzero(typed & (ids == self._file.unknown)) if self._file.unknown is not None else ():
            start, end = spans[place]
            name = self._file.specials.get(int(ids[place]), "")
            typed[place] = data[start:end].strip() == name.encode("utf-8")
        return typed

    def _normalized(self, text: str, typed: np.ndarray) -> str:
        """As the model sees the text; a control token in it stays as it is. typed: [T, 2], bytes."""
        normalizer = self._file.control.normalizer
        if normalizer is None or self._file.normalizes("ByteLevel"):
            return text
        data, at, parts = text.encode("utf-8"), 0, []
        for start, end in (*typed.tolist(), [len(data)] * 2):
            part = data[at:start].decode("utf-8", "replace")
            parts += [normalizer.normalize_str(part) if part else "", data[start:end].decode("utf-8", "replace")]
            at = end
        return "".join(parts)

    def _form(self, token: int) -> str:
        return self._file.specials.get(token) or self._file.plain.id_to_token(token) or ""

    def _bytes(self, token: int, form: str) -> bytes:
        """What a token of the vocabulary writes."""
        if token in self._file.specials:
            return form.encode("utf-8")
        if self._file.byte_level:
            found = forms.byte_level(form)
            return form.encode("utf-8") if found is None else found
        if len(form) == 6 and form.startswith("<0x") and form.endswith(">"):  # byte fallback
            return bytes.fromhex(form[3:5])
        return form.removeprefix(self._file.prefix).replace(_METASPACE, " ").encode("utf-8")

    def forms(self, ids: Sequence[int]) -> dict[int, str]:
        return {i: self._form(i) for i in ids}

    def explain(self, text: str, token: int, *, control: bool, special: bool) -> Derivation:
        tokenizer = self._file.control if control else self._file.plain
        reading = self.read(text, control=control, special=special)
        return hub_explain.explain(self._file, tokenizer, reading, token)

    def converse(self, messages: Sequence[Message]) -> Conversation:
        """The template writes the tokens around the whole text itself."""
        if self._ref.content:
            raise NotSupported(f"{self._ref.title} has no chat template: choose a chat model's tokenizer.")
        text, places, template = hub_chat.rendered(Path(self._ref.folder), self._ref.title, messages)
        reading = self.read(text, control=True, special=False)
        return hub_chat.conversation(reading, messages, places, template)


def _place_of(put: np.ndarray, spans: np.ndarray, length: int) -> np.ndarray:
    """Where the tokens that the tokenizer put around a text stand: at the end of what came before, the last ones at its end."""
    ends = np.maximum.accumulate(np.where(put, 0, spans[:, 1]))[put]
    real = np.flatnonzero(~put)
    last = int(real[-1]) if len(real) else -1
    return np.where(np.flatnonzero(put) > last, length if len(real) else 0, ends)
