"""What a loaded model shows of its inside. One class for each way that models are made, in `engine/models`; the operations that
look into models know no other. Everything here runs on the device thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from playground.core.attention_types import AnswerKind, Cut, Part, PartName, Side


@dataclass(frozen=True)
class Seen:
    """One input as the model reads it. row: what the model itself takes. truncated: a text was too long; note: which of several.
    unknown: characters that are left out.
    """

    sides: tuple[Side, ...]
    row: Any
    truncated: bool = False
    note: str = ""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What the numbers of an answer are about. places: a name for each row of numbers. options: a name for each column; a function
    where there are too many to name them all.
    """

    kind: AnswerKind
    places: tuple[str, ...]
    options: Any  # Sequence[str] or Callable[[int], str]

    def option(self, column: int) -> str:
        return self.options(column) if callable(self.options) else self.options[column]


@dataclass(frozen=True)
class Lens:
    """A text layer by layer. count: the layers, and the embeddings before them. at: so many layers -> numbers as `answers` gives
    them, float32 [places, options], of `question`, whose places may be others than an answer's; at(count - 1) is the answer itself.
    note: what is special about it, or empty.
    """

    question: Question
    count: int
    at: Callable[[int], np.ndarray]
    note: str = ""


class Insides(Protocol):
    @property
    def parts(self) -> tuple[Part, ...]: ...

    @property
    def most(self) -> int:
        """Tokens of a text that the model has positions for."""

    def read(self, text: str, target: str, most: int) -> Seen:
        """target: what an encoder-decoder wrote; others take none. Raises NotSupported, EmptyInput."""

    def of_ids(self, ids: Sequence[int]) -> Seen:
        """Tokens that no text stands for, after what the model's texts begin with. Raises NotSupported where it takes none."""

    def common(self) -> Sequence[int]:
        """Ids of tokens that can stand anywhere in a text: no special ones."""

    def attend(self, seen: Seen) -> Mapping[PartName, Sequence[Any]]:
        """Weights by part, float32 [heads, queries, keys] for each layer, tensors. Raises NotSupported where they are hidden."""

    def question(self, seen: Seen, names: Sequence[str]) -> Question:
        """names: of the model's labels, as its reference or its own config says them."""

    def answers(self, seen: Seen, cuts: Sequence[Cut]) -> list[np.ndarray]:
        """For each cut (an empty one: nothing) the answer's numbers, float32 [places, options], all in one forward pass: logits;
        of AnswerKind.VECTOR one row, of length 1.
        """

    def lens(self, seen: Seen, names: Sequence[str]) -> Lens:
        """What it would say if it ended after one of its layers. names: see `question`. Raises NotSupported."""
