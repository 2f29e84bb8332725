"""What a tier is built from."""

from __future__ import annotations

from dataclasses import dataclass

from playground.catalog import Catalog
from playground.core.credentials import SessionCredentials
from playground.core.protocols import Gateway, Runtime
from playground.settings import Settings


@dataclass(frozen=True)
class TierContext:
    """`gateway` None: no stand-in runs, and the hosted tier says so where it would have used it."""

    settings: Settings
    catalog: Catalog
    runtime: Runtime
    gateway: Gateway | None
    credentials: SessionCredentials
