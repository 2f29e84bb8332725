"""What a task asks for beside the text, e.g. the visitor's own labels. Values are strings: they stand in links, files and forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Values = tuple[tuple[str, str], ...]  # (field's name, value): what was chosen for one run, in the fields' order


@dataclass(frozen=True)
class Field:
    """kind: "lines" is text of several lines; "flag" is on ("1") or off ("")."""

    name: str
    title: str
    kind: Literal["lines", "flag"]
    default: str = ""
    placeholder: str = ""
    hint: str = ""
