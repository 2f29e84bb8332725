"""Tier 4: our own transformer, trained from random weights."""

from playground.core.protocols import Tier
from playground.tiers._local import LocalTier
from playground.tiers.context import TierContext


def build(context: TierContext) -> Tier:
    return LocalTier(
        "scratch",
        context,
        "No model has been trained from scratch for {task} yet: train one and add it to assets/catalog.toml.",
    )
