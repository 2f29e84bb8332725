"""Servers for the tests of the hosted tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from playground.tiers.hosted_prices import Cost
from tests.tiers.scripted_server import Script, ScriptedServer, Serve


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def start(*scripts: Script) -> ScriptedServer:
        servers.append(ScriptedServer(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """This test's server as an endpoint with published prices: 0.01 USD a token, for gpt-5-mini alone."""

    def cost(base_url: str, model: str, tokens_in: int, tokens_out: int, cached: int = 0) -> Cost | None:
        return Cost(0.01 * (tokens_in + tokens_out), "2026-11-01") if model in ("gpt-5-mini", "gpt-test-2026") else None

    monkeypatch.setattr("playground.tiers.hosted_endpoints.cost", cost)
    monkeypatch.setattr("playground.tiers.hosted.cost", cost)
