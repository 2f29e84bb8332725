"""The committed models from scratch for whole texts: whole, small, described, and as good as their cards say."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from playground.bundled import sha256_of
from playground.catalog import Catalog
from playground.scratch.model import EncoderClassifier, EncoderEmbedder
from playground.scratch.tokenizer import Tokenizer
from playground.training import calibration, scratch_texts, texts_from_scratch, whole_texts
from playground.training.data import EMOTIONS
from playground.training.evaluate_texts import f1_of
from playground.training.label_names import INTENTS
from playground.training.whole_texts import words_of

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
DATA = ROOT.parent / "shared" / "data"
LABELS = {
    "zero-shot-scratch": (),
    "topics-scratch": tuple(EMOTIONS),
    "intent-scratch": INTENTS,
    "spam-scratch": ("ham", "spam"),
}
CLASSIFIERS = list(LABELS)[1:]
FIGURE = {
    "zero-shot-scratch": ("accuracy", "chance_accuracy"),
    "topics-scratch": ("macro_f1", "naive_bayes_macro_f1"),
    "intent-scratch": ("accuracy", "naive_bayes_accuracy"),
    "spam-scratch": ("f1", "naive_bayes_f1"),
}
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")


def folder(name: str) -> Path:
    return ASSETS / "checkpoints" / name


def record(name: str) -> dict:
    return json.loads((folder(name) / "checkpoint.json").read_text(encoding="utf-8"))


def logits(name: str, texts: tuple[str, ...]) -> np.ndarray:
    model = EncoderClassifier.load(folder(name))
    return scratch_texts.outputs(model, Tokenizer.load(folder(name) / "tokenizer.json"), texts).numpy()


def vectors(texts: list[str]) -> np.ndarray:
    place = folder("zero-shot-scratch")
    return scratch_texts.outputs(EncoderEmbedder.load(place), Tokenizer.load(place / "tokenizer.json"), texts).numpy()


@pytest.mark.parametrize("name", LABELS)
def test_digests_sizes_and_shapes(name):
    found = record(name)
    assert (found["name"], found["task"], found["tier"]) == (name, name.removesuffix("-scratch"), "scratch")
    assert tuple(found["labels"]) == LABELS[name]
    for file, digest in found["files"].items():
        assert sha256_of(folder(name) / file) == digest, file
    assert sum(path.stat().st_size for path in folder(name).rglob("*")) <= 3_500_000
    known = {*found["files"], "checkpoint.json", "README.md", "loss.json", "loss.svg"}
    assert {path.name for path in folder(name).iterdir()} == known
    assert json.loads((folder(name) / "config.json").read_text()) == found["config"]
    assert found["config"]["labels"] == len(LABELS[name])


@pytest.mark.parametrize("name", LABELS)
def test_the_catalogs_row_is_of_this_checkpoint(name):
    row, found = Catalog.read(ASSETS / "catalog.toml").checkpoints[f"bundled/{name}"], record(name)
    assert row.labels == tuple(found["labels"])
    assert row.thresholds == tuple(found.get("thresholds", ()))
    assert row.digests == found["files"]
    assert (row.parameters, row.max_length) == (found["parameters"], found["max_length"])
    assert [(serves.task, serves.tier) for serves in row.serves] == [(found["task"], "scratch")]


@pytest.mark.parametrize("name", LABELS)
def test_cards_are_whole_and_beat_the_baselines(name):
    card, found = (folder(name) / "README.md").read_text(encoding="utf-8"), record(name)
    for part in ("## Data", "## Figures", "## How it was made", "## Limits", "## Licence", "loss.svg", f"train {name}"):
        assert part in card, part
    assert "Departures" not in card
    key, baseline = FIGURE[name]
    main = found["metrics"]["CLINC150, new classes" if name == "zero-shot-scratch" else "test"]
    assert main["n"] >= 300
    assert main[key] > main[baseline]
    assert found["ece"] == main["ece"]
    assert f"{main[key]:,}" in card
    for place in (ROOT, Path.home(), tempfile.gettempdir()):
        assert str(place) not in card + json.dumps(found)


def test_the_figures_they_were_made_for():
    """On our own held-out parts."""
    assert record("topics-scratch")["metrics"]["test"]["macro_f1"] >= 0.25
    assert record("intent-scratch")["metrics"]["test"]["accuracy"] >= 0.86
    spam = record("spam-scratch")["metrics"]
    assert min(spam["dev"]["f1"], spam["test"]["f1"]) >= 0.94


def best(name: str, text: str) -> str:
    return LABELS[name][logits(name, (text,))[0].argmax()]


def test_they_know_plain_sentences():
    assert best("intent-scratch", "My card has been stolen, what should I do?") == "lost_or_stolen_card"
    assert best("intent-scratch", "What will the weather be like in Lisbon tomorrow?") == "out_of_scope"
    assert best("spam-scratch", "You have won a £500 prize! Call 09061 555 0100 now to claim.") == "spam"
    assert best("spam-scratch", "running late, see you at the station in ten minutes") == "ham"
    scores = calibration.sigmoid(logits("topics-scratch", ("Thank you so much, this is great!",)))[0]
    held = scores >= np.array(record("topics-scratch")["thresholds"])
    assert "gratitude" in {name for name, holds in zip(EMOTIONS, held, strict=True) if holds}


def test_the_matcher_finds_labels_that_share_a_word_with_the_text():
    labels = ["play some music", "book a flight", "currency exchange"]
    texts = ["can you play the next song please, I love this music", "please book me a flight to Oslo"]
    found = vectors(texts) @ vectors(labels).T
    assert found.argmax(1).tolist() == [0, 1]


@needs_data
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_on_what_was_held_out_they_reach_their_figures(name):
    test = texts_from_scratch.PLANS[name].split(DATA).held["test"]
    found, told = logits(name, test.texts), record(name)["metrics"]["test"]
    if name == "topics-scratch":
        held = calibration.sigmoid(found) >= np.array(record(name)["thresholds"])
        assert f1_of(held, test.matrix()).mean() == pytest.approx(told["macro_f1"], abs=0.01)
    else:
        share = float((found.argmax(1) == np.array(test.single)).mean())
        assert share == pytest.approx(told["accuracy"], abs=0.01)


@needs_data
def test_the_matcher_reaches_its_figure_on_new_classes():
    split = whole_texts.zero_shot(DATA)
    held = split.held["CLINC150, new classes"]
    assert not set(held.classes) & set(split.train["CLINC150"].classes)
    places = range(0, len(held), 5)
    cosines = vectors([held.texts[i] for i in places]) @ vectors([words_of(name) for name in held.classes]).T
    share = np.mean([held.classes[row.argmax()] == held.names[i] for i, row in zip(places, cosines, strict=True)])
    assert share == pytest.approx(record("zero-shot-scratch")["metrics"]["CLINC150, new classes"]["accuracy"], abs=0.05)
