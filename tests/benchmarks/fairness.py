"""One visitor's single request while another's table of 200 lines runs, against the same request on an idle machine.

    python -m tests.benchmarks.fairness [--n 40] [--lines 200] [--threads 2] [--fast] [--json]

Through the service, one tier, a DistilBERT-sized classifier with random weights, 32 tokens. Idle and loaded samples alternate in
blocks, so that a machine that does other work disturbs both alike. Promise: answered within 5 times its idle latency.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time

from tests.benchmarks.service_level import TIER, House, arguments, at, house, told

BLOCK = 10


class Table:
    """Runs tables of so many lines, one after another, in a thread of its own, until it is left."""

    def __init__(self, found: House, lines: int) -> None:
        self._found, self._lines = found, [found.texts[n % len(found.texts)] for n in range(lines)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.rows, self.seconds = 0, 0.0

    async def _run(self) -> None:
        started = time.perf_counter()
        while not self._stop.is_set():
            async for _ in self._found.service.run_table("sentiment", self._lines, session="crowd", tiers=[TIER]):
                self.rows += 1
                if self._stop.is_set():
                    break
        self.seconds = time.perf_counter() - started

    def __enter__(self) -> Table:
        self._thread.start()
        while self.rows < 20:  # it is under way
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def main() -> None:
    options = arguments(__doc__, n=40, lines=200)
    idle: list[float] = []
    loaded: list[float] = []
    chance = random.Random(0)
    rows = seconds = 0.0
    with house(options) as found:

        def sample(into: list[float]) -> None:
            for _ in range(min(BLOCK, options.n - len(into))):
                time.sleep(chance.uniform(0.05, 0.25))  # so that it falls anywhere in a step
                started = time.perf_counter()
                found.run(chance.choice(found.texts), "single")
                into.append(time.perf_counter() - started)

        while len(loaded) < options.n:
            sample(idle)
            with Table(found, options.lines) as table:
                sample(loaded)
            rows, seconds = rows + table.rows, seconds + table.seconds
        totals = found.service.runtime.report().totals
    told(
        {
            "n_idle": len(idle),
            "n_loaded": len(loaded),
            "idle_p50_ms": 1000 * at(idle, 0.5),
            "idle_p95_ms": 1000 * at(idle, 0.95),
            "loaded_p50_ms": 1000 * at(loaded, 0.5),
            "loaded_p95_ms": 1000 * at(loaded, 0.95),
            "ratio_p50": at(loaded, 0.5) / at(idle, 0.5),
            "ratio_p95_to_idle_p50": at(loaded, 0.95) / at(idle, 0.5),
            "ratio_p95": at(loaded, 0.95) / at(idle, 0.95),
            "table_rows_per_second": rows / seconds,
            "rows_per_step": totals.rows / totals.steps,
        },
        options.json,
    )


if __name__ == "__main__":
    main()
