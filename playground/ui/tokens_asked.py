"""What every panel of the tokenizer's page sends: the text, the rows, and how they are read."""

from __future__ import annotations

from typing import Any, NamedTuple

from playground.service.tokens import MOST_ROWS
from playground.ui.actions import Asked


class Order(NamedTuple):
    text: str
    rows: list[str]
    control: bool
    special: bool

    @property
    def options(self) -> dict[str, bool]:
        return {"control": self.control, "special": self.special}


def order(asked: Asked) -> Order:
    """What is not of the right kind is left out. More rows than are read at once are left for the service to refuse."""
    special = asked.raw("special")
    return Order(asked.text("text"), names(asked.raw("rows")), asked.raw("control") is True, special is not False)


def names(value: Any) -> list[str]:
    """Of a list, its texts, each once."""
    found = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    return list(dict.fromkeys(found))[: MOST_ROWS + 1]
