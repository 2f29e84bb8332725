"""What the templates of all snippets are filled with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pprint import pformat

from playground.catalog import Catalog, Checkpoint
from playground.core.task import Task

Render = Callable[[Catalog, Task, Checkpoint, str], str]


def written(value: object) -> str:
    """As Python; many items one a line."""
    short = repr(value)
    return short if len(short) <= 80 else pformat(value, width=110, sort_dicts=False, compact=True)


def relative(catalog: Catalog, checkpoint: Checkpoint) -> str:
    """As seen from the playground's folder, so that no path of this machine shows."""
    folder = Path(str(checkpoint.folder))
    return Path(folder.parent.name if checkpoint.trained_here else catalog.root.name, _below(folder)).as_posix()


def _below(folder: Path) -> Path:
    return Path(folder.name) if folder.is_absolute() else folder
