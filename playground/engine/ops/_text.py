"""What operations on texts share."""

from __future__ import annotations


def cut_note(tokens: int) -> str:
    return f"Only the first {tokens} tokens were read: the text is longer than this model takes."
