"""What the service costs over the model: one warm client, and transformers called directly, in turns in one process.

    python -m tests.benchmarks.overhead [--n 200] [--threads 2] [--fast] [--json]

Both sides tokenize. The order changes from pair to pair; `overhead_ms` is the median of the pairs' differences, which a busy
machine disturbs less than the difference of the medians (given too); `overhead_cpu_ms` is the same of the process's CPU seconds.
Promise: at most 5 ms.
"""

from __future__ import annotations

import statistics
import time

from tests.benchmarks.service_level import arguments, at, house, told


def main() -> None:
    options = arguments(__doc__, n=200)
    ours: list[float] = []
    theirs: list[float] = []
    ours_cpu: list[float] = []
    theirs_cpu: list[float] = []
    with house(options) as found:
        for number in range(options.n):
            text = found.texts[number % len(found.texts)]

            def service(text: str = text) -> None:
                started, cpu = time.perf_counter(), time.process_time()
                found.run(text, "me")
                ours.append(time.perf_counter() - started)
                ours_cpu.append(time.process_time() - cpu)

            def direct(text: str = text) -> None:
                started, cpu = time.perf_counter(), time.process_time()
                found.direct([text])
                theirs.append(time.perf_counter() - started)
                theirs_cpu.append(time.process_time() - cpu)

            for side in (service, direct) if number % 2 else (direct, service):
                side()
    pairs = [one - other for one, other in zip(ours, theirs, strict=True)]
    cpu_pairs = [one - other for one, other in zip(ours_cpu, theirs_cpu, strict=True)]
    told(
        {
            "n": options.n,
            "direct_p50_ms": 1000 * at(theirs, 0.5),
            "service_p50_ms": 1000 * at(ours, 0.5),
            "service_p95_ms": 1000 * at(ours, 0.95),
            "overhead_ms": 1000 * statistics.median(pairs),
            "overhead_cpu_ms": 1000 * statistics.median(cpu_pairs),
            "difference_of_medians_ms": 1000 * (at(ours, 0.5) - at(theirs, 0.5)),
            "difference_of_tenths_ms": 1000 * (at(ours, 0.1) - at(theirs, 0.1)),
        },
        options.json,
    )


if __name__ == "__main__":
    main()
