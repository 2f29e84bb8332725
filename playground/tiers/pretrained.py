"""Tier 2: a checkpoint used as it is; the hub's where the local cache has it, else the bundled one."""

from playground.core.protocols import Tier
from playground.tiers._local import LocalTier
from playground.tiers.context import TierContext


def build(context: TierContext) -> Tier:
    return LocalTier(
        "pretrained",
        context,
        "No pretrained checkpoint for {task} is in the catalog: add a row to assets/catalog.toml.",
    )
