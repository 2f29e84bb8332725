"""The committed fillers of gaps: whole, small, of the promised shape, described, and as good as their cards say."""

import json
import tempfile
from pathlib import Path

import pytest

from playground import training
from playground.bundled import ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256, sha256_of

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ROOT / "assets" / "checkpoints"
RECIPES = [recipe.name for recipe in training.recipes() if recipe.name.startswith("fill-mask-")]
NAMES = [name for name in RECIPES if (CHECKPOINTS / name).is_dir()]
ADAPTERS = [name for name in NAMES if not name.endswith("scratch")]


def record(name: str) -> dict:
    return json.loads((CHECKPOINTS / name / "checkpoint.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    folder, found = CHECKPOINTS / name, record(name)
    assert (found["name"], found["labels"], found["task"]) == (name, [], "fill-mask")
    for file, digest in found["files"].items():
        assert sha256_of(folder / file) == digest, file
    limit = 10_000_000 if name.endswith("scratch") else 2_000_000
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= limit
    known = {*found["files"], "checkpoint.json", "README.md", "loss.json", "loss.svg"}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_beat_the_most_frequent_word(name):
    card, found = (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8"), record(name)
    for part in ("## Data", "## Figures", "## How it was made", "## Limits", "## Licence", "loss.svg", f"train {name}"):
        assert part in card, part
    assert "CC BY-SA 4.0" in found["license"]
    assert "Departures" not in card
    for part, figures in found["metrics"].items():
        assert figures["n"] >= 200, part
        for key in ("accuracy", "accuracy_at_5", "perplexity"):
            assert f"{figures[key]:,}" in card
        assert figures["accuracy"] > figures["most_frequent_accuracy"]
        assert figures["accuracy_at_5"] > figures["most_frequent_accuracy_at_5"]
        assert figures["perplexity"] < figures["most_frequent_perplexity"]
    if name == "fill-mask-medical":  # what it was adapted for
        test = found["metrics"]["test"]
        assert test["perplexity"] < test["general_perplexity"]
    for place in (ROOT, Path.home(), tempfile.gettempdir()):
        assert str(place) not in card + json.dumps(found)


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_have_the_shape_that_the_engine_reads(name):
    from safetensors import safe_open

    found = record(name)
    assert found["base"] == {"id": ENCODER_ID, "revision": ENCODER_REVISION, "sha256": ENCODER_SHA256}
    config = json.loads((CHECKPOINTS / name / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == ENCODER_ID
    assert config["modules_to_save"] == ["transform"]
    with safe_open(CHECKPOINTS / name / "adapter_model.safetensors", framework="np") as file:
        shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    head = "base_model.model.cls.predictions."
    assert shapes[f"{head}bias"] == [30522]
    assert shapes[f"{head}transform.dense.weight"] == [384, 384]
    assert len(shapes) == 5 + 6 * 6 * 2, "six layers, six linear layers in each, two matrices beside each"


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_fills_a_gap_with_it(name):
    from playground.catalog import Catalog
    from playground.core.calls import Fill
    from playground.core.cancel import Cancel
    from playground.core.events import Finished
    from playground.core.streams import iterate
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    row = catalog.get(f"bundled/{name}")
    assert dict(row.digests) == record(name)["files"]
    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    try:
        call = Fill(catalog.ref(row), text="She opened the door and walked into [MASK] room.")
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    finally:
        runtime.close()
    assert isinstance(last, Finished), last
    assert "the" in [row.token for row in last.output.choices[:3]]
