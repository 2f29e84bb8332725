"""`python -m playground attention`."""

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from playground.__main__ import app
from playground.core.errors import OutOfMemory
from playground.core.head_measures import MEASURES
from playground.engine.ops import attend
from playground.service.attention import AttentionDesk

ADAPTER, TRANSLATOR = "bundled/sentiment-general", "bundled/translation-general"


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """As the command sets up logging and the environment, which outlive it here."""
    monkeypatch.setattr("playground.__main__.set_up_logging", lambda level: None)
    monkeypatch.setattr("playground.__main__.quiet_network", lambda settings: None)


def attention(*arguments, text=None):
    return CliRunner().invoke(app, ["attention", *arguments], input=text)


def test_json_and_the_file_have_the_documented_form(tmp_path):
    out = tmp_path / "weights.npz"
    done = attention("The dog ran.", "--model", ADAPTER, "--out", str(out), "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["model"], len(found["fingerprint"])) == (ADAPTER, 16)
    assert found["tokens"] == ["[CLS]", "The", "dog", "ran", ".", "[SEP]"]
    (part,) = found["parts"]
    assert (part["name"], part["layers"], part["heads"], part["queries"], part["keys"]) == ("encoder", 6, 12, 6, 6)
    assert list(part["scores"]) == [measure.name for measure in MEASURES]
    for table in (*part["scores"].values(), part["labels"]):
        assert np.array(table, dtype=object).shape == (6, 12)
    with np.load(out, allow_pickle=False) as arrays:
        assert set(arrays.files) == {"attention", "tokens"}
        assert arrays["tokens"].tolist() == found["tokens"]
        weights = arrays["attention"]
    assert (weights.dtype, weights.shape) == (np.float32, (6, 12, 6, 6))
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    entropy = -(weights * np.log(weights.clip(1e-30))).sum(-1).mean(-1)
    np.testing.assert_allclose(part["scores"]["entropy"], entropy, atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_summary_counts_from_one_and_says_what_an_encoder_decoder_wrote():
    done = attention("-", "--model", TRANSLATOR, "--target", "Le chien\tcourait.", text="The dog ran.")
    assert done.exit_code == 0, done.stderr
    assert TRANSLATOR in done.stdout
    assert "wrote" in done.stdout
    assert "chien" in done.stdout
    for line in (
        "encoder: 4 layers of 4 heads",
        "decoder: 2 layers",
        "decoder to encoder: 2 layers",
        "layer  1",
        "layer  4",
    ):
        assert line in done.stdout
    assert "layer  0" not in done.stdout


def test_of_a_long_text_the_file_has_every_layer(tmp_path, monkeypatch):
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    text = "The dog ran and the cat sat down. " * 5
    assert attention(text, "--model", ADAPTER, "--out", str(whole)).exit_code == 0
    monkeypatch.setattr(attend, "MOST_BYTES", 0)
    monkeypatch.setattr("playground.service.attention_weights.AT_ONCE", 100_000)
    assert attention(text, "--model", ADAPTER, "--out", str(parts)).exit_code == 0
    with np.load(whole) as one, np.load(parts) as other:
        np.testing.assert_allclose(other["attention"], one["attention"], atol=1e-6)
        assert other["tokens"].tolist() == one["tokens"].tolist()


@pytest.mark.parametrize(
    "arguments",
    [
        ("a", "--model", "nobody/here"),
        (" ", "--model", ADAPTER),
        ("a", "--model", ADAPTER, "--out", "/nowhere/at/all.npz"),
        ("a", "--model", ADAPTER, "--out", "."),
    ],
)
def test_bad_usage_ends_with_two_and_one_sentence(arguments):
    done = attention(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_no_file_is_not_replaced_by_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = attention("a", "--model", ADAPTER, "--out", str(pipe))
    assert done.exit_code == 2
    assert "is no file" in done.stderr
    assert pipe.is_fifo()


def test_without_a_model_there_is_a_usage_line():
    assert attention("a").exit_code == 2


def test_a_model_that_fails_ends_with_one_and_leaves_no_file(tmp_path, monkeypatch):
    async def fails(desk, order, session):
        raise OutOfMemory("No memory is left for it: choose a smaller model.")

    monkeypatch.setattr(AttentionDesk, "look", fails)
    out = tmp_path / "weights.npz"
    done = attention("a", "--model", ADAPTER, "--json", "--out", str(out))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.strip() == "No memory is left for it: choose a smaller model."
    assert not list(tmp_path.iterdir())
