"""The committed models that go on with texts: whole, small, described, as good as they must be, and read by the engine."""

import json

import pytest

from playground import training
from tests.training.committed import (
    CHECKPOINTS,
    ROOT,
    adapter_config,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

RECIPES = [recipe.name for recipe in training.recipes() if recipe.name.startswith("generation-")]
NAMES = [name for name in RECIPES if (CHECKPOINTS / name).is_dir()]
LIMITS = {"generation-general": 30_000_000, "generation-shakespeare": 2_500_000, "generation-scratch": 10_000_000}
SHAPE = {
    "generation-general": ("causal-lm", "pretrained"),
    "generation-shakespeare": ("lora-causal-lm", "finetuned"),
    "generation-scratch": ("scratch-gpt", "scratch"),
}
general = pytest.mark.skipif("generation-general" not in NAMES, reason="the starter decoder is not here")
shakespeare = pytest.mark.skipif("generation-shakespeare" not in NAMES, reason="Shakespeare's voice is not here")
scratch = pytest.mark.skipif("generation-scratch" not in NAMES, reason="the GPT from scratch is not here")


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    found = record(name)
    assert (found["name"], found["labels"], found["task"]) == (name, [], "generation")
    assert (found["format"], found["tier"]) == SHAPE[name]
    assert_files_are_whole(name, LIMITS[name])


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_beat_what_knows_no_language(name):
    assert_card_is_whole(name)
    found = record(name)
    assert found["license"].startswith("CC0")
    for part, figures in found["metrics"].items():
        assert f"{figures['bits_per_byte']:,}" in card(name), part
        if "xz_bits_per_byte" in figures:
            assert figures["bits_per_byte"] < figures["xz_bits_per_byte"] - 0.3
    svg = (CHECKPOINTS / name / "loss.svg").read_text()
    assert " M tokens<" in svg or " M characters<" in svg
    points = json.loads((CHECKPOINTS / name / "loss.json").read_text())
    assert points[-1][1] < points[0][1]


@general
def test_the_starter_foresees_a_novel_that_it_has_not_seen():
    """Whole novels, each of them."""
    test = record("generation-general")["metrics"]["test"]
    assert test["n"] == len(test["each"]) == 3
    assert test["bits_per_byte"] <= 1.70


@shakespeare
def test_the_voice_is_better_at_its_plays_than_who_it_adapts_and_names_it():
    found = record("generation-shakespeare")
    test = found["metrics"]["test"]
    assert test["bits_per_byte"] < test["general_bits_per_byte"] - 0.1
    assert test["bits_per_byte"] < test["scratch_bits_per_byte"]
    starter = record("generation-general")
    assert found["base"]["sha256"] == starter["files"]["model.safetensors"]
    assert found["base"]["parameters"] == starter["parameters"]
    assert adapter_config("generation-shakespeare")["base_model_name_or_path"] == "bundled/generation-general"


@scratch
def test_the_gpt_from_scratch_is_as_good_as_nanogpts():
    test = record("generation-scratch")["metrics"]["test"]
    assert test["n"] == 111_540, "the whole validation part"
    assert test["nats_per_character"] <= 1.88
    assert test["nats_per_character"] < test["triples_nats_per_character"] < test["frequencies_nats_per_character"]


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_goes_on_with_a_text(name):
    from playground.catalog import Catalog
    from playground.core.calls import Generate
    from playground.core.cancel import Cancel
    from playground.core.events import Finished
    from playground.core.streams import iterate
    from playground.core.writing_types import Writing
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    row = catalog.get(f"bundled/{name}")
    assert dict(row.digests) == record(name)["files"]
    assert (row.parameters, row.max_length) == (record(name)["parameters"], record(name)["max_length"])
    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    try:
        call = Generate(catalog.ref(row), text="KING RICHARD:\nI have not", writing=Writing(length=24, temperature=0))
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    finally:
        runtime.close()
    assert isinstance(last, Finished), last
    assert len(last.output.text) >= 20
    assert last.output.text.isprintable() or "\n" in last.output.text
