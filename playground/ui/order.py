"""What the browser asks of a task's tab: it may send anything, and what reaches the service has been checked here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_NAME, MOST_NAMES = 300, 32  # of a tier or a model, and of them, in one order
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Order:
    """What the browser asks for, checked: it may send anything.

    `models`: only the picked ones. `number`: the browser's count of its runs. `tiers`: the cards that run; None: all.
    `values`: of the task's fields; the task says what is wrong with them.
    """

    text: str
    models: Mapping[str, str | None]
    seed: int = 0
    lines: bool = False
    number: int = 0
    tiers: tuple[str, ...] | None = None
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Any) -> Order:
        data = data if isinstance(data, dict) else {}
        text, models, tiers = data.get("text"), data.get("models"), data.get("tiers")
        named = list(models.items())[:MOST_NAMES] if isinstance(models, dict) else []
        picked = {tier[:LONGEST_NAME]: str(model)[:LONGEST_NAME] for tier, model in named if model}
        text = text if isinstance(text, str) else ""
        wanted = tuple(dict.fromkeys(str(tier) for tier in tiers[:MOST_NAMES])) if isinstance(tiers, list) else None
        return cls(
            text,
            picked,
            _natural(data.get("seed")),
            data.get("lines") is True,
            _natural(data.get("number")),
            wanted,
            values_in(data),
        )

    @property
    def text_lines(self) -> list[str]:
        return [line for line in _LINE_BREAK.split(self.text) if line.strip()]


def values_in(data: Mapping[str, Any]) -> dict[str, str]:
    """What the browser sent of a task's fields: strings alone."""
    values = data.get("values")
    named = list(values.items())[:MOST_NAMES] if isinstance(values, dict) else []
    return {name[:LONGEST_NAME]: value for name, value in named if isinstance(value, str)}


def _natural(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
