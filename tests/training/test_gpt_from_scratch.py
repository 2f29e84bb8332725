"""The recipe of our GPT on letters: its windows, and all of it, small, from end to end."""

import json

import numpy as np
import pytest

from playground import training
from playground.scratch import tokenizer as tokenizers
from playground.scratch.gpt import GPT
from playground.training import shakespeare
from playground.training.gpt_from_scratch import GPTSettings, figures, windows
from tests.training import written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written.write(tmp_path_factory.mktemp("plays"))


def test_the_settings_are_those_that_nanogpt_publishes_but_for_the_rate():
    s = GPTSettings()
    assert (s.layers, s.heads, s.dim, s.context, s.batch, s.steps) == (4, 4, 128, 64, 12, 2000)
    assert (s.rate, s.warmup * s.steps, s.betas, s.decay, s.dropout) == (3e-3, 100, (0.9, 0.99), 0.1, 0)
    assert s.tokens == 1_536_000


def test_windows_begin_anywhere_and_say_what_follows():
    settings = GPTSettings(context=8, batch=5)
    at = windows(np.arange(100), settings, seed=1)
    starts = set()
    for step in range(200):
        ids, following = at(step)
        assert ids.shape == following.shape == (5, 8)
        assert (following == ids + 1).all()
        assert (np.diff(ids) == 1).all()
        starts |= set(ids[:, 0].tolist())
    assert starts == set(range(92))
    assert np.array_equal(at(3)[0], windows(np.arange(100), settings, seed=1)(3)[0])
    assert not np.array_equal(at(3)[0], windows(np.arange(100), settings, seed=2)(3)[0])
    with pytest.raises(ValueError, match="fewer than one window"):
        windows(np.arange(8), settings, seed=1)


def test_a_small_one_is_trained_resumed_and_read_back(folder, tmp_path):
    given = {"data": folder, "seed": 2, "settings": written.SMALL_GPT}
    whole = training.run("generation-scratch", out=tmp_path / "whole", **given)
    assert whole["done"]
    steps = []
    part = training.run(
        "generation-scratch",
        out=tmp_path / "parts",
        progress=lambda progress: steps.append(progress.step),
        cancelled=lambda: len(steps) >= 5,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 5)
    rest = training.run("generation-scratch", out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"

    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (record["format"], record["examples"]) == ("scratch-gpt", 8 * 4 * 16)
    model, tokenizer = GPT.load(tmp_path / "whole"), tokenizers.load(tmp_path / "whole")
    plays = shakespeare.read(folder)
    assert not tokenizer.unknown(plays.train)
    assert model.config.vocabulary == len(tokenizer)
    assert figures(model, tokenizer, plays) == record["metrics"]["test"]
    card = (tmp_path / "whole" / "README.md").read_text()
    assert "Training loss by characters" in card
    assert f"{record['metrics']['test']['fives_nats_per_character']:,}" in card


def test_it_learns(folder, tmp_path):
    """From the evenly likely letters it begins with to their frequencies, at least."""
    settings = written.SMALL_GPT | {"steps": 150, "rate": 1e-2}
    done = training.run("generation-scratch", data=folder, out=tmp_path, settings=settings)
    test = done["metrics"]["test"]
    assert test["nats_per_character"] < test["frequencies_nats_per_character"] - 0.3
