"""What can be counted of a reading. Numbers in, numbers out; knows no tokenizer and no price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playground.core.token_types import Flag, Opener, Reading

_SHOWN = 24  # characters of either text around the first place where they differ
_BLANKS = np.frombuffer(b" \t\n\r\v\f", dtype=np.uint8)


@dataclass(frozen=True)
class Difference:
    """Where a text and what its ids decode to part. place: characters before it. wrote, came: what stands there in each."""

    place: int
    wrote: str
    came: str


@dataclass(frozen=True)
class Size:
    """A text's size, the same for every tokenizer. characters: as a reader sees them (grapheme clusters, UAX 29)."""

    characters: int
    code_points: int
    bytes: int
    words: int


@dataclass(frozen=True)
class Counts:
    """Of one reading.

    tokens: all of them. own: those that stand for the text, without what the tokenizer puts around it. unknown: of `own`, those
    that stand for what the vocabulary does not have; unknown_bytes: the text's bytes under them. Both None for a plain cut, which
    has no vocabulary. unread: characters other than blanks that no known token has a part in: unknown ones, and those left out.
    cut: characters, as a reader sees them, that are spread over two tokens or more; halved: of the text's code points, those whose
    bytes are. exact: whether decoding gives the text; None where there is nothing to decode. difference: else, where not.
    """

    tokens: int
    own: int
    bytes_per_token: float | None
    tokens_per_word: float | None
    unknown: int | None
    unknown_bytes: int | None
    unread: int
    vocabulary: int | None
    cut: int
    halved: int
    exact: bool | None
    difference: Difference | None

    @property
    def unknown_share(self) -> float | None:
        return None if self.unknown is None or not self.own else self.unknown / self.own


def size(characters: Reading, words: Reading) -> Size:
    """Of the text that was cut into characters and into words."""
    return Size(len(characters), len(characters.text), len(characters.bytes), len(words))


def own(reading: Reading) -> np.ndarray:
    """bool [N]: the tokens that stand for the text. A control token that was typed and read as one is among them."""
    special = (reading.flags & Flag.SPECIAL) != 0
    return ~(special & (reading.spans[:, 0] == reading.spans[:, 1]))


def counts(reading: Reading, characters: Reading, words: int) -> Counts:
    """`characters`: the same text, cut into characters. `words`: how many it has."""
    mine = own(reading)
    many, length = int(mine.sum()), len(reading.bytes)
    plain = reading.ref.opener is Opener.SPLIT
    unknown = strange(reading)
    widths = reading.spans[:, 1] - reading.spans[:, 0]
    return Counts(
        tokens=len(reading),
        own=many,
        bytes_per_token=length / many if many else None,
        tokens_per_word=many / words if words and many else None,
        unknown=None if plain else int(unknown.sum()),
        unknown_bytes=None if plain else int(widths[unknown].sum()),
        unread=int(unread(reading, characters)[0]),
        vocabulary=reading.vocabulary,
        cut=cut(reading, characters.spans),
        halved=halved(reading),
        exact=None if plain else reading.decoded is None,
        difference=None if reading.decoded is None else difference(reading.text, reading.decoded),
    )


def strange(reading: Reading) -> np.ndarray:
    """bool [N]: the tokens that stand for what the vocabulary does not have."""
    return ((reading.flags & Flag.UNKNOWN) != 0) & own(reading)


def unread(reading: Reading, characters: Reading) -> tuple[int, int]:
    """Of the text's characters, blanks apart, how many no known token has a part in, and how many there are."""
    known = reading.spans[own(reading) & ~strange(reading)]
    touching = _touching(known[known[:, 1] > known[:, 0]], characters.spans)
    raw = np.frombuffer(characters.bytes, dtype=np.uint8)
    blank = np.isin(raw[characters.spans[:, 0]], _BLANKS) if len(raw) else np.zeros(0, dtype=bool)
    return int(((touching == 0) & ~blank).sum()), int((~blank).sum())


def _touching(spans: np.ndarray, stretches: np.ndarray) -> np.ndarray:
    """int [M]: how many of these spans [N, 2] have a part in each stretch [M, 2]. Both are ordered, disjoint and not empty."""
    return np.searchsorted(spans[:, 0], stretches[:, 1], "left") - np.searchsorted(
        spans[:, 1], stretches[:, 0], "right"
    )


def cut(reading: Reading, characters: np.ndarray) -> int:
    """How many of these stretches ([M, 2], bytes, ordered, disjoint) two tokens or more have a part in.

    Tokens that share a stretch count for it where it lies within one character.
    """
    spans, shared = reading.spans, (reading.flags & Flag.SHARED) != 0
    heads = np.flatnonzero(spans[:, 1] > spans[:, 0])
    if not len(heads) or not len(characters):
        return 0
    starts, ends = spans[heads, 0], spans[heads, 1]
    touching = _touching(spans[heads], characters)
    if shared.any():
        owners = np.searchsorted(heads, np.flatnonzero(shared), "right") - 1
        for head in np.unique(owners[owners >= 0]):
            place = int(np.searchsorted(characters[:, 0], starts[head], "right")) - 1
            if place >= 0 and ends[head] <= characters[place, 1]:
                touching[place] += 1
    return int((touching >= 2).sum())


def halved(reading: Reading) -> int:
    """How many code points have a token's edge between two of their bytes."""
    raw = np.frombuffer(reading.bytes, dtype=np.uint8)
    edges = np.unique(reading.spans[reading.spans[:, 1] > reading.spans[:, 0]])
    inside = edges[(edges > 0) & (edges < len(raw))]
    inside = inside[(raw[inside] & 0xC0) == 0x80]  # a byte that goes on with a code point
    leading = np.flatnonzero((raw & 0xC0) != 0x80)
    return len(np.unique(np.searchsorted(leading, inside, "right")))


def difference(text: str, decoded: str) -> Difference | None:
    """The first place where they part; None where they are the same."""
    if text == decoded:
        return None
    low, high = 0, min(len(text), len(decoded))
    while low < high:  # the longest common beginning, by halves: a comparison of slices is quick
        middle = (low + high + 1) // 2
        if text[low:middle] == decoded[low:middle]:
            low = middle
        else:
            high = middle - 1
    return Difference(low, text[low : low + _SHOWN], decoded[low : low + _SHOWN])
