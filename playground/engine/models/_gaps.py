"""How models that fill gaps read a text: its gaps as the model's own mask, and of a long text what stands around each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from playground.core import gaps
from playground.core.errors import NotSupported
from playground.core.fill_task import canonical_word
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded, EncodedGaps

Piece = tuple[int, int, int]  # its id, and its [start, end) in the text


class Reader(ABC):
    """Over some tokenizer. before, after: the special tokens around a window, as inputs by name; inner: what fills each input
    between them; mask: the id of a gap.

    `longest`: tokens that the model has positions for. Device thread only.
    """

    def __init__(
        self,
        before: Mapping[str, Sequence[int]],
        after: Mapping[str, Sequence[int]],
        inner: Mapping[str, int],
        mask: int,
        longest: int,
    ) -> None:
        self.longest, self.mask = longest, mask
        self._before, self._after, self._inner = before, after, inner
        self._specials = len(before["input_ids"]) + len(after["input_ids"])

    @abstractmethod
    def pieces(self, text: str) -> list[Piece]:
        """All of a text, its gaps as masks, without special tokens."""

    @abstractmethod
    def names(self, ids: Sequence[int]) -> list[str]:
        """Of special tokens."""

    def rows(self, text: str, max_length: int) -> list[EncodedGaps]:
        """The windows that hold a text's gaps, each gap in one of them, in reading order: the whole text where it fits. Each gap of
        a longer one has a window of its own, with as much before it as behind it where there is so much.
        """
        pieces = self.pieces(text)
        places = [place for place, (id_, _, _) in enumerate(pieces) if id_ == self.mask]
        room = self._room(max_length)
        if len(pieces) <= room:
            return [self._row(pieces, places, False)]
        found = []
        for place in places:
            start = _start(place, len(pieces), room)
            found.append(self._row(pieces[start : start + room], [place - start], True))
        return found

    # -- what there is to look into: the window of the first gap, as it is read

    def encode(self, text: str, max_length: int) -> EncodedGaps:
        """Of a text without a gap its beginning, read at the first special token."""
        window, places, cut = self._first(text, max_length)
        return self._row(window, places, cut)

    def shown(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        """Each token of `encode` as it stands in the text (a special one by its name), and its [start, end) there."""
        window, _, _ = self._first(text, max_length)
        before, after = (tuple(self.names(part["input_ids"])) for part in (self._before, self._after))
        places = [*[(0, 0)] * len(before), *[(start, end) for _, start, end in window], *[(0, 0)] * len(after)]
        return (*before, *(text[start:end] for _, start, end in window), *after), tuple(places)

    def _first(self, text: str, max_length: int) -> tuple[list[Piece], list[int], bool]:
        pieces, room = self.pieces(text), self._room(max_length)
        first = next((place for place, (id_, _, _) in enumerate(pieces) if id_ == self.mask), 0)
        start = _start(first, len(pieces), room)
        window = pieces[start : start + room]
        places = [place for place, (id_, _, _) in enumerate(window) if id_ == self.mask]
        return window, places, len(pieces) > room

    def _room(self, max_length: int) -> int:
        return max(1, min(max_length, self.longest) - self._specials)

    def _row(self, pieces: Sequence[Piece], places: Sequence[int], cut: bool) -> EncodedGaps:
        ids = [id_ for id_, _, _ in pieces]
        rows = {name: [filling] * len(ids) for name, filling in self._inner.items()} | {"input_ids": ids}
        inputs = {name: [*self._before[name], *row, *self._after[name]] for name, row in rows.items()}
        first = len(self._before["input_ids"])
        return EncodedGaps(inputs, cut, [first + place for place in places] or [0])


class HubReader(Reader):
    """Over a tokenizer of transformers. Raises NotSupported where it has no mask, or is not one of the fast ones."""

    def __init__(self, tokenizer: Any, longest: int, ref: ModelRef) -> None:
        if tokenizer.mask_token_id is None:
            raise NotSupported(f"The model {ref.id} knows no mask: choose one that was trained to fill gaps.")
        if not tokenizer.is_fast:
            raise NotSupported(f"The tokenizer of {ref.id} says no places of its tokens: choose another model.")
        self._tokenizer = tokenizer
        sample = tokenizer("a", return_special_tokens_mask=True)
        special = sample["special_tokens_mask"]
        inside = [place for place, added in enumerate(special) if not added]
        first, last = inside[0], inside[-1] + 1
        rows = {name: list(sample[name]) for name in tokenizer.model_input_names}
        super().__init__(
            {name: row[:first] for name, row in rows.items()},
            {name: row[last:] for name, row in rows.items()},
            {name: row[first] for name, row in rows.items()},
            tokenizer.mask_token_id,
            longest,
        )

    def pieces(self, text: str) -> list[Piece]:
        own = self._tokenizer.mask_token
        found = self._tokenizer(
            text.replace(gaps.MASK, own), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        shift, longer = 0, len(gaps.MASK) - len(own)  # places in the text as it was written
        pieces = []
        for id_, (start, end) in zip(found["input_ids"], found["offset_mapping"], strict=True):
            gap = longer if id_ == self.mask else 0
            pieces.append((id_, start + shift, end + shift + gap))
            shift += gap
        return pieces

    def names(self, ids: Sequence[int]) -> list[str]:
        return list(self._tokenizer.convert_ids_to_tokens(list(ids)))


class Words:
    """The vocabulary as words: how each token is shown, and which tokens are the same word. Tokens that are no text (special ones,
    halves of characters) have none; a word that a tokenizer knows with a blank before it and without is one.

    shown: by word. `of`: int64 [V], the word of each token; the last of all is of those without one.
    """

    def __init__(self, shown: Sequence[str]) -> None:
        places: dict[str, int] = {}
        for text in shown:
            if text:
                places.setdefault(text, len(places))
        self.shown = tuple(places)
        self.of = np.array([places[text] if text else len(places) for text in shown], dtype=np.int64)

    def shares(self, logits: np.ndarray) -> np.ndarray:
        """logits [V] -> the words' probabilities, float64 [words], of all tokens together."""
        return self._all(logits)[:-1]

    def logs(self, logits: np.ndarray) -> np.ndarray:
        """logits [V] -> the logarithms of the words' probabilities, float32 [words + 1]: the last of all tokens without a word."""
        found: np.ndarray = np.log(np.maximum(self._all(logits), np.finfo(np.float32).tiny)).astype(np.float32)
        return found

    def _all(self, logits: np.ndarray) -> np.ndarray:
        numbers = logits.astype(np.float64)
        shares = np.exp(numbers - numbers.max())
        return np.bincount(self.of, shares / shares.sum(), minlength=len(self.shown) + 1)

    def together(self, shares: np.ndarray, wanted: Iterable[str]) -> float | None:
        """The probability that it is one of the wanted words, without case; None where none of them is in the vocabulary."""
        places = [place for word in set(map(canonical_word, wanted)) for place in self._places.get(word, ())]
        return float(shares[places].sum()) if places else None

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Of words that are the same without case."""
        found: dict[str, list[int]] = {}
        for place, word in enumerate(self.shown):
            found.setdefault(canonical_word(word), []).append(place)
        return found

    def best(self, shares: np.ndarray, most: int) -> list[int]:
        """The likeliest words' places, the likeliest first; of equals the first in the vocabulary."""
        most = min(most, len(shares))
        top = np.argpartition(-shares, most - 1)[:most]
        return [int(place) for place in top[np.lexsort((top, -shares[top]))]]


