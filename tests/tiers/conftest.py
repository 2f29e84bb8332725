"""Servers for the tests of the hosted tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
