"""The committed fillers of gaps: whole, small, of the promised shape, described, and as good as their cards say."""

import pytest

from playground import training
from tests.training.committed import (
    CHECKPOINTS,
    ROOT,
    adapter_config,
    assert_adapts_the_bundled_encoder,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

RECIPES = [recipe.name for recipe in training.recipes() if recipe.name.startswith("fill-mask-")]
NAMES = [name for name in RECIPES if (CHECKPOINTS / name).is_dir()]
ADAPTERS = [name for name in NAMES if not name.endswith("scratch")]


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    found = record(name)
    assert (found["name"], found["labels"], found["task"]) == (name, [], "fill-mask")
    assert_files_are_whole(name, limit=10_000_000 if name.endswith("scratch") else 2_000_000)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_beat_the_most_frequent_word(name):
    assert_card_is_whole(name)
    found = record(name)
    assert "CC BY-SA 4.0" in found["license"]
    for part, figures in found["metrics"].items():
        assert figures["n"] >= 200, part
        for key in ("accuracy", "accuracy_at_5", "perplexity"):
            assert f"{figures[key]:,}" in card(name)
        assert figures["accuracy"] > figures["most_frequent_accuracy"]
        assert figures["accuracy_at_5"] > figures["most_frequent_accuracy_at_5"]
        assert figures["perplexity"] < figures["most_frequent_perplexity"]
    if name == "fill-mask-medical":  # what it was adapted for
        test = found["metrics"]["test"]
        assert test["perplexity"] < test["general_perplexity"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_have_the_shape_that_the_engine_reads(name):
    from safetensors import safe_open

    assert_adapts_the_bundled_encoder(name)
    assert adapter_config(name)["modules_to_save"] == ["transform"]
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