def hub_words(tokenizer: Any) -> Words:
    """Of a tokenizer of transformers. What goes on a word keeps its sign (##ing); elsewhere the blank before a word is left out."""
    special = set(tokenizer.all_special_ids)
    size = len(tokenizer)
    pieces = tokenizer.convert_ids_to_tokens(list(range(size)))
    inside = any(piece.startswith(gaps.INSIDE) for piece in pieces if piece)
    if inside:
        return Words(["" if id_ in special else piece or "" for id_, piece in enumerate(pieces)])
    said = [tokenizer.convert_tokens_to_string([piece]) if piece else "" for piece in pieces]
    return Words(["" if id_ in special or "\ufffd" in text else text.strip() for id_, text in enumerate(said)])


def columns_of(rows: Sequence[Encoded], width: int, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the gaps of all rows stand in a padded batch [B, width]: rows and columns, int64 [N]. left: the padding is in front."""
    lines, columns = [], []
    for line, row in enumerate(rows):
        assert isinstance(row, EncodedGaps)
        shift = width - row.tokens if left else 0
        lines += [line] * len(row.gaps)
        columns += [place + shift for place in row.gaps]
    return np.array(lines, dtype=np.int64), np.array(columns, dtype=np.int64)


def by_row(numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
    """[N, V] of all rows' gaps -> [gaps, V] of each row."""
    counts = [len(row.gaps) for row in rows if isinstance(row, EncodedGaps)]
    return np.split(numbers, np.cumsum(counts)[:-1])


def _start(place: int, length: int, room: int) -> int:
    """Where a window of `room` places begins so that this one is in its middle, and none of it beyond the text."""
    return max(0, min(place - room // 2, length - room))
