"""How readers read: a question and a part of its context side by side (Devlin et al. 2019, arXiv 1810.04805, section 4.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.core import reading
from playground.core.errors import NotSupported
from playground.core.types import ModelRef
from playground.engine.inputs import Context, Encoded, EncodedQuestion

LONGEST_QUESTION = 64  # tokens that are read


class Questions(ABC):
    """Over some tokenizer. parts: special tokens before the question, between, and behind the context, as inputs by name; fillings:
    what else fills each input over the question's tokens and over the context's. none: the place of the token for "no answer".

    `longest`: tokens that the model has positions for. Device thread only.
    """

    def __init__(
        self,
        parts: tuple[Mapping[str, Sequence[int]], Mapping[str, Sequence[int]], Mapping[str, Sequence[int]]],
        fillings: tuple[Mapping[str, int], Mapping[str, int]],
        longest: int,
        none: int = 0,
    ) -> None:
        self.longest = longest
        self._parts, self._fillings, self._none = parts, fillings, none
        self._specials = sum(len(part["input_ids"]) for part in parts)

    @abstractmethod
    def context(self, text: str) -> Context: ...

    @abstractmethod
    def names(self, ids: Sequence[int]) -> list[str]:
        """Of special tokens."""

    def question(self, text: str) -> list[int]:
        return list(self.context(text).ids[:LONGEST_QUESTION])

    def room(self, question: Sequence[int], max_length: int) -> int:
        return max(1, min(max_length, self.longest) - self._specials - len(question))

    def window(self, question: Sequence[int], context: Sequence[int]) -> EncodedQuestion:
        before, between, after = self._parts
        inputs = {}
        for name in before:
            asked, read = (
                list(ids) if name == "input_ids" else [filling[name]] * len(ids)
                for ids, filling in zip((question, context), self._fillings, strict=True)
            )
            inputs[name] = [*before[name], *asked, *between[name], *read, *after[name]]
        start = len(before["input_ids"]) + len(question) + len(between["input_ids"])
        return EncodedQuestion(inputs, context=(start, start + len(context)), none=self._none)

    # -- what there is to look into: a text whose first line is the question, and the rest its context; one line is a context

    def encode(self, text: str, max_length: int) -> EncodedQuestion:
        asked, at = _split(text)
        question, context = self.question(asked), self.context(text[at:])
        room = self.room(question, max_length)
        row = self.window(question, context.ids[:room])
        return EncodedQuestion(row.inputs, len(context.ids) > room, row.context, row.none)

    def shown(self, text: str, max_length: int) -> tuple[tuple[str, ...], tuple[tuple[int, int], ...]]:
        """Each token of `encode` as it stands in the text (a special one by its name), and its [start, end) there."""
        asked, at = _split(text)
        question, context = self.context(asked), self.context(text[at:])
        ids = self.question(asked)
        tokens: list[str] = []
        spans: list[tuple[int, int]] = []
        places: tuple[Sequence[tuple[int, int]], ...] = (
            question.places[: len(ids)],
            [(at + start, at + end) for start, end in context.places[: self.room(ids, max_length)]],
            [],
        )
        for part, found in zip(self._parts, places, strict=True):
            tokens += self.names(part["input_ids"])
            spans += [(0, 0)] * len(part["input_ids"])
            tokens += [text[start:end] for start, end in found]
            spans += found
        return tuple(tokens), tuple(spans)


def _split(text: str) -> tuple[str, int]:
    """The question, and where its context begins."""
    question, line_break, _ = text.partition("\n")
    return (question, len(question) + 1) if line_break else ("", 0)


class HubQuestions(Questions):
    """Over a tokenizer of transformers. Raises NotSupported where it is not one of the fast ones, or joins no two texts.

    typed: whether token types tell question and context apart, where the tokenizer has them.
    """

    def __init__(self, tokenizer: Any, longest: int, ref: ModelRef, *, typed: bool = True) -> None:
        if not tokenizer.is_fast or tokenizer.cls_token_id is None:
            raise NotSupported(f"The tokenizer of {ref.id} cannot read a question beside a text: choose another model.")
        self._tokenizer = tokenizer
        self._rust = tokenizer.backend_tokenizer
        sample = tokenizer("a", "a")
        of = sample.sequence_ids(0)
        if 0 not in of or 1 not in of or tokenizer.cls_token_id not in sample["input_ids"]:
            raise NotSupported(f"The tokenizer of {ref.id} cannot read a question beside a text: choose another model.")
        cuts = [(of.index(part), len(of) - of[::-1].index(part)) for part in (0, 1)]
        rows = {name: list(sample[name]) for name in tokenizer.model_input_names}
        if not typed and "token_type_ids" in rows:
            rows["token_type_ids"] = [0] * len(of)
        (first, second), (third, fourth) = cuts
        super().__init__(
            (
                {name: row[:first] for name, row in rows.items()},
                {name: row[second:third] for name, row in rows.items()},
                {name: row[fourth:] for name, row in rows.items()},
            ),
            ({name: row[first] for name, row in rows.items()}, {name: row[third] for name, row in rows.items()}),
            longest,
            rows["input_ids"].index(tokenizer.cls_token_id),
        )

    def context(self, text: str) -> Context:
        self._rust.no_truncation()
        self._rust.no_padding()
        read = self._rust.encode(text, add_special_tokens=False)
        return as_context(text, read.ids, read.offsets, read.word_ids)

    def names(self, ids: Sequence[int]) -> list[str]:
        return list(self._tokenizer.convert_ids_to_tokens(list(ids)))


def as_context(
    text: str, ids: Sequence[int], places: Sequence[tuple[int, int]], words: Sequence[int | None]
) -> Context:
    """words: of each token, the number of the word that it is of. No answer begins or ends with a word of blanks."""
    blank = {
        word for word, (start, end) in zip(words, places, strict=True) if text[start:end].isspace() or start == end
    }
    filled = {word for word, (start, end) in zip(words, places, strict=True) if not text[start:end].isspace()}
    return Context(ids, places, *reading.borders(words, blank - filled))


def own_places(rows: Sequence[Encoded], width: int, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where "no answer" and the context's tokens of all rows stand in a padded batch [B, width]: rows and columns, int64 [N].

    left: whether the padding is in front.
    """
    lines, columns = [], []
    for line, row in enumerate(rows):
        assert isinstance(row, EncodedQuestion)
        shift = width - row.tokens if left else 0
        found = [row.none, *range(*row.context)]
        lines += [line] * len(found)
        columns += [place + shift for place in found]
    return np.array(lines, dtype=np.int64), np.array(columns, dtype=np.int64)


def by_row(numbers: np.ndarray, rows: Sequence[Encoded]) -> list[np.ndarray]:
    """[N, 2] of all rows' tokens -> [1 + tokens, 2] of each row."""
    counts = [1 + row.context[1] - row.context[0] for row in rows if isinstance(row, EncodedQuestion)]
    return np.split(numbers, np.cumsum(counts)[:-1])


def difference(plain: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """The largest, of a token's probability to be an answer's first or last, between two answers; infinite where one is no
    number.
    """
    off = max(float(np.abs(_shares(a) - _shares(b)).max()) for a, b in zip(plain, other, strict=True))
    return off if np.isfinite(off) else np.inf


def _shares(logits: np.ndarray) -> np.ndarray:
    rows = np.exp(logits.astype(np.float64) - logits.max(axis=0))
    found: np.ndarray = rows / rows.sum(axis=0)
    return found
