"""Which tiers take part in a request, and which model each of them runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.errors import InputError, UnknownName
from playground.core.protocols import Tier
from playground.core.registry import Registry
from playground.core.types import Choice


def tiers(known: Registry[Tier], names: Sequence[str] | None) -> list[Tier]:
    """All of them, or those named, each once. Raises UnknownName, and InputError where there are none."""
    chosen = list(known) if names is None else [known.get(name) for name in dict.fromkeys(names)]
    if not chosen:
        raise InputError("No tier is chosen: choose at least one.")
    return chosen


def by_tier(offered: Mapping[str, Sequence[Choice]], model: str | None) -> dict[str, str | None]:
    """The model for each tier that offers it; tiers that are not in the answer keep their first choice. Raises UnknownName."""
    if model is None:
        return {}
    ids = {tier: [choice.id for choice in choices] for tier, choices in offered.items()}
    models: dict[str, str | None] = {tier: model for tier, names in ids.items() if model in names}
    if not models and "hosted" not in ids:
        raise UnknownName("model for this task", model, sorted({name for names in ids.values() for name in names}))
    return models or {"hosted": model}  # an endpoint may know more models than its list says
