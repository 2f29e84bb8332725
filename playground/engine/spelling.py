"""Tokens to text while they come: each character once it is whole. Pure; knows no tokenizer.

What a token adds depends on those before it (a byte of a character, a blank that stands before a word but not before a text), so
two readings of the last few are compared. Their end is never read apart from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

CUT = "\ufffd"


class Speller:
    """decode: some tokens to text. before: the tokens that the text goes on from, or their end."""

    def __init__(self, decode: Callable[[Sequence[int]], str], before: Sequence[int] = ()) -> None:
        self._decode = decode
        self._ids = list(before)
        self._start, self._told = 0, len(self._ids)  # what is compared begins there; what was given as text ends there
        self._known = decode(self._ids)

    def add(self, token: int) -> str:
        """What is whole with this token and was not before."""
        self._ids.append(token)
        fresh = self._fresh(self._ids[self._start :])
        if not fresh or fresh.endswith(CUT):
            return ""
        self._start, self._told = self._told, len(self._ids)
        self._known = self._decode(self._ids[self._start :])
        return fresh

    def would(self, token: int) -> str:
        """What `add` would give; nothing is added."""
        fresh = self._fresh([*self._ids[self._start :], token])
        return "" if fresh.endswith(CUT) else fresh

    def _fresh(self, ids: Sequence[int]) -> str:
        text = self._decode(ids)
        return text[len(self._known) :] if len(text) > len(self._known) else ""
