"""`--tokenizer FILE`: the recipes from scratch learn with a tokenizer that somebody trained, and their cards say so."""

import inspect
import json
from importlib import import_module

import pytest
from typer.testing import CliRunner

from playground import training
from playground.bundled import sha256_of
from playground.core.errors import BadFile, NotSupported
from playground.inspection.tokens.train_steps import shared_format
from playground.scratch.tokenizer import CLS, MASK, PAD, SEP, Tokenizer
from playground.training import given_tokenizer
from playground.training.recipe_list import RECIPES
from tests.training.made_up_texts import write

SMALL = {
    "vocabulary": 300,
    "dim": 16,
    "layers": 1,
    "heads": 2,
    "hidden": 32,
    "max_length": 48,
    "epochs": 1,
    "batch": 16,
}
OWN = Tokenizer.train(["what a lovely film that was, and what a wonderful song: the film was lovely"] * 3, 290)


@pytest.fixture
def file(tmp_path):
    OWN.save(tmp_path / "mine.json")
    return tmp_path / "mine.json"


@pytest.fixture(scope="module")
def texts_folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("texts"))


@pytest.mark.parametrize("name", ["sentiment-scratch", "pos-scratch", "spam-scratch", "zero-shot-scratch"])
def test_a_recipe_learns_with_it_and_its_card_says_so(name, data_folder, texts_folder, file, tmp_path):
    data = data_folder if name in ("sentiment-scratch", "pos-scratch") else texts_folder
    done = training.run(name, data=data, out=tmp_path / "out", settings=SMALL, tokenizer=file)
    assert done["done"]
    kept = Tokenizer.load(tmp_path / "out" / "tokenizer.json")
    assert (kept.merges, kept.specials, kept.lowercase) == (OWN.merges, OWN.specials, OWN.lowercase)
    record = json.loads((tmp_path / "out" / "checkpoint.json").read_text())
    assert record["config"]["vocabulary"] == record["settings"]["vocabulary"] == len(OWN)
    digest = sha256_of(tmp_path / "out" / "tokenizer.json")
    assert record["tokenizer"] == {"given": True, "tokens": len(OWN), "sha256": digest}
    card = (tmp_path / "out" / "README.md").read_text()
    assert "--tokenizer tokenizer.json" in card
    assert f"given: {len(OWN)} tokens" in card


def test_a_resumed_run_goes_on_with_the_same_one_and_none_other(data_folder, file, tmp_path):
    given = {"data": data_folder, "settings": SMALL | {"epochs": 2}, "seed": 3}
    whole = training.run("sentiment-scratch", out=tmp_path / "whole", tokenizer=file, **given)
    part = training.run("sentiment-scratch", out=tmp_path / "parts", tokenizer=file, minutes=0.0, **given)
    assert not part["done"]

    other = tmp_path / "other.json"
    Tokenizer(OWN.merges[:5]).save(other)
    with pytest.raises(BadFile, match="another tokenizer"):
        training.run("sentiment-scratch", out=tmp_path / "parts", tokenizer=other, resume=True, **given)
    rest = training.run("sentiment-scratch", out=tmp_path / "parts", resume=True, **given)  # it need not be named again
    assert rest["files"] == whole["files"]
    assert "tokenizer" in json.loads((tmp_path / "parts" / "checkpoint.json").read_text())

    training.run("sentiment-scratch", out=tmp_path / "learned", minutes=0.0, **given)
    with pytest.raises(BadFile, match="another tokenizer"):
        training.run("sentiment-scratch", out=tmp_path / "learned", tokenizer=file, resume=True, **given)
    training.run("sentiment-scratch", out=tmp_path / "learned", **given)
    assert "tokenizer" not in json.loads((tmp_path / "learned" / "checkpoint.json").read_text())
    assert "given" not in (tmp_path / "learned" / "README.md").read_text()


def test_the_special_tokens_are_the_recipes(file):
    for specials in ((PAD, CLS, MASK, SEP), (PAD,), (PAD, "<start>", "<end>")):
        found = given_tokenizer.read(file, specials)
        assert found.specials == specials
        move = len(specials) - 3
        assert found.encode("what a lovely film") == [i + move for i in OWN.encode("what a lovely film")]


def test_every_recipe_from_scratch_that_reads_words_takes_one():
    taking = {name for name, recipe in RECIPES.items() if recipe.module in given_tokenizer.TAKING}
    assert taking == {name for name in RECIPES if name.endswith("-scratch")} - {"generation-scratch"}
    for module in given_tokenizer.TAKING:
        assert "given_tokenizer.of(job" in inspect.getsource(import_module(module).run), module


def test_faults_are_sentences(data_folder, file, tmp_path):
    def run(name: str, path) -> None:
        training.run(name, data=data_folder, out=tmp_path / "out", settings=SMALL, tokenizer=path)

    for name in ("generation-scratch", "sentiment-general"):
        with pytest.raises(NotSupported, match=f"{name} learns no tokenizer"):
            run(name, file)
    with pytest.raises(BadFile, match=r"no file nowhere\.json"):
        run("sentiment-scratch", tmp_path / "nowhere.json")
    head = '{"format": "four-tiers-bpe", "version": 1, "lowercase": false, "specials": ["<pad>"], '
    contents = [
        "",
        "[]",
        "\0\xff",
        shared_format(OWN),
        head + '"merges": [[1, 99999]]}',
        head + '"merges": [["a"]]}',
        head + "}",
    ]
    for content in contents:
        (tmp_path / "bad.json").write_text(content, encoding="latin-1" if content == "\0\xff" else "utf-8")
        with pytest.raises(BadFile, match=r"bad\.json is no tokenizer of our own"):
            run("sentiment-scratch", tmp_path / "bad.json")
    assert not (tmp_path / "out").exists()


def test_the_command_line_takes_one(monkeypatch, file, tmp_path):
    from playground.__main__ import app

    asked = {}
    monkeypatch.setattr(training, "run", lambda name, **options: asked.update(options) or {"done": True})
    result = CliRunner().invoke(app, ["train", "sentiment-scratch", "--tokenizer", str(file), "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert asked["tokenizer"] == file
