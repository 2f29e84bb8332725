import asyncio
import json

import pytest

from playground.core.errors import BadFile, Busy, UnknownName
from playground.core.types import Support
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with


def data(tmp_path, *lines):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def bench(service, path, **kwargs):
    return asyncio.run(service.bench("sentiment", path, **kwargs))


def test_the_documented_json(tmp_path):
    path = data(tmp_path, {"text": "a", "label": "NEGATIVE"}, "", {"text": "b", "label": 1}, {"text": "c", "label": 0})
    service = service_with(
        FakeTier("hosted", error=Busy("Full: wait.")),
        FakeTier("scratch"),
        FakeTier("pretrained", support=Support(False, "Nothing here: train one.")),
    )
    result = bench(service, path)
    assert (result["task"], result["n"]) == ("sentiment", 3)
    good = result["tiers"]["scratch"]
    assert good["metrics"]["accuracy"] == pytest.approx(2 / 3, abs=1e-6)
    assert set(good["latency_ms"]) == {"p50", "p95"}
    assert good["errors"] == 0
    assert good["examples_per_second"] > 0
    assert result["tiers"]["hosted"]["errors"] == 3
    assert result["tiers"]["hosted"]["latency_ms"]["p50"] is None
    assert result["tiers"]["hosted"]["metrics"]["accuracy"] == 0
    assert result["tiers"]["pretrained"]["error"] == "Nothing here: train one."


def test_more_rows_than_singles_all_count(tmp_path):
    path = data(tmp_path, *({"text": str(number), "label": number % 2} for number in range(120)))
    assert bench(service_with(FakeTier("scratch")), path)["tiers"]["scratch"]["metrics"]["accuracy"] == 0.5
    assert bench(service_with(FakeTier("scratch")), path, limit=7)["n"] == 7


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["{broken"], "Line 1"),
        ([{"text": "ok", "label": 0}, {"label": 0}], "Line 2"),
        ([{"text": "x"}], "Line 1"),
        ([{"text": "x\x00", "label": 0}], "Line 1"),
        ([""], "no examples"),
        (["[1]"], "Line 1"),
        ([{"text": "x", "label": "neutral"}], "neutral"),
    ],
)
def test_a_broken_file_names_its_line(tmp_path, lines, named):
    with pytest.raises(BadFile, match=named):
        bench(service_with(FakeTier("scratch")), data(tmp_path, *lines))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(BadFile):
        bench(service_with(FakeTier("scratch")), tmp_path / "missing.jsonl")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFile):
        bench(service_with(FakeTier("scratch")), tmp_path / "binary")


def test_a_model_goes_to_the_tiers_that_offer_it():
    service = service_with(FakeTier("pretrained"), FakeTier("scratch"))
    assert service.models_by_tier("sentiment", ["pretrained", "scratch"], "fake/scratch") == {"scratch": "fake/scratch"}
    with pytest.raises(UnknownName):
        service.models_by_tier("sentiment", ["pretrained", "scratch"], "fake/none")
