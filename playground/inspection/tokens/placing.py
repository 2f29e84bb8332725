"""Where tokens lie in a text's UTF-8 bytes, and what can be said of a token by its place. Knows no tokenizer.

C: characters of the text. B: its bytes. N: tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import regex

from playground.core.token_types import Flag

# Scripts that put no blanks between words: of their characters nobody can say by sight whether a word goes on.
_WORD = regex.compile(r"(?![\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])[\w\p{M}]")
_JOINS = regex.compile(
    r"[\p{M}\u1160-\u11FF]"
)  # what composing puts into the character before: marks, a syllable's later letters


def byte_starts(text: str) -> np.ndarray:
    """int64 [C + 1]: where each character begins, in bytes; the last one is B."""
    data = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
    return np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))


def in_row(lengths: np.ndarray) -> np.ndarray:
    """int64 [N, 2]: spans one after the other, without gaps, of these lengths."""
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.stack([ends - lengths, ends], axis=1)


def flags_by_place(text: str, spans: np.ndarray) -> np.ndarray:
    """uint8 [N]: SPLIT, and CONTINUES where a letter, digit or mark stands on both sides of a token's beginning and nothing was
    left out between, or where a character goes on.
    """
    flags = np.zeros(len(spans), dtype=np.uint8)
    data = np.frombuffer(text.encode("utf-8") + b"\0", dtype=np.uint8)  # one more: the end of the text is a border
    inside = (data & 0xC0) == 0x80
    wordy = np.repeat(_each_character(text, _WORD), np.diff(byte_starts(text)))
    some = np.flatnonzero(spans[:, 1] > spans[:, 0])
    starts, ends = spans[some, 0], spans[some, 1]
    flags[some[inside[starts] | inside[ends]]] |= np.uint8(Flag.SPLIT)
    later, begins = some[1:], starts[1:]
    joined = (begins == ends[:-1]) & (inside[begins] | (wordy[begins] & wordy[begins - 1]))
    flags[later[joined]] |= np.uint8(Flag.CONTINUES)
    return flags


def disjoint(text: str, spans: np.ndarray, written: Callable[[int], bytes | None], flags: np.ndarray) -> np.ndarray:
    """Spans of which none reaches into another: int64 [N, 2]. Sets SPLIT and SHARED in `flags`.

    spans: as a tokenizer gives them, in order; those of tokens that a normalizer made of one character are the same, and a blank
    that the tokenizer put before the text has the first character's. written: the bytes that the token at a place stands for.
    Where these are the text's bytes, the tokens are cut by them; else the first token has the stretch, and the others share it.
    """
    spans = spans.copy()
    data = text.encode("utf-8")
    reached = np.maximum.accumulate(spans[:, 1]) if len(spans) else spans[:, 1]
    meets = np.flatnonzero(spans[1:, 0] < reached[:-1]) + 1  # begins before what came earlier has ended
    for group in np.split(meets, np.flatnonzero(np.diff(meets) > 1) + 1) if len(meets) else ():
        first, last = int(group[0]) - 1, int(group[-1]) + 1
        _settle(data, spans[first:last], [written(place) for place in range(first, last)], flags[first:last])
    return spans


def _settle(data: bytes, spans: np.ndarray, written: Sequence[bytes | None], flags: np.ndarray) -> None:
    """Changes `spans` and `flags`, which are one group's."""
    start, end = int(spans[:, 0].min()), int(spans[:, 1].max())
    joined, target = b"".join(one or b"" for one in written), data[start:end]
    put_before = joined == b" " + target and written[0]
    if joined == target or put_before:
        lengths = np.array([len(one or b"") for one in written])
        lengths[0] -= 1 if put_before else 0
        spans[:] = in_row(lengths) + start
    else:
        at = start
        for place, one in enumerate(written):
            begins, ends = (int(value) for value in spans[place])
            if one == b" " and not data[begins:ends].isspace():  # the tokenizer's own blank
                ends = begins
            if at > begins and ends > at:
                flags[max(0, place - 1)] |= np.uint8(Flag.SPLIT)
                flags[place] |= np.uint8(Flag.SPLIT)
            begins = max(at, begins)
            at = ends = max(begins, ends)
            spans[place] = begins, ends
    flags[spans[:, 0] == spans[:, 1]] |= np.uint8(Flag.SHARED)


def composed(text: str, spans: np.ndarray) -> np.ndarray:
    """Spans that take in the marks and letters that a normalizer composed with a token's last character: int64 [N, 2]."""
    if text.isascii() or not len(spans):
        return spans
    starts = byte_starts(text)
    joins = np.append(_each_character(text, _JOINS), False)
    stops = np.where(joins, len(text), np.arange(len(joins)))
    runs = np.minimum.accumulate(stops[::-1])[::-1]  # for each character: the first from it on that joins nothing
    spans = spans.copy()
    some = np.flatnonzero(spans[:, 1] > spans[:, 0])
    ends = spans[some, 1]
    character = np.searchsorted(starts, ends)
    whole = starts[character] == ends
    room = np.append(spans[some[1:], 0], starts[-1])  # up to the next token
    spans[some, 1] = np.where(whole, np.maximum(ends, np.minimum(starts[runs[character]], room)), ends)
    empty = np.flatnonzero(spans[:, 1] == spans[:, 0])
    reached = np.maximum.accumulate(spans[:, 1])
    spans[empty] = np.maximum(spans[empty], reached[empty][:, None])
    return spans


def _each_character(text: str, kind: regex.Pattern[str]) -> np.ndarray:
    """bool [C]: which characters are of this kind. Each is asked about once."""
    numbers = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    known, where = np.unique(numbers, return_inverse=True)
    return np.array([kind.match(chr(number)) is not None for number in known], dtype=bool)[where]
