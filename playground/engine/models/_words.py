"""How taggers read a text: line by line, and each word of a line by itself (transformers' `is_split_into_words=True`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.core import segment
from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded, EncodedWords

MOST_PIECES = 16  # of a word that are read
MOST_CHARACTERS = 256  # of a word that are looked at: 100 kB without a blank are one word

Piece = tuple[int, int, int]  # its id, and its [start, end) in the word


class Reader(ABC):
    """Over some tokenizer. before, after: the special tokens around a window, as inputs by name; inner: what fills each input
    between them. capitals: see `ModelRef`.

    `longest`: tokens that the model has positions for. Device thread only.
    """

    most_pieces, most_characters = MOST_PIECES, MOST_CHARACTERS

    def __init__(
        self,
        before: Mapping[str, Sequence[int]],
        after: Mapping[str, Sequence[int]],
        inner: Mapping[str, int],
        longest: int,
        capitals: bool = False,
    ) -> None:
        self.longest, self.capitals = longest, capitals
        self._before, self._after, self._inner = before, after, inner
        self._specials = len(before["input_ids"]) + len(after["input_ids"])

    @abstractmethod
    def pieces(self, lines: Sequence[Sequence[str]]) -> list[list[list[Piece]]]:
        """Of each word of each line, however many."""

    @abstractmethod
    def names(self, ids: Sequence[int]) -> list[str]:
        """Of special tokens."""

    def room(self, max_length: int) -> int:
        return max(1, min(max_length, self.longest) - self._specials)

    def split(self, lines: Sequence[Sequence[str]]) -> list[list[tuple[int, ...]]]:
        cut = [[word[: self.most_characters] for word in line] for line in lines]
        return [[tuple(id_ for id_, _, _ in word[: self.most_pieces]) for word in line] for line in self.pieces(cut)]

    def window(self, words: Sequence[Sequence[int]], written: Sequence[str]) -> EncodedWords:
        places: list[tuple[int, int]] = []
        ids: list[int] = []
        start = len(self._before["input_ids"])
        for word in words:
            places.append((start + len(ids), start + len(ids) + len(word)))
            ids += word
        rows = {name: [filling] * len(ids) for name, filling in self._inner.items()} | {"input_ids": ids}
        if self.capitals:
            rows["token_type_ids"] = [
                int(segment.capital(word)) for pieces, word in zip(words, written, strict=True) for _ in pieces
            ]
        inputs = {name: [*self._before[name], *row, *self._after[name]] for name, row in rows.items()}
        return EncodedWords(inputs, words=places)

    # -- what there is to look into: the first window, as it is read

    def encode(self, text: str, max_length: int) -> EncodedWords:
        """A text's first line, cut to `max_length` tokens between two words."""
        words, more = self._first(text, max_length)
        line = [[id_ for id_, _, _ in word] for _, word in words]
        row = self.window(line, [text[start:end] for (start, end), _ in words])
        return EncodedWords(row.inputs, more, row.words)

    def shown(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        """Each token of `encode` as it stands in the text (a special one by its name), and its [start, end) there."""
        words, _ = self._first(text, max_length)
        spans = [(at + start, at + end) for (at, _), word in words for _, start, end in word]
        before, after = (tuple(self.names(part["input_ids"])) for part in (self._before, self._after))
        places = [*[(0, 0)] * len(before), *spans, *[(0, 0)] * len(after)]
        return (*before, *(text[start:end] for start, end in spans), *after), tuple(places)

    def _first(self, text: str, max_length: int) -> tuple[list[tuple[tuple[int, int], list[Piece]]], bool]:
        """[start, end) of each word of the first window, and its pieces; and whether the text goes on."""
        places, goes_on = self.line(text)
        if not places:
            return [], goes_on
        (pieces,) = self.pieces([[text[start:end][: self.most_characters] for start, end in places]])
        found: list[tuple[tuple[int, int], list[Piece]]] = []
        left = self.room(max_length)
        for place, word in zip(places, pieces, strict=True):
            cut = word[: min(self.most_pieces, self.room(max_length))]
            if len(cut) > left:
                return found, True
            left -= len(cut)
            found.append((place, cut))
        return found, goes_on

    def line(self, text: str) -> tuple[list[tuple[int, int]], bool]:
        """[start, end) of each word of the first line; and whether the text goes on."""
        lines = segment.lines(text)
        return (segment.words(text, *lines[0]), len(lines) > 1) if lines else ([], False)


class HubReader(Reader):
    """Over a tokenizer of transformers. Raises NotSupported where it is not one of the fast ones."""

    def __init__(self, tokenizer: Any, longest: int, ref: ModelRef) -> None:
        if ref.capitals and "token_type_ids" not in tokenizer.model_input_names:
            raise NotSupported(
                f"The tokenizer of {ref.id} has no token types to mark capitals by: correct the catalog."
            )
        if not tokenizer.is_fast:
            raise NotSupported(f"The tokenizer of {ref.id} cannot read word by word: choose another model.")
        self._tokenizer = tokenizer
        self._rust = tokenizer.backend_tokenizer
        self._unknown = tokenizer.unk_token_id  # for a word of signs that the tokenizer drops
        cutter = self._rust.pre_tokenizer
        # Byte-level pieces hold the blank before them ("add_prefix_space"): a word is read as it is inside a text.
        self._blank = (
            " " if cutter and cutter.pre_tokenize_str(" x")[0][0] != cutter.pre_tokenize_str("x")[0][0] else ""
        )
        sample = tokenizer([f"{self._blank}a"], is_split_into_words=True)
        inside = [place for place, word in enumerate(sample.word_ids(0)) if word is not None]
        first, last = inside[0], inside[-1] + 1
        rows = {name: list(sample[name]) for name in tokenizer.model_input_names}
        super().__init__(
            {name: row[:first] for name, row in rows.items()},
            {name: row[last:] for name, row in rows.items()},
            {name: row[first] for name, row in rows.items()},
            longest,
            ref.capitals,
        )

    def pieces(self, lines: Sequence[Sequence[str]]) -> list[list[list[Piece]]]:
        blank = self._blank
        self._rust.no_truncation()
        self._rust.no_padding()
        found: list[list[list[Piece]]] = []
        for line in lines:  # one by one: `encode_batch` would start a thread on every core
            given = [f"{blank}{word}" for word in line] if blank else list(line)
            read = self._rust.encode(given, is_pretokenized=True, add_special_tokens=False)
            words: list[list[Piece]] = [[] for _ in line]
            for id_, place, (start, end) in zip(read.ids, read.word_ids, read.offsets, strict=True):
                words[place].append((id_, max(0, start - len(blank)), max(0, end - len(blank))))
            if self._unknown is not None:
                words = [pieces or [(self._unknown, 0, len(word))] for word, pieces in zip(line, words, strict=True)]
            found.append(words)
        return found

    def names(self, ids: Sequence[int]) -> list[str]:
        return list(self._tokenizer.convert_ids_to_tokens(list(ids)))


def first_places(rows: Sequence[Encoded], width: int, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the first piece of each word of all rows stands in a padded batch [B, width]: rows and columns, int64 [N].

    left: whether the padding is in front.
    """
    lines, columns = [], []
    for line, row in enumerate(rows):
        assert isinstance(row, EncodedWords)
        shift = width - row.tokens if left else 0
        lines += [line] * len(row.words)
        columns += [start + shift for start, _ in row.words]
    return np.array(lines, dtype=np.int64), np.array(columns, dtype=np.int64)


def by_row(numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
    """[N, L] of all rows' words -> [words, L] of each row."""
    counts = [len(row.words) for row in rows if isinstance(row, EncodedWords)]
    return np.split(numbers, np.cumsum(counts)[:-1])
