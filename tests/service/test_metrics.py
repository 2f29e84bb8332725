"""/metrics: what a Prometheus reads, what moves it, and what is never in it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from playground.core.errors import EmptyInput, EndpointTimeout, ServerFull
from playground.core.status import Departure, Device, LoadRecord, Queue, RuntimeReport, Totals, Why
from playground.core.types import Resident
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with

NOW = datetime(2026, 1, 2, tzinfo=UTC)
REPORT = RuntimeReport(
    Device("cpu", "float32", 2, budget=1000, used=700, free=5000, total=9000, process=3000),
    (
        Resident('we"ird\\model\n', "ready", 400, 2, 7, 1, 0.5, pinned=True, key="k1"),
        Resident("twice", "ready", 100, 1, 3, 1, 0.5, key="k2"),
        Resident("twice", "ready", 150, 0, 3, 1, 0.5, key="k3"),
        Resident("twice", "loading", 50, 0, 0, 0, 0.0, key="k4", fraction=0.5),
    ),
    Queue(running=3, waiting=4, loading=1, wait_seconds=2.5),
    Totals(9, 5, 4, 1, 6.5, ((Why.ROOM, 2), (Why.OUT_OF_MEMORY, 1)), 10, 40, 1.5),
    (Departure(NOW, "gone", 10, Why.ROOM, "It made room."),),
    (LoadRecord(NOW, "broken", 0.1, "The file is cut off."),),
)


def families(service):
    return {family.name: family for family in text_string_to_metric_families(service.metrics().decode())}


def values(service):
    """By name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families(service).values()
        for sample in family.samples
    }


def service_of(*tiers, report=REPORT, **settings):
    service = service_with(*tiers, **settings)
    service.runtime.report = lambda: report
    return service


def run(service, text="a sentence", session="me", **kwargs):
    assert service.start("sentiment", text, session=session, emit=lambda event: None, **kwargs).wait(5)


def test_everything_the_runtime_says_is_there():
    found = values(service_of(FakeTier("scratch")))
    assert found["playground_model_resident_bytes", ("model", 'we"ird\\model\n'), ("state", "ready")] == 400
    assert found["playground_model_resident_bytes", ("model", "twice"), ("state", "ready")] == 250
    assert found["playground_model_resident_bytes", ("model", "twice"), ("state", "loading")] == 50
    assert found["playground_model_leases", ("model", "twice")] == 1
    assert found["playground_model_pinned", ("model", 'we"ird\\model\n')] == 1
    assert found["playground_model_pinned", ("model", "twice")] == 0
    expected = {
        "cache_hits_total": 9,
        "cache_misses_total": 5,
        "model_loads_total": 4,
        "model_load_failures_total": 1,
        "model_load_seconds_total": 6.5,
        "memory_budget_bytes": 1000,
        "memory_used_bytes": 700,
        "device_memory_free_bytes": 5000,
        "device_memory_total_bytes": 9000,
        "process_resident_memory_bytes": 3000,
        "queue_expected_wait_seconds": 2.5,
        "device_steps_total": 10,
        "device_rows_total": 40,
        "device_step_seconds_total": 1.5,
    }
    assert {name: found[f"playground_{name}",] for name in expected} == expected
    queue = {state: found["playground_queue_calls", ("state", state)] for state in ("running", "waiting", "loading")}
    assert queue == {"running": 3, "waiting": 4, "loading": 1}
    evictions = {why: found["playground_model_evictions_total", ("reason", why.name.lower())] for why in Why}
    assert evictions == {Why.ROOM: 2, Why.OVER_BUDGET: 0, Why.OUT_OF_MEMORY: 1, Why.OWNER: 0}


def test_what_was_not_measured_has_no_row():
    report = replace(REPORT, queue=Queue())
    assert ("playground_queue_expected_wait_seconds",) not in values(service_of(FakeTier("scratch"), report=report))


def test_names_help_and_types():
    for name, family in families(service_of(FakeTier("scratch"))).items():
        assert name.startswith("playground_")
        assert family.documentation
        assert family.documentation.endswith(".")
        assert family.type in ("gauge", "counter", "histogram")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")


def test_events_move_the_counts():
    service = service_of(
        FakeTier("hosted", error=EndpointTimeout("Late: retry.")),
        FakeTier("scratch"),
        FakeTier("finetuned", hangs=True),
    )
    answers = lambda tier, outcome, error="": values(service).get(  # noqa: E731
        ("playground_answers_total", ("error", error), ("outcome", outcome), ("tier", tier)), 0
    )
    assert answers("scratch", "finished") == 0
    run(service, tiers=["hosted", "scratch"])
    handle = service.start("sentiment", "text", session="you", emit=lambda event: None, tiers=["finetuned"])
    found = values(service)
    assert found["playground_requests_in_progress", ("kind", "run")] == 1
    assert found["playground_sessions_open",] == 2
    handle.cancel()
    assert answers("scratch", "finished") == 1
    assert answers("hosted", "failed", "endpoint_timeout") == 1
    assert answers("finetuned", "cancelled") == 1
    found = values(service)
    assert found["playground_requests_in_progress", ("kind", "run")] == 0
    assert found["playground_requests_total", ("kind", "run")] == 2
    assert found["playground_answer_seconds_count", ("tier", "scratch")] == 1
    assert found["playground_answer_seconds_count", ("tier", "hosted")] == 0  # a failure is no answer
    assert 0 < found["playground_answer_seconds_sum", ("tier", "scratch")] < 5
    buckets = [
        value
        for (name, *labels), value in found.items()
        if name == "playground_answer_seconds_bucket" and ("tier", "scratch") in labels
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1


def test_a_table_and_the_refusals_are_counted():
    service = service_of(FakeTier("scratch"), FakeTier("finetuned", hangs=True), max_requests=1)

    async def rows():
        return [row async for row in service.run_table("sentiment", ["one", "two"], session="me", tiers=["scratch"])]

    asyncio.run(rows())
    with pytest.raises(EmptyInput):
        service.start("sentiment", " ", session="me", emit=lambda event: None)
    handle = service.start("sentiment", "text", session="me", emit=lambda event: None)
    with pytest.raises(ServerFull):
        service.start("sentiment", "text", session="you", emit=lambda event: None)
    handle.cancel()
    found = values(service)
    assert found["playground_table_lines_total",] == 2
    assert found["playground_requests_total", ("kind", "table")] == 1
    assert found["playground_refusals_total", ("kind", "empty_input")] == 1
    assert found["playground_refusals_total", ("kind", "server_full")] == 1
    assert found["playground_refusals_total", ("kind", "too_many_requests")] == 0
    assert (
        found["playground_answer_seconds_count", ("tier", "scratch")] == 1
    )  # the Run's; a table's cells are no latency


def test_no_text_key_or_session_is_in_it_and_its_size_is_bounded():
    service = service_of(FakeTier("scratch"))
    service.set_key("session-7f3a", "sk-very-secret")
    before = None
    for number in range(30):
        run(service, f"private words {number}", session=f"session-{number}")
        before = before or len(values(service))
    said = service.metrics().decode()
    for secret in ("private", "session-", "secret", "It made room", "cut off"):
        assert secret not in said
    assert len(values(service)) == before
