"""How a token of byte-level BPE came to be, where the merges are over bytes: OpenAI's encodings, and our own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
import regex

from playground.core.errors import NotSupported
from playground.core.token_types import Derivation, Flag, Reading
from playground.inspection.tokens import derive_bpe, placing

LONGEST = 200  # bytes of a piece whose steps are shown
Sign = TypeVar("Sign", bound=Hashable)


def explain(
    reading: Reading,
    token: int,
    pieces: regex.Pattern[str],
    signs: Callable[[bytes], Sequence[Sign]],
    merge: Callable[[Sign, Sign], tuple[int, Sign] | None],
    named: Callable[[Sign], tuple[str, int | None]],
) -> Derivation:
    """pieces: no merge crosses their borders. signs: of a piece's bytes, one for each; merge, named: as `derive_bpe.steps` takes
    them. Raises NotSupported.
    """
    if not 0 <= token < len(reading):
        raise NotSupported("There is no such token any more: read the text again.")
    if reading.flags[token] & Flag.SPECIAL:
        raise NotSupported(f"{reading.forms[int(reading.ids[token])]} is a control token: it is cut from no text.")
    start, end = _piece(reading, token, pieces)
    if end - start > LONGEST:
        raise NotSupported(
            f"Its piece of the text has {end - start:,} bytes, and up to {LONGEST} are shown step by step."
        )
    seen = (reading.normalized or reading.text).encode("utf-8")[start:end]
    steps = derive_bpe.steps(signs(seen), [1] * len(seen), merge, named)
    inside = np.flatnonzero((reading.spans[:, 0] >= start) & (reading.spans[:, 1] <= end) & _real(reading))
    if [part.id for part in steps[-1].parts] != reading.ids[inside].tolist():
        raise NotSupported("This token cannot be explained: its tokenizer cuts by rules of its own.")
    return Derivation(
        reading.family,
        (start, end),
        seen.decode("utf-8", "replace"),
        steps,
        int(np.searchsorted(inside, token)),
        said="From single bytes, always the pair that was learned first.",
        source=derive_bpe.SOURCE,
    )


def _real(reading: Reading) -> np.ndarray:
    return (reading.flags & np.uint8(Flag.SPECIAL)) == 0


def _piece(reading: Reading, token: int, pieces: regex.Pattern[str]) -> tuple[int, int]:
    """The bytes of the piece that the token is cut from. Between two control tokens the text is cut by itself."""
    text, at = reading.normalized or reading.text, int(reading.spans[token, 0])
    starts = placing.byte_starts(text)
    special = np.flatnonzero(~_real(reading))
    before, after = special[special < token], special[special > token]
    low = int(reading.spans[before[-1], 1]) if len(before) else 0
    high = int(reading.spans[after[0], 0]) if len(after) else int(starts[-1])
    first, last = (int(np.searchsorted(starts, place)) for place in (low, high))
    for match in pieces.finditer(text[first:last]):
        start, end = (int(starts[first + place]) for place in match.span())
        if start <= at < end:
            return start, end
    raise NotSupported("This token cannot be explained: its tokenizer cuts by rules of its own.")
