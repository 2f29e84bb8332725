"""The same sentence in many languages, counted by many tokenizers: how many tokens others pay for what English says.

The method is Petrov et al. 2023, “Language Model Tokenizers Introduce Unfairness Between Languages” (arXiv 2305.15425): the tokens of
a sentence's translation over those of the English one, there called the premium.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from playground.core.errors import PlaygroundError
from playground.core.token_counts import WITHOUT_IDS, own
from playground.core.token_types import Flag, Reading, TokenizerRef
from playground.service.tokens import TokenDesk

FILE = Path(__file__).resolve().parents[2] / "assets" / "datasets" / "languages" / "sentences.toml"


@dataclass(frozen=True)
class Sentence:
    """code: BCP 47. name: in English. own: as its speakers call it."""

    code: str
    name: str
    own: str
    text: str


@dataclass(frozen=True)
class Cell:
    """One language's at one tokenizer. premium: its tokens over English's. unknown: the share of its tokens that stand for what the
    vocabulary does not have; None for a family without one. tokens: None where it could not be read.
    """

    tokens: int | None
    premium: float | None = None
    unknown: float | None = None


@dataclass(frozen=True)
class Languages:
    """cells: by tokenizer, in the order of `refs`, then by language, in the order of `sentences`."""

    sentences: tuple[Sentence, ...]
    refs: tuple[TokenizerRef, ...]
    cells: tuple[tuple[Cell, ...], ...]


@cache
def sentences() -> tuple[Sentence, ...]:
    """English first."""
    return tuple(Sentence(**row) for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["sentence"])


def languages(desk: TokenDesk, names: Sequence[str], session: str = "") -> Languages:
    """A name that nobody knows is left out. Raises InputError where there are too many."""
    refs = tuple(ref for name in names if (ref := desk.known(name, session)))
    if not refs:
        return Languages(sentences(), (), ())
    rows = [desk.read(sentence.text, [ref.id for ref in refs], session) for sentence in sentences()]
    return Languages(sentences(), refs, tuple(_cells(column) for column in zip(*rows, strict=True)))


def _cells(readings: Sequence[Reading | PlaygroundError]) -> tuple[Cell, ...]:
    tokens = [int(own(one).sum()) if isinstance(one, Reading) else None for one in readings]
    return tuple(
        Cell(many, many / tokens[0] if many and tokens[0] else None, _unknown(one))
        for many, one in zip(tokens, readings, strict=True)
    )


def _unknown(reading: Reading | PlaygroundError) -> float | None:
    if not isinstance(reading, Reading) or reading.family in WITHOUT_IDS or not len(reading):
        return None
    mine = own(reading)
    return float(((reading.flags & Flag.UNKNOWN) != 0)[mine].mean()) if mine.any() else None
