"""What a cache hit costs, and how many loads 32 first requests are.

    python -m tests.benchmarks.cache [HITS]

A hit is `acquire` and `release` of one resident model by a loader that loads nothing. Two ways to look at it, and they say
different things. The closed loop: threads that do nothing else, elapsed time over the number of hits; since one thread
runs at a time, this is what a hit takes of the interpreter, waiting for the lock included (held to 50 µs with 16
threads). The single call: from its begin to its end on the clock, where a call during which the thread was not
running (16 threads on few cores) also counts the turns of others; its median is free of those, its 99th percentile is not.
The processor time beside the closed loop is what is left of it on a machine with nothing else to do.
Each beside the least that could be: an uncontended lock and a dictionary.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from playground.core.cancel import Cancel
from playground.core.types import ModelRef
from playground.engine.cache import Loaded, ModelCache

HELD_TO = 50e-6


class NoLoader:
    """Loads nothing, slowly enough that others come while it does. `loads` are counted here, not by the cache."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.loads = seconds, 0

    def estimate(self, ref: ModelRef) -> int:
        return 10

    def load(self, ref, base, report) -> Loaded:
        self.loads += 1
        time.sleep(self.seconds)
        return Loaded(ref.id, 10)

    def unload(self, ref, value) -> None: ...

    def reclaim(self) -> None: ...


def measure(name: str, action: Callable[[], object], threads: int, number: int) -> float:
    """Prints a row, and returns the mean of the closed loop in seconds."""
    each = number // threads
    start = threading.Barrier(threads + 1)
    took: list[list[float]] = [[] for _ in range(threads)]

    def loop(mine: list[float], timed: bool) -> None:
        start.wait()
        if not timed:
            for _ in range(each):
                action()
            return
        clock = time.perf_counter
        for _ in range(each):
            before = clock()
            action()
            mine.append(clock() - before)

    def run(timed: bool) -> tuple[float, float]:
        workers = [threading.Thread(target=loop, args=(mine, timed)) for mine in took]
        for worker in workers:
            worker.start()
        start.wait()
        before, worked = time.perf_counter(), time.process_time()
        for worker in workers:
            worker.join()
        return time.perf_counter() - before, time.process_time() - worked

    mean, worked = (seconds / (each * threads) for seconds in run(timed=False))
    run(timed=True)
    calls = sorted(second for mine in took for second in mine)
    p50, p99 = calls[len(calls) // 2], calls[int(len(calls) * 0.99)]
    print(
        f"{name:28} {threads:3} threads  n={each * threads:7,}  closed loop {mean * 1e6:6.2f} µs a hit "
        f"({worked * 1e6:5.2f} µs CPU)   one call p50 {p50 * 1e6:7.2f} µs  p99 {p99 * 1e6:9.2f} µs"
    )
    return mean


def first_requests(count: int) -> tuple[int, int]:
    """Loads, and requests that were served, of as many threads asking at once for a model that nobody has used."""
    backend = NoLoader(0.05)
    cache = ModelCache(backend, 100, 1000)
    start, served = threading.Barrier(count), []

    def ask() -> None:
        start.wait()
        with cache.lease(ModelRef("cold", "none", "/nowhere")) as value:
            served.append(value)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.close()
    return backend.loads, len(served)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    logging.disable()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} over the last minute, Python {sys.version.split()[0]}"
    )
    cache = ModelCache(NoLoader(), 1000, 1000)
    refs, token = (ModelRef("hot", "none", "/nowhere"),), Cancel()
    with cache.lease(refs[0]):
        pass
    lock, table = threading.Lock(), {"hot": 0}

    def least() -> None:
        with lock:
            table["hot"] += 1

    def hit() -> None:
        cache.acquire(refs, lambda leases, error: leases[0].release(), token)

    means = {}
    for threads in (1, 16):
        measure("lock and dictionary", least, threads, number)
        means[threads] = measure("cache hit, acquire + release", hit, threads, number)
    cache.close()
    print(f"a hit with 16 threads: {means[16] * 1e6:.2f} µs (held to {HELD_TO * 1e6:.0f} µs)")
    loads, served = first_requests(32)
    print(f"32 first requests at once for one cold model: {loads} load, {served} served")
    if means[16] > HELD_TO or loads != 1 or served != 32:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
