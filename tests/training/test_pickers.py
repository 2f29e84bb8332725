"""The picker's recipe on made-up data: it runs, resumes, and learns; what it learns from, by hand."""

import json

import pytest
import torch

from playground import training
from playground.bundled import sha256_of
from playground.evaluation.text_metrics import ROUGE
from playground.training import pickers, sentence_picker
from playground.training.scitldr import Abstract, abstracts

LORA = {
    "epochs": 1,
    "batch": 256,
    "max_length": 96,
    "rank": 4,
    "kept_rank": 2,
    "bfloat16": False,
    "encoder_dropout": 0.0,
}
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
FILLING = ("Many people use such methods today.", "The code can be found on our page.", "This is a very old problem.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "summarization").mkdir()
    for part, numbers in (("train", range(40)), ("dev", range(40, 52))):
        rows = []
        for number in numbers:
            source = list(FILLING)
            source.insert(number % 4, f"We propose method {number} that solves it.")
            rows.append({"source": source, "target": [f"We propose method {number}."], "paper_id": f"p{number}"})
        lines = "\n".join(json.dumps(row) for row in rows)
        (root / "summarization" / f"scitldr_{part}.jsonl").write_text(lines + "\n", encoding="utf-8")
    return root


def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(folder, tiny_base, tmp_path):
    given = {"data": folder, "seed": 3, "settings": LORA, "base": tiny_base}
    whole = training.run("summarization-scitldr", out=tmp_path / "whole", **given)
    count = [0]
    part = training.run(
        "summarization-scitldr",
        out=tmp_path / "parts",
        progress=lambda progress: count.__setitem__(0, progress.step),
        cancelled=lambda: count[0] >= 2,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 2)
    rest = training.run("summarization-scitldr", out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"
    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (record["format"], record["task"], record["tier"]) == ("lora-picker", "summarization", "finetuned")
    assert {f: sha256_of(tmp_path / "whole" / f) for f in record["files"]} == record["files"]
    figures = record["metrics"][pickers.HELD]
    assert figures["n"] == 12
    for name in ROUGE:
        low, high = figures["intervals_95"][name]
        assert 0 <= low <= figures[name] <= high <= figures[f"{name}_limit"] <= 1
        assert figures[f"lead_{name}"] < figures[f"{name}_limit"]
    card = (tmp_path / "whole" / "README.md").read_text()
    assert f"| {figures['lead_rougeL']:,} |" in card
    assert "ROUGE-L of the most central sentence" in card


def test_it_learns_which_sentence_people_sum_up_by(folder, tiny_base, tmp_path):
    settings = LORA | {"epochs": 12, "rate": 1e-2, "averaging": 0.9}
    found = training.run("summarization-scitldr", data=folder, out=tmp_path, settings=settings, base=tiny_base, seed=1)
    figures = found["metrics"][pickers.HELD]
    assert figures["rougeL"] > figures["lead_rougeL"] + 0.2
    assert figures["rougeL"] == pytest.approx(figures["rougeL_limit"], abs=0.1)


def test_the_parts_share_no_text(folder, tmp_path):
    train, dev = abstracts(folder)
    assert (len(train), len(dev)) == (40, 12)
    assert train[0] == Abstract(f"We propose method 0 that solves it. {' '.join(FILLING)}", ("We propose method 0.",))
    (tmp_path / "summarization").mkdir()
    for part in ("train", "dev"):
        rows = [{"source": ["The  same.\n"], "target": ["A.", " "]}, {"source": [part], "target": ["B."]}]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / "summarization" / f"scitldr_{part}.jsonl").write_text(lines)
    train, dev = abstracts(tmp_path)
    assert [one.text for one in train] == ["train"]
    assert dev[0] == Abstract("The same.", ("A.",))


def test_scores_are_the_means_of_each_sentences_tokens():
    logits = torch.tensor([[[9.0], [1.0], [3.0], [5.0], [9.0]], [[9.0], [2.0], [9.0], [0.0], [0.0]]])
    owner = torch.tensor([[4, 0, 0, 1, 4], [4, 2, 4, 4, 4]])
    assert sentence_picker.scores_of(logits, owner).tolist() == [[2.0, 5.0], [2.0, -torch.inf]]


def test_likeness_is_of_the_nearest_summary():
    assert sentence_picker.likeness("a b c d", ["a b c d", "x"]) == 1
    assert sentence_picker.likeness("a b", ["a c"]) == pytest.approx((0.5 + 0 + 0.5) / 3)
