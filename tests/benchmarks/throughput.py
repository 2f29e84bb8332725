"""Requests/s of 1, 8 and 32 clients in a closed loop at `runtime.submit`, beside transformers called directly in batches.

    python -m tests.benchmarks.throughput [--seconds 6] [--rounds 2] [--threads 2] [--fast] [--json]

A client sends its next request when it has its answer; no HTTP, no page, each client another user. Direct and ours take
turns, round by round; figures are medians over rounds. `share`: ours with 32 clients against the best direct batch.
"""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

from playground.core.calls import Classify
from playground.core.cancel import Cancel
from playground.core.events import LAST, Event, Finished
from tests.benchmarks.service_level import House, arguments, at, house, told

BATCHES = (1, 4, 8, 16, 32)
CLIENTS = (1, 8, 32)


def direct(found: House, batch: int, seconds: float) -> float:
    """Rows per second."""
    rows, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        found.direct([found.texts[(rows + n) % len(found.texts)] for n in range(batch)])
        rows += batch
    return rows / (time.perf_counter() - started)


def ours(found: House, clients: int, seconds: float) -> tuple[float, list[float]]:
    """Requests per second, and each one's seconds."""
    runtime, ref, lock = found.service.runtime, found.ref, threading.Lock()
    latencies: list[float] = []
    idle = threading.Semaphore(0)
    until = time.perf_counter() + seconds

    def send(client: int, number: int) -> None:
        if time.perf_counter() >= until:
            idle.release()
            return
        began = time.perf_counter()

        def emit(event: Event) -> None:
            if isinstance(event, LAST):
                assert isinstance(event, Finished), event
                with lock:
                    latencies.append(time.perf_counter() - began)
                send(client, number + 1)

        text = found.texts[(37 * client + number) % len(found.texts)]
        runtime.submit(Classify(ref, user=f"client {client}", text=text), emit, Cancel(60))

    started = time.perf_counter()
    for client in range(clients):
        send(client, 0)
    for _ in range(clients):
        idle.acquire()
    return len(latencies) / (time.perf_counter() - started), latencies


def main() -> None:
    options = arguments(__doc__, seconds=6.0, rounds=2)
    by_batch: dict[int, list[float]] = {batch: [] for batch in BATCHES}
    by_clients: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    latencies: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    figures: dict[str, Any] = {"rounds": options.rounds, "seconds": options.seconds}
    with house(options) as found:
        for _ in range(options.rounds):
            for batch in BATCHES:
                by_batch[batch].append(direct(found, batch, options.seconds / 2))
            for clients in CLIENTS:
                before = found.service.runtime.report().totals
                rate, each = ours(found, clients, options.seconds)
                after = found.service.runtime.report().totals
                by_clients[clients].append(rate)
                latencies[clients] += each
                figures[f"rows_per_step_{clients}"] = (after.rows - before.rows) / (after.steps - before.steps)
    for batch, rates in by_batch.items():
        figures[f"direct_batch_{batch}_per_s"] = statistics.median(rates)
    for clients, rates in by_clients.items():
        figures[f"ours_clients_{clients}_per_s"] = statistics.median(rates)
        figures[f"ours_clients_{clients}_n"] = len(latencies[clients])
        figures[f"ours_clients_{clients}_p95_ms"] = 1000 * at(latencies[clients], 0.95)
    best = max(statistics.median(rates) for batch, rates in by_batch.items() if batch >= 8)
    figures["share"] = statistics.median(by_clients[32]) / best
    told(figures, options.json)


if __name__ == "__main__":
    main()
