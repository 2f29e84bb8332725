"""How a vocabulary writes bytes, and how bytes are shown."""

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


def shown(data: bytes) -> str:
    """A token's bytes as text; those that are no whole character as “\\xE2”.

    >>> shown(b"caf\\xc3")
    'caf\\\\xC3'
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        good, bad = data[: error.start], data[error.start : error.end]
        return good.decode("utf-8") + "".join(f"\\x{byte:02X}" for byte in bad) + shown(data[error.end :])
