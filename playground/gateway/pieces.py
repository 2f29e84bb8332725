"""What is asked here, and what is replied: before and after OpenAI's JSON."""

from __future__ import annotations

from dataclasses import dataclass

from playground.core.writing_types import Ended


@dataclass(frozen=True)
class Prompt:
    """`text` is the last user message, which is judged or continued; `context` the others, read but not judged."""

    text: str
    context: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True)
class Piece:
    """A token of the reply. `alternatives`: (token, probability) of what might have stood there, best first; empty where nothing
    was open. `probability`: its own; None where it is not told, which then goes for its alternatives too.
    """

    text: str
    alternatives: tuple[tuple[str, float], ...] = ()
    probability: float | None = 1.0


@dataclass(frozen=True)
class Reply:
    """Token counts are None where nobody counted."""

    pieces: tuple[Piece, ...]
    prompt_tokens: int | None
    completion_tokens: int | None
    ended: Ended = "stop"

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)
