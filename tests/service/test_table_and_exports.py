import asyncio
import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import Busy, InputError
from playground.core.run import RunRecord, TierResult
from playground.core.types import Stats
from playground.service.exports import history_csv, safe_cell
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with


def rows_of(service, lines):
    async def collect():
        return [row async for row in service.run_table("sentiment", lines, session="me")]

    return asyncio.run(collect())


def test_every_line_goes_through_every_tier_and_one_bad_line_spoils_no_other():
    service = service_with(FakeTier("hosted", error=Busy("Full: wait.")), FakeTier("scratch"))
    rows = sorted(rows_of(service, ["one", "", "three\x00", "four"]), key=lambda row: row.index)
    assert [row.text for row in rows] == ["one", "", "three\x00", "four"]
    assert [row.results[1].error and row.results[1].error.kind for row in rows] == [
        None,
        "empty_input",
        "binary_input",
        None,
    ]
    assert all(row.results[0].error is not None for row in rows)


def test_too_many_lines_are_refused_with_the_way_out():
    with pytest.raises(InputError, match="bench"):
        rows_of(service_with(FakeTier("scratch"), max_lines=3), ["x"] * 4)


def test_leaving_a_table_early_stops_its_work():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(FakeTier("hosted"), tier)

    async def leave():
        rows = service.run_table("sentiment", ["one", "two"], session="me")
        task = asyncio.ensure_future(anext(rows))
        await asyncio.sleep(0.1)
        service.stop("me")
        await task
        await rows.aclose()

    asyncio.run(leave())
    assert tier.running == 0


def test_csv_of_a_table_and_of_a_history():
    service = service_with(FakeTier("scratch"))
    rows = rows_of(service, ["b, with comma", '=HYPERLINK("x")'])
    parsed = list(csv.DictReader(io.StringIO(service.table_csv("sentiment", rows))))
    assert [row["text"] for row in parsed] == ["b, with comma", '\'=HYPERLINK("x")']
    assert parsed[0]["scratch_label"] == "negative"
    handle = service.start("sentiment", "kept", session="me", emit=lambda event: None)
    handle.wait(5)
    kept = list(csv.DictReader(io.StringIO(service.history_csv("me"))))
    assert kept[0]["text"] == "kept"
    assert kept[0]["confidence"] == "0.75"
    assert kept[0]["cost_usd"] == ""  # not measured is no 0


@given(st.text())
def test_no_cell_starts_a_formula(text):
    assert not str(safe_cell(text)).startswith(("=", "+", "-", "@"))


def test_a_stopped_text_is_exported_with_what_was_written():
    results = (
        TierResult("pretrained", None, None, Stats(), written="And then"),
        TierResult("scratch", None, None, Stats()),
    )
    record = RunRecord(1, datetime(2026, 1, 1, tzinfo=UTC), "generation", "x", (), results)
    begun, empty = csv.DictReader(io.StringIO(history_csv([record])))
    assert (begun["label"], begun["error"]) == ("And then", "Stopped: this is what was written.")
    assert (empty["label"], empty["error"]) == ("", "Stopped before it answered.")
    first, second = record.json()["results"]
    assert first["written"] == "And then"
    assert first["output"] is None
    assert first["error"] == {"kind": "cancelled", "message": "Stopped: this is what was written."}
    assert "written" not in second
