"""How a byte-level vocabulary writes bytes."""

from __future__ import annotations

from playground.scratch.tokenizer import BYTE_ORDER

# GPT-2's alphabet (openai/gpt-2, src/encoder.py, bytes_to_unicode): printable bytes stand for themselves, the others, in their
# order, for the characters from 256 on. So “Ġ” is the blank and “Ċ” the line break.
_PRINTABLE = 188
ALPHABET = {
    chr(byte if place < _PRINTABLE else 256 + place - _PRINTABLE): byte for place, byte in enumerate(BYTE_ORDER)
}


def byte_level(form: str) -> bytes | None:
    """The bytes that a byte-level vocabulary writes so; None where it is not in its alphabet.

    >>> byte_level("Ġthe")
    b' the'
    """
    try:
        return bytes(map(ALPHABET.__getitem__, form))
    except KeyError:
        return None
