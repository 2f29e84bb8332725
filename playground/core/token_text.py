"""A token's bytes as text that can be shown. Standard library only."""

from __future__ import annotations


def shown(data: bytes) -> str:
    """As text; bytes that are no whole character as “\\xE2”, so that nothing is shown that is not there.

    >>> shown(b"caf\\xc3")
    'caf\\\\xC3'
    """
    found: list[str] = []
    while data:
        try:
            found.append(data.decode("utf-8"))
            break
        except UnicodeDecodeError as error:
            found.append(data[: error.start].decode("utf-8"))
            found += [f"\\x{byte:02X}" for byte in data[error.start : error.end]]
            data = data[error.end :]
    return "".join(found)
