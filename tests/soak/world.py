"""The service as `app.py` builds it, over the tiny models, behind its real server; the faults are in its loaders and operations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from playground.core.registry import Registry
from playground.settings import Settings
from tests.soak.faults import Faults, FaultyLoader, FaultyOp

DEADLINE = 20.0  # seconds of one card


def settings(folder: Path) -> Settings:
    return Settings(
        catalog=folder / "catalog.toml",
        trained=folder / "trained",
        device="cpu",
        threads=1,
        warm_up=False,
        deadline=DEADLINE,
        hosted_timeout=8.0,
        max_hold=30.0,
        max_requests=20,
        max_session_requests=3,
        # With a pasted key the hosted tier asks here, where nobody listens: nothing leaves this machine.
        openai_base_url="http://127.0.0.1:9/v1",
    )


def all_wrapped(wrapper: type, registry: Registry, faults: Faults) -> Registry:
    found: Registry = Registry("thing")
    for name in registry.names():
        found.add(name, wrapper(registry.get(name), faults))
    return found


class World:
    """`port`: of the page. What it reaches into of the engine is named here, and nowhere else."""

    def __init__(self, service: Any, port: int) -> None:
        self.service, self.port = service, port
        self.runtime = service.runtime
        self.cache = service.runtime._cache
        self.scheduler = service.runtime._scheduler

    @property
    def budget(self) -> int:
        return self.cache._policy.budget

    def resize(self, budget: int) -> None:
        self.cache.resize(budget, 2**34)

    def kill_gateway(self) -> None:
        """Its server stops by itself, as after a fault; the service has not been told."""
        server = self.service._gateway._life._server
        if server is not None:
            server.should_exit = True

    def busy(self) -> dict[str, int]:
        """Whatever is still going on; empty when all is quiet."""
        rows = self.runtime.status()
        counts = {
            "leases": sum(row.leases for row in rows),
            "models on their way": sum(row.state not in ("ready",) for row in rows),
            "waiting for memory": self.cache.waiting,
            "waiting for the device": self.runtime.report().queue.waiting + self.runtime.report().queue.running,
            "requests in progress": sum(self.service._limits.in_progress().values()),
        }
        return {name: count for name, count in counts.items() if count}

    def close_late_sessions(self) -> int:
        """A page that closes while its request is still on the way leaves an idle session, forgotten when 2,000 newer ones came."""
        late = list(self.service._sessions._sessions)
        for session in late:
            self.service.close_session(session)
        return len(late)


@contextmanager
def open_world(folder: Path, faults: Faults) -> Iterator[World]:
    from playground.compose import compose
    from playground.engine import backend, runtime_local
    from playground.ui import build, launch_options

    def encoder() -> Path:  # a mock would keep each of its ten thousands of calls
        return folder / "encoder"

    ops = all_wrapped(FaultyOp, runtime_local.build_ops(), faults)
    loaders = all_wrapped(FaultyLoader, backend.build_loaders(), faults)
    with (
        mock.patch.object(runtime_local, "build_ops", return_value=ops),
        mock.patch.object(backend, "build_loaders", return_value=loaders),
        mock.patch("playground.catalog.encoder_folder", encoder),
    ):
        service = compose(settings(folder))
        demo = build(service)
        try:
            options = launch_options(service) | {"server_port": None}
            demo.launch(**options, prevent_thread_lock=True)
            yield World(service, demo.server_port)
        finally:
            demo.close(verbose=False)
            service.close()
            time.sleep(0.2)
