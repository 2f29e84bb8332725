"""What a loaded model offers that writes texts. Knows no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.engine.loaders import Answering

READ = 256  # tokens of a text that a step reads at most, so that a long prompt keeps no other text waiting for long
NAMED = 12  # unknown characters that a note names


class Vocabulary(Protocol):
    """Texts as tokens. begin: what a text begins after, nothing or one token; `stop`: what ends one. Device thread only."""

    @property
    def begin(self) -> tuple[int, ...]: ...

    @property
    def stop(self) -> frozenset[int]: ...

    def encode(self, text: str) -> list[int]:
        """Without special tokens."""

    def decode(self, ids: Sequence[int]) -> str:
        """Special tokens left out; what is no whole character becomes U+FFFD."""

    def unknown(self, text: str) -> tuple[str, ...]:
        """The characters that `encode` leaves out."""

    def places(self, text: str) -> list[tuple[int, int]]:
        """[start, end) in the text of each token of `encode`: of one that is a part of a character all of it."""

    def names(self, ids: Sequence[int]) -> list[str]:
        """Each token by itself, special ones by their name."""

    def common(self) -> list[int]:
        """All but special tokens."""


@dataclass(frozen=True)
class Prompt:
    """A prompt as tokens, its end alone where it was too long."""

    ids: Sequence[int]
    truncated: bool = False


class Opened(Protocol):
    """A text that is being written. rows: it takes of a pass; `unread`: tokens per row of its next one. prompt: the tokens that it
    goes on from, as far as they matter to how its own ones are spelled.
    """

    @property
    def prompt(self) -> Sequence[int]: ...

    @property
    def rows(self) -> int: ...

    @property
    def unread(self) -> int: ...

    @property
    def done(self) -> bool: ...


class Desk(Protocol):
    """The texts that a model is writing side by side. Device thread only.

    `Step`s are those of `playground.scratch.sampling`.
    """

    def open(self, prompt: Sequence[int], sampling: Any) -> Opened:
        """Begins a text. Nothing is computed yet."""

    def advance(self, opened: Sequence[Opened]) -> list[Sequence[Any]]:
        """The next token of each text; none where it is not known yet, several where they were found together."""

    def close(self, opened: Opened) -> None:
        """Frees what it holds, however often it is called."""


class Rewriter(Answering, Protocol):
    """A model that makes a text of a text. context: the most tokens that it writes, and one. `stops_at_length`: whether its text
    ends with a stop token wherever its length ends, so that such a token says nothing there.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def context(self) -> int: ...

    @property
    def stops_at_length(self) -> bool: ...

    @property
    def desk(self) -> Desk:
        """What is opened there is a source; it is read in a step of its own, before the first token."""

    def source(self, text: str, max_length: int) -> Prompt:
        """A text as it reads one, its beginning alone where it is too long."""


def left_out(unknown: Sequence[str]) -> str:
    """A sentence about characters that a model does not know; empty where there are none.

    >>> left_out("ж水"), left_out("")
    ('This model does not know ж 水: they were left out.', '')
    """
    if not unknown:
        return ""
    more = " and others" if len(unknown) > NAMED else ""
    return f"This model does not know {' '.join(unknown[:NAMED])}{more}: they were left out."


class Decoder(Answering, Protocol):
    """A model that goes on with a text. context: the most tokens that it looks at."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def context(self) -> int: ...

    @property
    def desk(self) -> Desk: ...

    def prompt(self, text: str, length: int, beams: int) -> Prompt:
        """What it reads of a text, to write so many tokens behind it."""

    def foreseen(self, ids: Sequence[int], new: int) -> float:
        """The bits that it takes to say the last `new` of some tokens, at most `context` and one, by those before them."""
