"""Tier 3: a checkpoint adapted to a named niche."""

from playground.core.protocols import Tier
from playground.tiers._local import LocalTier
from playground.tiers.context import TierContext


def build(context: TierContext) -> Tier:
    return LocalTier(
        "finetuned",
        context,
        "Nothing has been fine-tuned for {task} yet: train a checkpoint and add it to assets/catalog.toml.",
    )
