"""The text that a command was given."""

from __future__ import annotations

import sys


def given_text(text: str) -> str:
    """Itself; of “-” what standard input holds, as UTF-8, with U+FFFD for what is none."""
    return sys.stdin.buffer.read().decode("utf-8", "replace") if text == "-" else text
