"""One file per tier; each exports `build(context) -> Tier`. Tiers know no page and no other tier."""

from __future__ import annotations

import sys

from playground.core.protocols import Tier
from playground.core.registry import Registry, modules_in
from playground.core.types import TIERS
from playground.tiers.context import TierContext


def build_tiers(context: TierContext) -> Registry[Tier]:
    """Every module of this package that has a `build`, in the order of `TIERS`."""
    tiers: Registry[Tier] = Registry("tier")
    built = [module.build(context) for module in modules_in(sys.modules[__name__]) if hasattr(module, "build")]
    for tier in sorted(built, key=lambda tier: TIERS.index(tier.name)):
        tiers.add(tier.name, tier)
    return tiers
