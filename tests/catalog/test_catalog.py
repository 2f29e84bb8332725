import json

import pytest

from playground.catalog import Catalog, Checkpoint
from playground.core.errors import BadFile, NotHere, UnknownName
from playground.core.types import Source
from playground.settings import ROOT, Settings

BUNDLED = ROOT / "assets" / "catalog.toml"

ROW = """
[[checkpoint]]
id = "a"
title = "A"
loader = "scratch-classifier"
folder = "a"
licence = "MIT"
provenance = "made here"
size_mb = 1
serves = [{ task = "sentiment", tier = "scratch" }]
"""


def read(tmp_path, text):
    path = tmp_path / "catalog.toml"
    path.write_text(text, encoding="utf-8")
    return Catalog.read(path)


def test_every_bundled_checkpoint_is_whole_and_described():
    catalog = Catalog.read(BUNDLED)
    for checkpoint in catalog.checkpoints.values():
        assert checkpoint.hub or checkpoint.digests, f"{checkpoint.id} has no digest"
        if not checkpoint.hub:
            assert catalog.here(checkpoint), checkpoint.id
            card = catalog.card(checkpoint)
            assert card.licence
            assert checkpoint.package or (card.metrics and card.markdown), f"{checkpoint.id} has no model card"


def test_rows_agree_with_their_checkpoint_json():
    catalog = Catalog.read(BUNDLED)
    for checkpoint in catalog.checkpoints.values():
        if checkpoint.folder:
            facts = json.loads((catalog.folder(checkpoint) / "checkpoint.json").read_text())
            assert tuple(facts["labels"]) == checkpoint.labels
            assert facts["max_length"] == checkpoint.max_length
            assert checkpoint.digests.items() <= facts["files"].items()


def test_refs_carry_the_base(tmp_path):
    catalog = Catalog.read(BUNDLED)
    ref = catalog.ref(catalog.get("bundled/sentiment-general"))
    assert ref.base is not None
    assert ref.base.id == "sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.parametrize(
    "text",
    [
        "not toml [",
        ROW.replace("size_mb = 1", "size_mb = -1"),
        ROW.replace('licence = "MIT"', ""),
        ROW + "surprise = 1",
        ROW + ROW,
        ROW.replace('folder = "a"', 'folder = "a"\nhub = true'),
        ROW.replace('folder = "a"', ""),
        ROW.replace('title = "A"', 'title = "A"\nbase = "nobody"'),
    ],
)
def test_a_broken_catalog_is_refused(tmp_path, text):
    with pytest.raises(BadFile):
        read(tmp_path, text)


def test_order_is_preference(tmp_path):
    catalog = read(tmp_path, ROW + ROW.replace('id = "a"', 'id = "b"'))
    assert [row.id for row in catalog.serving("sentiment", "scratch")] == ["a", "b"]
    assert catalog.serving("sentiment", "pretrained") == []


def test_a_hub_checkpoint_is_preferred_for_names_and_its_own_config_names_the_tags():
    catalog = Catalog.read(BUNDLED)
    first = catalog.serving("ner", "pretrained")[0]
    assert (first.id, first.loader, first.source) == ("dslim/bert-base-NER", "pipeline-tagger", Source.HUB)
    assert first.labels == ()


def test_thresholds_go_with_the_labels_to_the_runtime(tmp_path):
    (tmp_path / "a").mkdir()
    labelled = ROW.replace("size_mb = 1", 'size_mb = 1\nlabels = ["x", "y"]\nthresholds = [0.2, 0.7]')
    catalog = read(tmp_path, labelled)
    assert catalog.ref(catalog.get("a")).thresholds == (0.2, 0.7)
    with pytest.raises(BadFile, match="2 labels and 1 thresholds"):
        read(tmp_path, labelled.replace("[0.2, 0.7]", "[0.2]"))


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ({"accuracy": 0.9, "macro_f1": 0.8, "majority_accuracy": 0.5}, [("accuracy", 0.9, {"majority": 0.5})]),
        (
            {"f1": 0.7, "accuracy": 0.9, "dictionary_f1": 0.2, "dictionary_accuracy": 0.8},
            [("f1", 0.7, {"dictionary": 0.2})],
        ),
        (
            {
                "f1": 0.97,
                "accuracy": 0.99,
                "ece": 0.01,
                "naive_bayes_f1": 0.9,
                "macro_f1": 0.98,
                "naive_bayes_macro_f1": 0.9,
            },
            [("f1", 0.97, {"naive bayes": 0.9}), ("calibration error", 0.01, {})],
        ),
        (
            {"macro_f1": 0.4, "micro_f1": 0.5, "ece": 0.02, "frequent_macro_f1": 0.1, "uncalibrated_ece": 0.2},
            [
                ("macro F1", 0.4, {"frequent": 0.1}),
                ("micro F1", 0.5, {}),
                ("calibration error", 0.02, {"uncalibrated": 0.2}),
            ],
        ),
        ({"something": 1.0}, []),
    ],
)
def test_a_card_shows_what_a_recipe_is_judged_by_and_its_calibration(tmp_path, figures, shown):
    catalog = read(tmp_path, ROW)
    (tmp_path / "a").mkdir()
    facts = {"metrics": {"test": {"n": 10, "entities": 4, **figures}}}
    (tmp_path / "a" / "checkpoint.json").write_text(json.dumps(facts))
    found = catalog.card(catalog.get("a")).metrics
    assert [(row.metric, row.value, dict(row.baselines)) for row in found] == shown
    assert all((row.dataset, row.n) == ("test", 10) for row in found)


