"""What writing gives: a text, token by token; and how a text is to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Ended = Literal["stop", "length", ""]  # the model ended it; it has the length that was asked for; not known


@dataclass(frozen=True)
class Writing:
    """How a text is written. The same settings give the same text.

    length: new tokens at most. temperature: 0 always takes the likeliest token. top_k: only so many of the likeliest, 0: all.
    top_p: only the likeliest that have this probability together, 1: all. repetition_penalty: above 1, what the text has already
        becomes less likely. beams: above 1, so many texts side by side, nothing left to chance.
    details: whether each token's probability and its alternatives are wanted.
    """

    length: int = 64
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    beams: int = 1
    seed: int = 0
    details: bool = False


@dataclass(frozen=True)
class TokenChoice:
    """What might have stood in a token's place, and its probability, 0..1."""

    text: str
    probability: float


@dataclass(frozen=True)
class WrittenToken:
    """text: what it adds to the text, so that all of them joined are the text; empty where a character is not whole yet.

    probability: 0..1 as the model gave it, before any setting bent it; None where it gave none. alternatives: the likeliest first;
    the token itself may be among them.
    """

    text: str
    probability: float | None = None
    alternatives: tuple[TokenChoice, ...] = ()


@dataclass(frozen=True)
class Text:
    """A text that was written: what goes on after a prompt, a translation, a summary.

    tokens: where they were wanted and the model tells. picked: [start, end) in characters of the input, of a summary that is made
        of the input's own sentences, in their order there; empty for words of its own.
    """

    text: str
    tokens: tuple[WrittenToken, ...] = ()
    ended: Ended = ""
    picked: tuple[tuple[int, int], ...] = ()

    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Foreseen:
    """How well a text was foreseen, token by token: the bits that it takes to say it all, over its UTF-8 bytes."""

    bits: float
    bytes: int

    kind: ClassVar[str] = "foreseen"

    @property
    def bits_per_byte(self) -> float:
        return self.bits / self.bytes


@dataclass(frozen=True)
class References:
    """Texts that a good answer is like: translations, summaries; of text to go on from, the text itself."""

    texts: tuple[str, ...]
