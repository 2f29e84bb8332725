"""A service over fake tiers."""

from playground.catalog import Catalog
from playground.core.registry import Registry
from playground.service import Playground
from playground.settings import Settings
from tests.fakes.runtime import FakeRuntime


def service_with(*tiers, **settings):
    service = Playground(
        Settings(space_id=None, **settings), Catalog.read(Settings().catalog), FakeRuntime(), gateway=None
    )
    if tiers:
        service.tiers = Registry("tier")
        for tier in tiers:
            service.tiers.add(tier.name, tier)
    return service
