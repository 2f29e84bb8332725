"""The committed translators over transformers' own architecture: whole, small, described, and as good as their cards say."""

import pytest

from playground.bundled import sha256_of
from tests.training.committed import (
    CHECKPOINTS,
    ROOT,
    adapter_config,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

LIMITS = {"translation-general": 30_000_000, "translation-familiar": 2_500_000}
NAMES = [name for name in LIMITS if (CHECKPOINTS / name).is_dir()]
needs_general = pytest.mark.skipif("translation-general" not in NAMES, reason="not among the checkpoints")
needs_familiar = pytest.mark.skipif("translation-familiar" not in NAMES, reason="not among the checkpoints")


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    found = record(name)
    assert (found["name"], found["task"], found["labels"], found["sentences"]) == (name, "translation", [], True)
    assert_files_are_whole(name, LIMITS[name])


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_say_what_was_measured(name):
    assert_card_is_whole(name)
    for part, figures in record(name)["metrics"].items():
        assert figures["n"] >= 100, part
        for value in figures.values():
            assert f"{value:,}" in card(name)


@needs_general
def test_the_starter_is_better_than_the_one_from_scratch_on_the_same_sentences():
    figures = record("translation-general")["metrics"]["test"]
    assert figures["n"] == 2000
    assert figures["sacrebleu"] >= 30
    assert figures["copied_sacrebleu"] < 10
    if (CHECKPOINTS / "translation-scratch").is_dir():
        own = record("translation-scratch")["metrics"]["test"]
        assert own["n"] == figures["n"]
        assert figures["sacrebleu"] > own["sacrebleu"]
        assert figures["beams_sacrebleu"] > own["beams_sacrebleu"]


@needs_familiar
def test_the_adapter_says_tu_where_the_starter_says_either():
    base = record("translation-familiar")["base"]
    assert (
        base["id"] == "bundled/translation-general" == adapter_config("translation-familiar")["base_model_name_or_path"]
    )
    assert base["sha256"] == sha256_of(CHECKPOINTS / "translation-general" / "model.safetensors")
    figures = record("translation-familiar")["metrics"]["test"]
    assert figures["familiar"] > figures["general_familiar"]
    assert figures["polite"] < figures["general_polite"]
    assert figures["polite"] < 0.05
    assert figures["familiar_sacrebleu"] > figures["general_familiar_sacrebleu"]


@pytest.mark.parametrize("name", NAMES)
def test_the_engine_writes_with_it(name):
    from playground.catalog import Catalog
    from playground.core.calls import Rewrite
    from playground.core.cancel import Cancel
    from playground.core.events import Finished
    from playground.core.streams import iterate
    from playground.core.writing_types import Writing
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    row, found = catalog.get(f"bundled/{name}"), record(name)
    assert dict(row.digests) == found["files"]
    assert (row.parameters, row.max_length, row.sentences) == (found["parameters"], found["max_length"], True)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    try:
        call = Rewrite(catalog.ref(row), text="Where is your book?\n\nI don't know.", writing=Writing(length=60))
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    finally:
        runtime.close()
    assert isinstance(last, Finished), last
    assert last.output.ended == "stop"
    assert "\n\n" in last.output.text
    assert "livre" in last.output.text
    assert last.stats.tokens_out
    if name == "translation-familiar":
        assert "ton livre" in last.output.text
