"""A runtime with models in memory and nobody to compute with them: for the Status tab.

`python -m tests.fakes.memory PORT` serves the page over it; `--public` makes visitors of those who come; `/fake/busy`,
`/fake/idle` and `/fake/new` change what it reports.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from playground.core.status import Departure, Device, LoadRecord, Queue, RuntimeReport, Totals, Why
from playground.core.types import Resident
from tests.fakes.runtime import FakeRuntime
from tests.fakes.service import FakePlayground

GB = 10**9
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
RESIDENTS = (
    Resident(ENCODER, "ready", 90_900_000, 0, 214, 1, 0.84, key="encoder", credit=9.0, idle_seconds=3),
    Resident(
        "bundled/sentiment-general", "ready", 600_000, 0, 120, 1, 0.03, ENCODER, key="general", credit=4, idle_seconds=3
    ),
    Resident(
        "bundled/sentiment-informal",
        "ready",
        1_560_000,
        0,
        94,
        1,
        0.04,
        ENCODER,
        key="informal",
        credit=5,
        idle_seconds=44,
    ),
    Resident(
        "bundled/sentiment-scratch", "ready", 8_400_000, 0, 94, 2, 0.02, key="scratch", credit=2.5, idle_seconds=190
    ),
    Resident(
        "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        "loading",
        268_000_000,
        1,
        0,
        0,
        0.0,
        key="distilbert",
        fraction=0.45,
    ),
)


class MemoryRuntime(FakeRuntime):
    """Pins and unloads what `report` names, as the true one does."""

    def __init__(self, residents: tuple[Resident, ...] = RESIDENTS) -> None:
        super().__init__()
        self.begin(residents)

    def begin(self, residents: tuple[Resident, ...] = RESIDENTS) -> None:
        """As if it had just been made."""
        now = datetime.now(UTC)
        self.residents = residents
        self.queue = Queue(running=8, waiting=23, loading=1, wait_seconds=0.42)
        self.totals = Totals(522, 14, 6, 1, 1.92, ((Why.ROOM, 1), (Why.OWNER, 1)), 310, 2480, 9.7)
        self.departures = [
            Departure(
                now - timedelta(minutes=3),
                "cardiffnlp/twitter-roberta-base-sentiment-latest",
                499_000_000,
                Why.ROOM,
                "To make room for distilbert/distilbert-base-uncased-finetuned-sst-2-english: it was worth least "
                "(0.9 s to load, 499 MB) and idle for 12 min.",
            )
        ]
        self.loads = [
            LoadRecord(
                now - timedelta(minutes=9),
                "my-run-3",
                0.2,
                "The file model.safetensors is cut off: train it again.",
            )
        ]

    def report(self) -> RuntimeReport:
        used = sum(row.bytes for row in self.residents)
        device = Device("cpu", "float32", 2, 2 * GB, used, 4_300_000_000, 8_600_000_000, 1_240_000_000)
        return RuntimeReport(device, self.residents, self.queue, self.totals, tuple(self.departures), tuple(self.loads))

    def pin(self, key: str, pinned: bool) -> bool:
        found = any(row.key == key for row in self.residents)
        self.residents = tuple(replace(row, pinned=pinned) if row.key == key else row for row in self.residents)
        return found

    def unload(self, key: str | None = None) -> int:
        named = next((row.model for row in self.residents if row.key == key), None)
        goes = [
            row
            for row in self.residents
            if (key is None or row.key == key or (named and row.base == named))
            and row.state == "ready"
            and not row.pinned
            and not row.leases
        ]
        self.residents = tuple(row for row in self.residents if row not in goes)
        now = datetime.now(UTC)
        self.departures[:0] = [
            Departure(now, row.model, row.bytes, Why.OWNER, "The owner unloaded it.") for row in goes
        ]
        return len(goes)

    def work(self) -> None:
        """Everything that is ready is in use."""
        self.residents = tuple(replace(row, leases=2) if row.state == "ready" else row for row in self.residents)

    def rest(self) -> None:
        self.residents = tuple(replace(row, leases=0) for row in self.residents if row.state == "ready")
        self.queue = Queue()


def routes(runtime: MemoryRuntime) -> list[Route]:
    acts = {"busy": runtime.work, "idle": runtime.rest, "new": runtime.begin}

    async def change(request):
        acts[request.path_params["how"]]()
        return PlainTextResponse("done")

    return [Route("/fake/{how}", change)]


def main() -> None:
    from playground.ui import build, launch_options

    options = argparse.ArgumentParser()
    options.add_argument("port", type=int)
    options.add_argument("--public", action="store_true")
    options.add_argument("--token", default=None)
    options.add_argument("--empty", action="store_true")
    chosen = options.parse_args()
    runtime = MemoryRuntime(() if chosen.empty else RESIDENTS)
    if chosen.empty:
        runtime.queue, runtime.totals, runtime.departures, runtime.loads = Queue(), Totals(), [], []
    host = "0.0.0.0" if chosen.public else "127.0.0.1"  # what makes it public; it listens on loopback all the same
    service = FakePlayground(port=chosen.port, host=host, owner_token=chosen.token)
    service.runtime = runtime
    wanted = launch_options(service)
    wanted["app_kwargs"]["routes"].extend(routes(runtime))
    wanted["server_name"] = "127.0.0.1"
    build(service).launch(**wanted)


if __name__ == "__main__":
    main()