def test_a_model_for_entailment_from_the_hub_is_preferred_for_labels_of_ones_own_and_the_encoder_stays_the_encoder():
    catalog = Catalog.read(BUNDLED)
    first = catalog.serving("zero-shot", "pretrained")[0]
    assert (first.loader, first.source, first.licence) == ("pipeline-nli", Source.HUB, "MIT")
    assert catalog.encoder.loader == "encoder"


def test_what_is_not_here_says_so(tmp_path):
    catalog = read(tmp_path, ROW)
    checkpoint = catalog.get("a")
    assert not catalog.here(checkpoint)
    with pytest.raises(NotHere, match="install the playground again"):
        catalog.ref(checkpoint)
    with pytest.raises(UnknownName):
        catalog.get("b")


def test_a_hub_checkpoint_is_found_in_the_local_cache_and_nowhere_else(tmp_path, monkeypatch):
    import huggingface_hub.constants

    row = ROW.replace('folder = "a"', "hub = true").replace('id = "a"', 'id = "org/model"')
    catalog = read(tmp_path, row)
    checkpoint = catalog.get("org/model")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(NotHere, match="prefetch"):
        catalog.ref(checkpoint)
    snapshot = tmp_path / "hub" / "models--org--model" / "snapshots" / "abc123"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc123")
    (snapshot / "config.json").write_text("{}")
    assert not catalog.here(checkpoint)  # a half download is none
    (snapshot / "model.safetensors").write_bytes(b"")
    assert catalog.ref(checkpoint).revision == "abc123"
    assert isinstance(checkpoint, Checkpoint)
    (snapshot / "model.safetensors").rename(snapshot / "model.safetensors.index.json")  # in parts
    assert catalog.here(checkpoint)
    (snapshot / "model.safetensors.index.json").rename(snapshot / "pytorch_model.bin")
    with pytest.raises(NotHere, match=r"org/model is offered as a pickle only, which can run code: choose another"):
        catalog.ref(checkpoint)


def test_settings_know_a_public_server():
    assert not Settings(host="127.0.0.1", space_id=None).public
    assert not Settings(host="localhost", space_id=None).public
    assert not Settings(host="::1", space_id=None).public
    assert Settings(host="0.0.0.0", space_id=None).public
    assert Settings(host="my-machine", space_id=None).public
    assert Settings(host="127.0.0.1", space_id="me/space").public


def trained(tmp_path, name, **changes):
    folder = tmp_path / "trained" / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    facts = {
        "format": "scratch-encoder-classifier",
        "task": "sentiment",
        "tier": "scratch",
        "labels": ["negative", "positive"],
        "max_length": 64,
        "files": {"model.safetensors": "00"},
        "parameters": 7,
        "trained_on": "a test",
        "license": "CC0",
    } | changes
    (folder / "checkpoint.json").write_text(
        json.dumps({key: value for key, value in facts.items() if value is not None})
    )


def test_what_was_trained_here_comes_after_what_is_bundled(tmp_path):
    trained(tmp_path, "mine")
    catalog = Catalog.read(BUNDLED)
    catalog.add_trained(tmp_path / "trained")
    rows = catalog.serving("sentiment", "scratch")
    assert [row.id for row in rows] == ["bundled/sentiment-scratch", "trained/mine"]
    assert rows[-1].source is Source.TRAINED_HERE
    assert catalog.ref(rows[-1]).digests == (("model.safetensors", "00"),)


@pytest.mark.parametrize(
    ("format_", "loader"), [("lora-encoder", "lora-encoder"), ("scratch-encoder", "scratch-encoder")]
)
def test_encoders_trained_here_match_labels_that_nobody_trained_on(tmp_path, format_, loader):
    trained(tmp_path, "mine", format=format_, labels=[], task="zero-shot", tier="finetuned")
    catalog = Catalog.read(BUNDLED)
    catalog.add_trained(tmp_path / "trained")
    assert catalog.ref(catalog.serving("zero-shot", "finetuned")[-1]).loader == loader


def test_thresholds_of_what_was_trained_here_are_kept(tmp_path):
    trained(tmp_path, "mine", thresholds=[0.3, 0.6])
    catalog = Catalog.read(BUNDLED)
    catalog.add_trained(tmp_path / "trained")
    assert catalog.ref(catalog.get("trained/mine")).thresholds == (0.3, 0.6)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "something else"},
        {"thresholds": [0.5]},
        {"task": None},
        {"tier": "hosted"},
        {"labels": 3},
        {"files": {"missing": "00"}},
        {"base": {"id": "?"}},
    ],
)
def test_a_folder_that_is_no_checkpoint_is_passed_over(tmp_path, changes):
    trained(tmp_path, "odd", **changes)
    catalog = Catalog.read(BUNDLED)
    before = list(catalog.checkpoints)
    catalog.add_trained(tmp_path / "trained")
    catalog.add_trained(tmp_path / "nowhere")
    assert list(catalog.checkpoints) == before


def test_hub_checkpoints_come_first_where_texts_are_made_of_texts():
    catalog = Catalog.read(BUNDLED)
    translators = catalog.serving("translation", "pretrained")
    assert translators[0].id == "Helsinki-NLP/opus-mt-en-fr"
    assert all(row.sentences for row in translators)
    assert catalog.serving("summarization", "pretrained")[0].id == "sshleifer/distilbart-cnn-6-6"
    assert not catalog.get("sshleifer/distilbart-cnn-6-6").sentences
    assert catalog.encoder.id == "sentence-transformers/all-MiniLM-L6-v2"
