"""Where words that somebody quoted stand in a text: models copy words well and count characters badly."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from playground.core.segment import words

Place = tuple[int, int]  # [start, end) in characters of the text

MOST = 1000  # places of the same words that are told apart
REACH = 400  # characters; whoever reads on does not skip more


class Places:
    """Looks in three ways and takes the first that finds anything: whole words as quoted; whole words without regard to case,
    blanks, the encoding of accents and the shape of quotation marks; as quoted, inside words (scripts without blanks have no
    others). Whole words begin and end where those of `segment.words` do.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        found = words(text)
        self._starts = [start for start, _ in found]
        self._ends = {end for _, end in found}
        self._known: dict[str, tuple[Place, ...]] = {}

    def all(self, quoted: str) -> tuple[Place, ...]:
        """In order, the first `MOST`; empty for what stands nowhere."""
        if quoted not in self._known:
            self._known[quoted] = self._all(quoted)
        return self._known[quoted]

    def _all(self, quoted: str) -> tuple[Place, ...]:
        quoted = quoted.strip()
        for found in (self._exact(quoted), self._folded(quoted)):
            whole = tuple(islice(found, MOST))
            if whole:
                return whole
        return tuple(islice(self._inside(quoted), MOST))

    def next(self, quoted: str, after: int) -> Place | None:
        """The first place of whole words from `after` on, within reach; or a part of the very next word."""
        quoted = quoted.strip()
        for found in (self._exact(quoted, after, REACH), self._folded(quoted, after, REACH)):
            place = next(found, None)
            if place is not None:
                return place
        begin = self.skip(after)
        return (begin, begin + len(quoted)) if quoted and self._text.startswith(quoted, begin) else None

    def skip(self, after: int) -> int:
        """Where the next word begins, or (in the middle of one) goes on."""
        while after < len(self._text) and self._text[after].isspace():
            after += 1
        return after

    # Of the places inside one word only the first is looked at: a row of 20,000 letters has as many.

    def _exact(self, quoted: str, after: int = 0, reach: int | None = None) -> Iterator[Place]:
        stop = len(self._text) if reach is None else after + reach + len(quoted)
        start = self._text.find(quoted, after, stop) if quoted else -1
        while start >= 0:
            if self._whole(start, start + len(quoted)):
                yield start, start + len(quoted)
            start = self._text.find(quoted, self._next_word(start), stop)

    def _folded(self, quoted: str, after: int = 0, reach: int | None = None) -> Iterator[Place]:
        text, at = self._fold
        wanted, _ = fold(quoted)
        first = bisect_left(at, after)
        stop = len(text) if reach is None else first + reach + len(wanted)
        start = text.find(wanted, first, stop) if wanted else -1
        while start >= 0:
            begin, end = at[start], at[start + len(wanted) - 1] + 1
            if self._whole(begin, end):
                yield begin, end
            start = text.find(wanted, bisect_left(at, self._next_word(begin)), stop)

    def _inside(self, quoted: str) -> Iterator[Place]:
        start = self._text.find(quoted) if quoted else -1
        while start >= 0:
            yield start, start + len(quoted)
            start = self._text.find(quoted, start + 1)

    def _whole(self, start: int, end: int) -> bool:
        index = bisect_left(self._starts, start)
        return index < len(self._starts) and self._starts[index] == start and end in self._ends

    def _next_word(self, start: int) -> int:
        index = bisect_right(self._starts, start)
        return self._starts[index] if index < len(self._starts) else len(self._text)

    @cached_property
    def _fold(self) -> tuple[str, list[int]]:
        return fold(self._text)


# Quotation marks and dashes that a model replaces by those of a keyboard.
_ALIKE = str.maketrans("‘’‚‛′`“”„‟″«»‐‑‒–—−", '\'\'\'\'\'\'"""""""------')


def fold(text: str) -> tuple[str, list[int]]:
    """The text as it is compared; and for each of its characters, the index of the one in `text` that it came from.

    >>> fold("É \\n“A”")
    ('e\\u0301 "a"', [0, 0, 1, 3, 4, 5])
    """
    folded: list[str] = []
    at: list[int] = []
    for index, character in enumerate(text):
        if character.isspace():
            parts = "" if folded and folded[-1] == " " else " "
        elif character.isascii():
            parts = character.lower().replace("`", "'")
        else:
            parts = unicodedata.normalize("NFD", character.translate(_ALIKE).casefold())
        folded += parts
        at += [index] * len(parts)
    return "".join(folded), at
