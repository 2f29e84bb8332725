"""`/metrics` in Prometheus' text format: what the runtime reports and what the service counted, read when it is asked for.

Names follow Prometheus' conventions: base units, `_total` for what only grows. prometheus-client is imported by the first
question, so that the start-up does not pay for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.core.status import RuntimeReport, Why
from playground.service.meter import EDGES, Counts, Latency

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class State:
    """One moment, all of it. `in_progress`: requests by kind."""

    report: RuntimeReport
    counts: Counts
    in_progress: Mapping[str, int]
    sessions: int


def render(state: State, tiers: Iterable[str]) -> bytes:
    """`tiers`: all there are, so that each has its rows before its first answer."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(state, tuple(tiers)))
    return generate_latest(registry)


class _Collector:
    def __init__(self, state: State, tiers: tuple[str, ...]) -> None:
        self._state, self._tiers = state, tiers

    def collect(self) -> Iterator[Metric]:
        yield from _models(self._state.report)
        yield from _cache(self._state.report)
        yield from _memory(self._state.report)
        yield from _device(self._state.report)
        yield from _service(self._state, self._tiers)


def _gauge(name: str, text: str, rows: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...] = ()) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    return _filled(GaugeMetricFamily(f"playground_{name}", text, labels=labels), rows)


def _counter(
    name: str, text: str, rows: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...] = ()
) -> Metric:
    """`name` without `_total`, which the format adds."""
    from prometheus_client.core import CounterMetricFamily

    return _filled(CounterMetricFamily(f"playground_{name}", text, labels=labels), rows)


def _filled(family: Any, rows: Iterable[tuple[tuple[str, ...], float]]) -> Any:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


def _one(value: float) -> list[tuple[tuple[str, ...], float]]:
    return [((), value)]


def _models(report: RuntimeReport) -> Iterator[Metric]:
    """Summed over residents of one id: two revisions of a model are one row each in the page, and one here."""
    size: Counter[tuple[str, ...]] = Counter()
    leases: Counter[tuple[str, ...]] = Counter()
    pinned: dict[tuple[str, ...], bool] = {}
    for resident in report.residents:
        size[resident.model, resident.state] += resident.bytes
        leases[resident.model,] += resident.leases
        pinned[resident.model,] = pinned.get((resident.model,), False) or resident.pinned
    yield _gauge(
        "model_resident_bytes", "Memory of a model, reserved while it is loading.", size.items(), ("model", "state")
    )
    yield _gauge("model_leases", "Requests that hold a model just now.", leases.items(), ("model",))
    yield _gauge("model_pinned", "1 where a model is kept from eviction.", pinned.items(), ("model",))


def _cache(report: RuntimeReport) -> Iterator[Metric]:
    totals = report.totals
    evictions = {**dict.fromkeys(Why, 0), **dict(totals.evictions)}
    yield _counter("cache_hits", "Requests that found their model in memory.", _one(totals.hits))
    yield _counter("cache_misses", "Requests whose model had to be loaded.", _one(totals.misses))
    yield _counter("model_loads", "Loads of models that succeeded.", _one(totals.loads))
    yield _counter("model_load_failures", "Loads of models that failed.", _one(totals.failed_loads))
    yield _counter("model_load_seconds", "Time spent on loading models.", _one(totals.load_seconds))
    yield _counter(
        "model_evictions",
        "Models that left memory, by the reason.",
        [((why.name.lower(),), count) for why, count in evictions.items()],
        ("reason",),
    )


def _memory(report: RuntimeReport) -> Iterator[Metric]:
    device = report.device
    yield _gauge("memory_budget_bytes", "Memory that resident models may take.", _one(device.budget))
    yield _gauge("memory_used_bytes", "Memory that models take or have reserved of the budget.", _one(device.used))
    yield _gauge("device_memory_free_bytes", "Memory of the device that is free.", _one(device.free))
    yield _gauge("device_memory_total_bytes", "Memory of the device.", _one(device.total))
    yield _gauge("process_resident_memory_bytes", "Resident set of this process.", _one(device.process))


def _device(report: RuntimeReport) -> Iterator[Metric]:
    queue, totals = report.queue, report.totals
    waiting = {"running": queue.running, "waiting": queue.waiting, "loading": queue.loading}
    yield _gauge(
        "queue_calls",
        "Calls of models: in the present step, waiting for the device, waiting for a model or its memory.",
        [((state,), count) for state, count in waiting.items()],
        ("state",),
    )
    yield _gauge(
        "queue_expected_wait_seconds",
        "What a newcomer would wait for the device; no row while nothing has been measured.",
        [] if queue.wait_seconds is None else _one(queue.wait_seconds),
    )
    yield _counter("device_steps", "Steps of the device; rows / steps is the mean batch.", _one(totals.steps))
    yield _counter("device_rows", "Inputs that went through the device's steps.", _one(totals.rows))
    yield _counter("device_step_seconds", "Time the device spent in steps.", _one(totals.step_seconds))


def _service(state: State, tiers: tuple[str, ...]) -> Iterator[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    counts = state.counts
    kinds = ("run", "table", "look")
    yield _gauge(
        "requests_in_progress",
        "Runs, tables and looks into models in progress, all visitors together.",
        [((kind,), state.in_progress.get(kind, 0)) for kind in kinds],
        ("kind",),
    )
    yield _counter(
        "requests",
        "Runs, tables and looks into models that were let in.",
        [((kind,), counts.requests.get(kind, 0)) for kind in kinds],
        ("kind",),
    )
    yield _counter("table_lines", "Lines of tables that are complete in every tier.", _one(counts.lines))
    yield _counter(
        "refusals",
        "Requests that were refused before any tier started, by the kind of error.",
        [
            ((kind,), count)
            for kind, count in sorted({"server_full": 0, "too_many_requests": 0, **counts.refusals}.items())
        ],
        ("kind",),
    )
    none = {(tier, "finished", ""): 0 for tier in tiers}
    yield _counter(
        "answers",
        "Last words of cards and of cells of tables, by tier: finished, failed with a kind of error, or cancelled.",
        sorted({**none, **counts.answers}.items()),
        ("tier", "outcome", "error"),
    )
    latency = HistogramMetricFamily(
        "playground_answer_seconds", "From a Run's start to a card's answer, queue and load included.", labels=["tier"]
    )
    for tier in sorted({*tiers, *counts.latency}):
        row = counts.latency.get(tier, Latency())
        latency.add_metric([tier], _cumulative(row.counts), row.total)
    yield latency
    yield _gauge("sessions_open", "Pages whose history is kept in memory.", _one(state.sessions))


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    """Pairs of upper edge and how many took at most so long, as the format wants them."""
    rows: list[tuple[str, float]] = []
    total = 0
    for edge, count in zip([*map(str, EDGES), "+Inf"], counts, strict=True):
        total += count
        rows.append((edge, total))
    return rows
