"""The committed checkpoints: whole, small, described, and as good as their cards say."""

import json
import random
import tempfile
from pathlib import Path

import pytest

from playground import training
from playground.bundled import ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256, sha256_of

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = ROOT / "assets" / "checkpoints"
DATA = ROOT.parent / "shared" / "data"
RECIPES = [recipe.name for recipe in training.recipes()]
NAMES = [name for name in RECIPES if name.startswith("sentiment")]
SAMPLE = 200
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def record(name: str) -> dict:
    return json.loads((CHECKPOINTS / name / "checkpoint.json").read_text(encoding="utf-8"))


def test_every_recipe_has_its_checkpoint_and_no_other_is_there():
    there = {path.name for path in CHECKPOINTS.iterdir() if path.is_dir()}
    assert there == set(RECIPES)


@pytest.mark.parametrize("name", NAMES)
def test_digests_and_sizes(name):
    folder, found = CHECKPOINTS / name, record(name)
    assert found["name"] == name
    assert found["labels"] == ["negative", "positive"]
    for file, digest in found["files"].items():
        assert sha256_of(folder / file) == digest, file
    limit = 10_000_000 if name == "sentiment-scratch" else 2_500_000
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= limit
    known = {*found["files"], "checkpoint.json", "README.md", "loss.json", "loss.svg"}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_whole_and_beat_the_baselines(name):
    card, found = (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8"), record(name)
    for part in ("## Data", "## Figures", "## How it was made", "## Limits", "## Licence", "loss.svg", f"train {name}"):
        assert part in card, part
    assert "Departures" not in card
    figures = found["metrics"]["test"]
    assert figures["n"] >= 400
    assert figures["accuracy"] > max(figures["majority_accuracy"], figures["naive_bayes_accuracy"])
    assert f"{figures['accuracy']:,}" in card
    for place in (ROOT, Path.home(), tempfile.gettempdir()):
        assert str(place) not in card + json.dumps(found)


@pytest.mark.parametrize("name", NAMES[:2])
def test_adapters_name_the_bundled_encoder_and_no_path(name):
    found = record(name)
    base = found["base"]
    assert (base["id"], base["revision"], base["sha256"]) == (ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256)
    config = json.loads((CHECKPOINTS / name / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == ENCODER_ID
    assert config["modules_to_save"] == ["classifier"]


def test_the_margins_the_niche_was_chosen_for():
    figures = record("sentiment-informal")["metrics"]["test"]
    assert figures["accuracy"] >= figures["sentiment_general_accuracy"] + 0.04
    assert record("sentiment-scratch")["metrics"]["test"]["accuracy"] >= 0.84


def answers(name: str, texts: tuple[str, ...]) -> list[int]:
    folder = CHECKPOINTS / name
    if "config" in record(name):
        from playground.scratch.model import EncoderClassifier
        from playground.scratch.tokenizer import Tokenizer
        from playground.training.from_scratch import probabilities

        tokenizer = Tokenizer.load(folder / "tokenizer.json")
        return probabilities(EncoderClassifier.load(folder), tokenizer, texts).argmax(1).tolist()
    from playground.training import lora

    plain, tokenizer = lora.base_model()
    model = lora.with_adapter(plain, folder)
    return lora.probabilities(model, tokenizer, texts, record(name)["max_length"]).argmax(1).tolist()


@pytest.mark.parametrize("name", NAMES)
def test_they_know_plain_sentences(name):
    texts = ("I loved every minute of it", "I hated every minute of it", "thank you so much!", "this is awful and sad")
    assert answers(name, texts) == [1, 0, 1, 0]


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data is not beside this checkout")
@pytest.mark.parametrize("name", NAMES)
def test_on_a_sample_of_held_out_texts_they_reach_their_figures(name):
    from playground.training import data

    split = data.general(DATA) if name == "sentiment-general" else data.informal(DATA)
    places = random.Random(7).sample(range(len(split.test)), SAMPLE)
    texts = tuple(split.test.texts[i] for i in places)
    share = sum(a == split.test.labels[i] for a, i in zip(answers(name, texts), places, strict=True)) / SAMPLE
    expected = record(name)["metrics"]["test"]["accuracy"]
    deviation = (expected * (1 - expected) / SAMPLE) ** 0.5
    assert share > expected - 3 * deviation


def test_the_scratch_checkpoint_holds_its_shape_twice_and_alike():
    found = record("sentiment-scratch")
    assert json.loads((CHECKPOINTS / "sentiment-scratch" / "config.json").read_text()) == found["config"]
