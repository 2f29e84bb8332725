"""The recipes from scratch for whole texts, on made-up data: they run, resume, and write what anybody can load and measure."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from playground import training
from playground.scratch.model import EncoderClassifier
from playground.scratch.tokenizer import MASK, Tokenizer
from playground.training import calibration, scratch_texts, texts_from_scratch, whole_texts
from playground.training.data import EMOTIONS
from playground.training.label_names import INTENTS, OUT_OF_SCOPE
from playground.training.whole_texts import LabelledTexts
from tests.training.made_up_texts import write

SMALL = {
    "vocabulary": 320,
    "dim": 16,
    "layers": 1,
    "heads": 2,
    "hidden": 32,
    "max_length": 32,
    "epochs": 2,
    "batch": 16,
}
RECIPES = ("topics-scratch", "intent-scratch", "spam-scratch")


@pytest.fixture(scope="module")
def texts_folder(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("texts"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(name, texts_folder, tmp_path):
    given = {"data": texts_folder, "seed": 3, "settings": SMALL}
    seen: list[training.TrainProgress] = []
    whole = training.run(name, out=tmp_path / "whole", progress=seen.append, **given)
    assert whole["done"]
    json.dumps(whole)
    assert [p.step for p in seen] == list(range(1, seen[-1].steps + 1))

    taken = [0]

    def tick(progress) -> None:
        taken[0] += 1

    for stop in (3, len(seen) - 2):
        part = training.run(
            name,
            out=tmp_path / "parts",
            resume=True,
            progress=tick,
            cancelled=lambda stop=stop: taken[0] >= stop,
            **given,
        )
        assert (part["done"], part["step"]) == (False, stop)
        assert not (tmp_path / "parts" / "checkpoint.json").exists()
    rest = training.run(name, out=tmp_path / "parts", resume=True, **given)
    assert rest["done"]
    assert rest["files"] == whole["files"], "the digests of the weights"
    assert rest["metrics"] == whole["metrics"]
    again = training.run(name, out=tmp_path / "parts", resume=True, cancelled=lambda: True, **given)
    assert again == rest, "nothing is left to train"


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_on_disk_answers_as_its_record_says(name, texts_folder, tmp_path):
    training.run(name, data=texts_folder, out=tmp_path, seed=1, settings=SMALL)
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert (record["format"], record["name"], record["tier"]) == ("scratch-encoder-classifier", name, "scratch")
    assert record["task"] == name.removesuffix("-scratch")
    assert record["config"]["labels"] == len(record["labels"])
    assert record["ece"] == record["metrics"]["test"]["ece"]
    model, tokenizer = EncoderClassifier.load(tmp_path), Tokenizer.load(tmp_path / "tokenizer.json")
    split = texts_from_scratch.PLANS[name].split(texts_folder)
    logits = scratch_texts.outputs(model, tokenizer, split.dev.texts).numpy()
    many = name == "topics-scratch"
    truth = split.dev.matrix() if many else np.array(split.dev.single)
    # The temperature is in the head: of what was saved the best one is 1, up to float16.
    assert calibration.temperature(logits, truth) == pytest.approx(1.0, abs=0.02)
    if many:
        cuts = calibration.thresholds(calibration.sigmoid(logits), truth)
        assert record["thresholds"] == list(cuts)
        assert len(cuts) == 28
    else:
        assert "thresholds" not in record
    test = split.held["test"]
    scores = scratch_texts.outputs(model, tokenizer, test.texts).numpy()
    if many:
        held = calibration.sigmoid(scores) >= np.array(record["thresholds"])
        both, either = (held & test.matrix()).sum(), held.sum() + test.matrix().sum()
        assert record["metrics"]["test"]["micro_f1"] == pytest.approx(2 * both / either, abs=1e-4)
    else:
        share = float((scores.argmax(1) == np.array(test.single)).mean())
        assert record["metrics"]["test"]["accuracy"] == pytest.approx(share, abs=1e-4)
    card = (tmp_path / "README.md").read_text()
    assert f"train {name} --data DIR" in card
    assert str(tmp_path) not in card + json.dumps(record)


def test_labels_stand_in_the_tasks_order(texts_folder):
    assert whole_texts.intent(texts_folder).train.names == INTENTS
    assert INTENTS[-1] == OUT_OF_SCOPE
    assert whole_texts.topics(texts_folder).train.names == tuple(EMOTIONS)
    assert whole_texts.spam(texts_folder).train.names == ("ham", "spam")


def test_of_many_labels_each_starts_at_how_often_it_holds(tmp_path):
    texts = LabelledTexts(("often", "seldom"), tuple(f"text {i}" for i in range(98)), ((0,),) * 88 + ((0, 1),) * 10)
    settings = texts_from_scratch.TextsFromScratchSettings(**{**SMALL, "dropout": 0.0})
    model, tokenizer, trained = texts_from_scratch.train_classifier(
        texts, settings, many=True, seed=0, state=tmp_path / "s.safetensors", cancelled=lambda: True
    )
    assert trained.step == 0
    found = torch.sigmoid(scratch_texts.outputs(model, tokenizer, texts.texts)).mean(0)
    torch.testing.assert_close(found, torch.tensor([0.99, 0.11]), atol=0.03, rtol=0)


def test_hiding_leaves_the_first_token_and_padding(one_thread):
    tokenizer = Tokenizer.train(["a few words to hide"] * 3, 300)
    ids, mask = scratch_texts.Texts(tokenizer, ["a few words", "a few words to hide and seek"], 32)([0, 1])
    torch.manual_seed(0)
    hidden = scratch_texts.hide(ids, mask, 1.0, tokenizer)
    assert (hidden[:, 0] == ids[:, 0]).all()
    assert (hidden[~mask] == ids[~mask]).all()
    inside = mask.clone()
    inside[:, 0] = False
    assert (hidden[inside] == tokenizer.special(MASK)).all()
    many = torch.ones(50, 200, dtype=torch.long)
    share = (scratch_texts.hide(many, many.bool(), 0.25, tokenizer) != many).float()[:, 1:].mean()
    assert share == pytest.approx(0.25, abs=0.02)


def test_folding_a_temperature_divides_the_logits(tmp_path):
    texts = LabelledTexts(("a", "b"), ("one", "two", "three"), ((0,), (1,), (0,)))
    settings = texts_from_scratch.TextsFromScratchSettings(**SMALL)
    model, tokenizer, _ = texts_from_scratch.train_classifier(
        texts, settings, many=False, seed=0, state=tmp_path / "s.safetensors"
    )
    before = scratch_texts.outputs(model, tokenizer, texts.texts)
    texts_from_scratch.fold_temperature(model, 2.5)
    torch.testing.assert_close(scratch_texts.outputs(model, tokenizer, texts.texts), before / 2.5)
    torch.testing.assert_close(scratch_texts.outputs(model, tokenizer, texts.texts[::-1]).flip(0), before / 2.5)
