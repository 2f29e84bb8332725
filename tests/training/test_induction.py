"""The recipes of the models for the induction test: their texts; all of it, small, from end to end; and the two committed ones."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import training
from playground.scratch import tokenizer as tokenizers
from playground.scratch.gpt import GPT
from playground.training.induction import InductionSettings, figures, guesses
from playground.training.repeated_texts import CHARACTERS, by_counting, by_last_time, repeated
from tests.training.committed import ROOT, assert_card_is_whole, assert_files_are_whole, card, record

NAMES = ["induction-two-layers", "induction-one-layer"]
SMALL = {"dim": 16, "heads": 2, "hidden": 32, "context": 40, "steps": 12, "batch": 4}


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(0, 5), st.integers(0, 4))
def test_what_can_be_known_was_said_in_the_same_order_before(seed, shortest, more, widest):
    longest = shortest + more
    texts = repeated(np.random.default_rng(seed), 3, 50, 9, shortest, longest, widest)
    assert texts.ids.shape == (3, 51)
    assert texts.known.shape == (3, 50)
    assert (texts.ids[:, 0] == 0).all()
    assert (texts.ids[:, 1:] > 0).all()
    assert texts.ids.max() < 9
    assert texts.known.any(axis=1).all(), "each says its stretch twice at least"
    for row, known in zip(texts.ids.tolist(), texts.known.tolist(), strict=True):
        for place in np.flatnonzero(known):
            pairs = [tuple(row[at : at + 2]) for at in range(1, place)]
            assert (row[place], row[place + 1]) in pairs


def test_neither_a_place_nor_a_distance_gives_it_away():
    texts = repeated(np.random.default_rng(0), 2000, 128, len(CHARACTERS))
    first = texts.known.argmax(axis=1)
    assert len(set(first.tolist())) > 40, "where it is said again"
    periods = set()
    for row, known in zip(texts.ids[:300], texts.known[:300], strict=True):
        place = int(known.argmax())
        earlier = [at for at in range(place) if (row[at : at + 2] == row[place : place + 2]).all()]
        periods.add(place - earlier[-1])
    assert periods >= set(range(10, 36))


def test_the_rules_that_the_models_are_measured_beside():
    ids = np.array([[0, 4, 5, 4, 6, 4, 4, 7]])
    assert by_last_time(ids).tolist() == [[-1, -1, -1, 5, -1, 6, 4]]
    assert by_counting(ids).tolist() == [[0, 0, 0, 4, 4, 4, 4]]


def test_a_small_one_is_trained_resumed_and_read_back_without_data(tmp_path):
    given = {"seed": 2, "settings": SMALL}
    whole = training.run("induction-two-layers", out=tmp_path / "whole", **given)
    assert whole["done"]
    steps = []
    part = training.run(
        "induction-two-layers",
        out=tmp_path / "parts",
        progress=lambda progress: steps.append(progress.step),
        cancelled=lambda: len(steps) >= 5,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 5)
    rest = training.run("induction-two-layers", out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"

    found = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (found["format"], found["examples"], found["max_length"]) == ("scratch-gpt", 12 * 4, 40)
    model, tokenizer = GPT.load(tmp_path / "whole"), tokenizers.load(tmp_path / "whole")
    assert tokenizer.start == 0
    assert model.config.vocabulary == len(tokenizer) == 64
    assert figures(model) == found["metrics"]["test"]
    text = (tmp_path / "whole" / "README.md").read_text()
    assert "train induction-two-layers --out DIR" in text
    assert "Departures" in text


def test_the_one_with_one_layer_has_one(tmp_path):
    training.run("induction-one-layer", out=tmp_path, settings=SMALL)
    assert GPT.load(tmp_path).config.layers == 1


def test_what_is_trained_here_serves_no_task(tmp_path):
    from playground.catalog import Catalog

    training.run("induction-one-layer", out=tmp_path / "mine", settings=SMALL)
    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    catalog.add_trained(tmp_path)
    assert catalog.get("trained/mine").serves == ()


# -- the committed ones ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_files_and_cards_are_whole(name):
    found = record(name)
    assert (found["name"], found["labels"], found["task"], found["tier"]) == (name, [], "", "scratch")
    assert (found["license"], found["format"]) == ("CC0", "scratch-gpt")
    assert found["settings"] == json.loads(json.dumps(vars(InductionSettings(layers=1 if "one" in name else 2))))
    assert_files_are_whole(name, 1_000_000)
    assert_card_is_whole(name)
    assert f"{found['metrics']['test']['accuracy']:,}" in card(name)


def test_two_layers_can_and_one_cannot():
    two, one = (record(name)["metrics"]["test"] for name in NAMES)
    assert two["accuracy"] >= 0.98 > two["last_time_accuracy"] > one["accuracy"]
    assert one["accuracy"] <= 0.15
    assert one["accuracy"] > one["chance_accuracy"] == two["chance_accuracy"] == 0.016
    assert (two["n"], two["known"]) == (one["n"], one["known"])
    assert two["known"] >= 25_000


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_as_good_as_their_cards(name):
    """On other texts than the card's: an accuracy of some thousand characters."""
    folder = ROOT / "assets" / "checkpoints" / name
    model = GPT.load(folder)
    texts = repeated(np.random.default_rng(12), 64, model.config.context, model.config.vocabulary)
    right = (guesses(model, texts.ids) == texts.ids[:, 1:])[texts.known]
    assert right.mean() == pytest.approx(record(name)["metrics"]["test"]["accuracy"], abs=0.02)


def test_the_catalog_has_them_for_no_task():
    from playground.catalog import Catalog

    catalog = Catalog.read(ROOT / "assets" / "catalog.toml")
    for name in NAMES:
        row = catalog.get(f"bundled/{name}")
        assert dict(row.digests) == record(name)["files"]
        assert (row.parameters, row.max_length) == (record(name)["parameters"], record(name)["max_length"])
        assert (row.serves, row.loader) == ((), "scratch-decoder")
        shown = catalog.card(row).metrics[0]
        assert (shown.metric, [title for title, _ in shown.baselines]) == (
            "accuracy",
            ["last time", "counting", "chance"],
        )
