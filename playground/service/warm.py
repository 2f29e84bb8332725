"""What is loaded before anybody asks."""

from __future__ import annotations

from collections.abc import Iterable

from playground.catalog import Catalog
from playground.core.protocols import Tier
from playground.core.task import Task
from playground.core.types import ModelRef


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
