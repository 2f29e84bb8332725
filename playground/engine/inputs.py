"""Texts as a model's input: what an encoder of texts makes, and a runner takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """One text, or two side by side, as a model's input. `inputs`: lists of numbers by name, each of one length."""

    inputs: Mapping[str, Sequence[int]]
    truncated: bool = False

    @property
    def tokens(self) -> int:
        return len(self.inputs["input_ids"])


@dataclass(frozen=True)
class EncodedWords(Encoded):
    """Some words of a text as a model's input. `words`: the [start, end) of each word's tokens among them."""

    words: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class EncodedGaps(Encoded):
    """A text, or what of it stands around a gap, as a model's input. `gaps`: the places of its masks."""

    gaps: Sequence[int] = ()


@dataclass(frozen=True)
class EncodedPair(Encoded):
    """A text and what is claimed about it. `text`: tokens of the text that were read, special ones left out."""

    text: int = 0


@dataclass(frozen=True)
class EncodedQuestion(Encoded):
    """A question and a part of its context as a model's input. `context`: [start, end) of the context's tokens among them; `none`:
    the place of the special token that stands for "no answer".
    """

    context: tuple[int, int] = (0, 0)
    none: int = 0


@dataclass(frozen=True)
class Context:
    """A text as tokens. places: each one's [start, end) in characters. begins, ends: bool [N], whether a word begins or ends with
    it.
    """

    ids: Sequence[int]
    places: Sequence[tuple[int, int]]
    begins: np.ndarray
    ends: np.ndarray
