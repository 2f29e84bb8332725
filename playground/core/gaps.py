"""Gaps in a text: how they are written, and how words come to stand in them.

Everybody writes [MASK]; a model may have a sign of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "[MASK]"
INSIDE = "##"  # before a piece that goes on the word in front of it
AROUND = 240  # characters on either side of a gap that are shown of a long text
WHOLE = 2 * AROUND  # characters of a text that is always shown as a whole
# What visitors write for a gap: [MASK] and <mask> in any case, or three lines and more.
_WRITTEN = re.compile(r"\[ ?mask ?\]|< ?mask ?>|_{3,}", re.IGNORECASE)


def normalised(text: str) -> str:
    """Every gap as [MASK], everything else as it was.

    >>> normalised("Paris is the <mask> of ___, [mask]!")
    'Paris is the [MASK] of [MASK], [MASK]!'
    """
    return _WRITTEN.sub(MASK, text)


def count(text: str) -> int:
    return text.count(MASK)


def filled(text: str, words: Sequence[str | None]) -> str:
    """The text with a word in each gap, in reading order; None leaves a gap. A piece inside a word ("##ing") joins what stands
    before it.

    >>> filled("He was play [MASK] the [MASK].", ["##ing", "piano"])
    'He was playing the piano.'
    """
    parts = text.split(MASK)
    found = parts[0]
    for word, part in zip(words, parts[1:], strict=True):
        if word is not None and word.startswith(INSIDE):
            found = found.rstrip(" ") + word.removeprefix(INSIDE)
        else:
            found += MASK if word is None else word
        found += part
    return found


def passage(text: str, words: Sequence[str], gap: int) -> str:
    """The text with a word in each gap; of a long one what stands around this gap, with dots where it was cut."""
    if len(text) <= WHOLE:
        return filled(text, words)
    parts = text.split(MASK)
    before, after = len(MASK.join(parts[: gap + 1])), len(MASK.join(parts[: gap + 1])) + len(MASK)
    start, end = max(0, before - AROUND), min(len(text), after + AROUND)
    # Not through another gap.
    for place in (found.start() for found in re.finditer(re.escape(MASK), text)):
        start = place + len(MASK) if place < start < place + len(MASK) else start
        end = place if place < end < place + len(MASK) else end
    first = text[:start].count(MASK)
    inside = text[start:end]
    said = filled(inside, words[first : first + inside.count(MASK)])
    return f"{'…' if start else ''}{said}{'…' if end < len(text) else ''}"
