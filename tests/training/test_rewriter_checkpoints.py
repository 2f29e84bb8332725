"""The committed encoder-decoders of our own: whole, small, described, and as good as their cards say."""

import pytest

from tests.training.committed import (
    CHECKPOINTS,
    ROOT,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

NAMES = [name for name in ("translation-scratch", "summarization-scratch") if (CHECKPOINTS / name).is_dir()]
TEXTS = {
    "translation": "Where is my book? I don't know.",
    "summarization": "We present a new method to train neural networks. It needs less memory than others. We show that it is "
    "as accurate on three tasks.",
}
only_translation = pytest.mark.skipif("translation-scratch" not in NAMES, reason="not among the checkpoints")


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    found = record(name)
    assert (found["name"], found["labels"], found["tier"]) == (name, [], "scratch")
    assert found["task"] == name.removesuffix("-scratch")
    assert found["parameters"] <= 5_000_000
    assert_files_are_whole(name, limit=10_000_000)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_say_what_was_measured(name):
    assert_card_is_whole(name)
    for part, figures in record(name)["metrics"].items():
        assert figures["n"] >= 600, part
        for value in figures.values():
            assert f"{value:,}" in card(name)


@only_translation
def test_translations_are_far_better_than_the_sentences_as_they_were():
    figures = record("translation-scratch")["metrics"]["test"]
    assert figures["n"] == 2000
    assert figures["sacrebleu"] >= 30
    assert figures["copied_sacrebleu"] < 10


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
    row = catalog.get(f"bundled/{name}")
    found = record(name)
    assert dict(row.digests) == found["files"]
    assert (row.parameters, row.max_length) == (found["parameters"], found["max_length"])
    assert row.sentences is found.get("sentences", False)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    try:
        call = Rewrite(catalog.ref(row), text=TEXTS[found["task"]], writing=Writing(length=60))
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
    finally:
        runtime.close()
    assert isinstance(last, Finished), last
    assert last.output.ended == "stop"
    if found["task"] == "translation":
        assert "mon livre" in last.output.text
        assert last.output.text.count("?") == 1
