"""The same sentence in many languages, counted by many tokenizers: how many tokens others pay for what English says.

The method is Petrov et al. 2023, “Language Model Tokenizers Introduce Unfairness Between Languages” (arXiv 2305.15425): the tokens
of a sentence's translation over those of the English one, there called the premium.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from playground.core.errors import PlaygroundError
from playground.core.token_counts import own, unread
from playground.core.token_panels import Cell, Languages, Sentence
from playground.core.token_types import Reading, TokenizerRef
from playground.service.tokens import MOST_ROWS, TokenDesk

FILE = Path(__file__).resolve().parents[2] / "assets" / "datasets" / "languages" / "sentences.toml"


@cache
def sentences() -> tuple[Sentence, ...]:
    """English first."""
    return tuple(Sentence(**row) for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["sentence"])


def languages(desk: TokenDesk, names: Sequence[str], session: str = "") -> Languages:
    """A name that nobody knows is left out; so are those beyond what the ruler holds."""
    refs = tuple(ref for name in names[:MOST_ROWS] if (ref := desk.known(name, session)))
    if not refs:
        return Languages(sentences(), (), ())
    clusters = desk.get("split/characters")
    characters = [_read(desk, clusters, sentence) for sentence in sentences()]
    columns = [[_read(desk, ref, sentence) for sentence in sentences()] for ref in refs]
    return Languages(sentences(), refs, tuple(_cells(column, characters) for column in columns))


def _read(desk: TokenDesk, ref: TokenizerRef, sentence: Sentence) -> Reading | PlaygroundError:
    try:
        return desk.inspector.read(ref, sentence.text)
    except PlaygroundError as error:
        return error.bare()


def _cells(
    readings: Sequence[Reading | PlaygroundError], characters: Sequence[Reading | PlaygroundError]
) -> tuple[Cell, ...]:
    tokens = [int(own(one).sum()) if isinstance(one, Reading) else None for one in readings]
    return tuple(
        Cell(many, many / tokens[0] if many and tokens[0] else None, _unread(one, cut))
        for many, one, cut in zip(tokens, readings, characters, strict=True)
    )


def _unread(reading: Reading | PlaygroundError, characters: Reading | PlaygroundError) -> float:
    if not isinstance(reading, Reading) or not isinstance(characters, Reading):
        return 0.0
    missed, of = unread(reading, characters)
    return missed / of if of else 0.0
