"""The "code" of a card: a Python file that runs this very input through this very model. A test runs every one of them.

One template per loader. Text goes in through `repr`, which escapes quotes, line breaks and invisible characters;
a key never does: the file reads it from the environment.
"""

from __future__ import annotations

from collections.abc import Sequence

from playground.catalog import Catalog
from playground.core.task import Task
from playground.core.types import Choice
from playground.service.cards import pick
from playground.service.hosted_snippets import hosted
from playground.service.local_snippets import RENDERERS


def snippet(catalog: Catalog, task: Task, choices: Sequence[Choice], text: str, model: str | None) -> str:
    """The file as text. Raises UnknownName for a model that this card does not offer."""
    choice = pick(choices, model)
    checkpoint = catalog.checkpoints.get(choice.id)
    if checkpoint is None:
        return hosted(task, text, choice.id)
    return RENDERERS[checkpoint.loader](catalog, task, checkpoint, text)
