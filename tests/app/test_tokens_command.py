"""`python -m playground tokens`."""

import json

import pytest
from typer.testing import CliRunner

from playground.__main__ import app


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """As the command sets up logging and the environment, which outlive it here."""
    monkeypatch.setattr("playground.__main__.set_up_logging", lambda level: None)
    monkeypatch.setattr("playground.__main__.quiet_network", lambda settings: None)


def tokens(*arguments, text=None):
    return CliRunner().invoke(app, ["tokens", *arguments], input=text)


def test_json_has_the_documented_form():
    text = "Good 🦀!"
    done = tokens(text, "--tokenizer", "gpt-4", "--tokenizer", "sentence-transformers/all-MiniLM-L6-v2", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["text"] == text
    hosted, pretrained = found["tokenizers"]
    assert hosted["tokenizer"] == "openai/cl100k_base"
    assert [row["id"] for row in hosted["tokens"]] == [15571, 11410, 99, 222, 0]
    assert hosted["tokens"][0] == {
        "id": 15571,
        "surface": "Good",
        "byte_start": 0,
        "byte_end": 4,
        "char_start": 0,
        "char_end": 4,
        "special": False,
    }
    assert [row["surface"] for row in hosted["tokens"]] == ["Good", " \\xF0\\x9F", "\\xA6", "\\x80", "!"]
    assert [(row["char_start"], row["char_end"]) for row in hosted["tokens"]] == [
        (0, 4),
        (4, 6),
        (5, 6),
        (5, 6),
        (6, 7),
    ]
    assert hosted["counts"]["bytes"] == 10
    assert hosted["counts"]["round_trip"] is True
    first, last = pretrained["tokens"][0], pretrained["tokens"][-1]
    assert (first["surface"], first["special"], first["byte_start"], first["byte_end"]) == ("[CLS]", True, 0, 0)
    assert (last["surface"], last["byte_start"], last["byte_end"]) == ("[SEP]", 10, 10)
    assert pretrained["counts"]["unknown"] == 1
    for row in pretrained["tokens"][1:-1]:
        assert text[row["char_start"] : row["char_end"]] == row["surface"]


def test_a_table_of_the_defaults_from_standard_input():
    done = tokens("-", text="Good\tmorning")
    assert done.exit_code == 0
    for name in ("openai/o200k_base", "all-MiniLM-L6-v2", "scratch", "split/words"):
        assert name in done.stdout
    assert "“\\t" in done.stdout
    assert "special" in done.stdout


@pytest.mark.parametrize("arguments", [("",), ("a", "--tokenizer", "nothing"), ("a", "--tokenizer", "nobody/here")])
def test_bad_usage_ends_with_two_and_one_sentence(arguments):
    done = tokens(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
