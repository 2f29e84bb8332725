"""Which language model the stand-in goes on with texts by."""

from playground.catalog import Catalog, Checkpoint
from playground.compose import _starter


def row(name, tier="pretrained", **more):
    facts = {"title": name, "loader": "pipeline-decoder", "licence": "MIT", "size_mb": 30, "provenance": "made here"}
    return Checkpoint.model_validate({"id": name, **facts, "serves": [{"task": "generation", "tier": tier}], **more})


def test_it_is_the_first_bundled_one_that_is_here(tmp_path):
    (tmp_path / "starter").mkdir()
    rows = [
        row("somebody/hub", hub=True),
        row("bundled/gone", folder="gone"),
        row("bundled/scratch", "scratch", folder="starter", loader="scratch-decoder"),
        row("bundled/starter", folder="starter"),
    ]
    found = _starter(Catalog(tmp_path, rows))
    assert (found.id, found.loader) == ("bundled/starter", "pipeline-decoder")
    assert _starter(Catalog(tmp_path, rows[:3])) is None
