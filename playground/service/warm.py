"""What is loaded before anybody asks: the models that the settings pin, and those that a first Run will use."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from playground.catalog import Catalog
from playground.core.errors import PlaygroundError
from playground.core.protocols import Runtime, Tier
from playground.core.task import Task
from playground.core.types import ModelRef

log = logging.getLogger(__name__)


def pin(runtime: Runtime, catalog: Catalog, names: Iterable[str]) -> None:
    """Loads these in the background, to stay. One that cannot be is an error in the log, and the server goes on without it."""
    refs = []
    for name in names:
        try:
            refs.append(catalog.ref(catalog.get(name)))
        except PlaygroundError as error:
            log.error("%s is not pinned: %s", name, error)
    try:
        if refs:
            runtime.warm(refs, pin=True)
    except PlaygroundError as error:
        log.error("no model is pinned: %s", error)


def first_choices(catalog: Catalog, tasks: Iterable[Task], tiers: Iterable[Tier]) -> list[ModelRef]:
    """What a first Run with the default choices uses of this machine."""
    every = list(tiers)
    refs = []
    for task in tasks:
        for tier in every:
            first = next((choice for choice in tier.choices(task, "") if choice.available), None)
            if first is not None and first.id in catalog.checkpoints:
                refs.append(catalog.ref(catalog.get(first.id)))
    return refs
