"""Model cards for the page: from the catalog where the model is in it, else what is known of a hosted one."""

from __future__ import annotations

from collections.abc import Sequence

from playground.catalog import Catalog
from playground.core.cards import ModelCard
from playground.core.errors import UnknownName
from playground.core.types import Choice, Source


def pick(choices: Sequence[Choice], model: str | None) -> Choice:
    """The wanted row, or the first. Raises UnknownName."""
    if model is None and choices:
        return choices[0]
    for choice in choices:
        if choice.id == model:
            return choice
    raise UnknownName("model here", str(model), [choice.id for choice in choices])


def model_card(catalog: Catalog, choices: Sequence[Choice], tier: str, model: str | None) -> ModelCard:
    choice = pick(choices, model)
    if choice.id in catalog.checkpoints:
        return catalog.card(catalog.get(choice.id))
    if choice.source is Source.STAND_IN:
        encoder = catalog.encoder
        return ModelCard(
            title=choice.title,
            model=choice.id,
            source=choice.source,
            licence=encoder.licence,
            parameters=encoder.parameters,
            provenance="this playground's own OpenAI-compatible endpoint on this machine, over the bundled encoder",
            trained_on="nothing for this task: it can only compare a whole text with descriptions of labels",
        )
    return ModelCard(
        title=choice.title,
        model=choice.id,
        source=choice.source,
        provenance="weights, data and size are its provider's; only its answers can be seen",
    )
