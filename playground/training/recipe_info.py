"""What is known of a recipe before it runs."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RecipeInfo:
    """A recipe for lists on screen. `minutes` is about what it takes on 2 CPU cores."""

    name: str
    title: str
    data: str
    minutes: int


@dataclass(frozen=True)
class Recipe:
    info: RecipeInfo
    module: str  # has run(job: Job) -> dict
    options: dict[str, Any]
