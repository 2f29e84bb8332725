"""What every panel of the tokenizer's page sends: the text, the rows, and how they are read."""

from __future__ import annotations

from typing import NamedTuple

from playground.ui.actions import Asked


class Order(NamedTuple):
    text: str
    rows: list[str]
    options: dict[str, bool]


def order(asked: Asked) -> Order:
    """Each row once."""
    options = {"control": asked.yes("control"), "special": asked.yes("special")}
    return Order(asked.text("text"), list(dict.fromkeys(asked.words("rows"))), options)
