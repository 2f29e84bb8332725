"""The recipes on made-up data and a tiny encoder: they run, resume, and write what anybody can load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from playground import training
from playground.bundled import sha256_of
from playground.core.errors import BadFile, UnknownName

SMALL_LORA = {"epochs": 2, "batch": 16, "max_length": 24, "rank": 4}
# Of whole texts, by task and tier.
WHOLE_TEXTS = [f"{task}{kind}" for task in ("zero-shot", "topics", "intent", "spam") for kind in ("", "-scratch")]
SMALL_SCRATCH = {"vocabulary": 300, "dim": 16, "layers": 1, "heads": 2, "hidden": 32, "max_length": 48}
SMALL_SCRATCH |= {"epochs": 2, "batch": 16}
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def options(name: str, base: Path) -> dict:
    if name == "sentiment-scratch":
        return {"settings": SMALL_SCRATCH}
    return {"settings": SMALL_LORA, "base": base}


def test_listing_the_recipes_imports_no_torch():
    code = (
        "import json, sys, playground.training as t; "
        "print(json.dumps([[r.name for r in t.recipes()], 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, torch = json.loads(done.stdout)
    kinds = {"sentiment": ("general", "informal", "scratch"), "ner": ("general", "medical", "scratch")}
    kinds["pos"] = ("general", "informal", "scratch")
    first = [f"{task}-{kind}" for task, three in kinds.items() for kind in three]
    later = [f"qa-{kind}" for kind in ("general", "knowledge-base", "scratch")]
    later += [f"fill-mask-{kind}" for kind in ("general", "medical", "scratch")]
    later += [f"generation-{kind}" for kind in ("general", "shakespeare", "scratch")]
    later += [f"translation-{kind}" for kind in ("general", "familiar", "scratch")]
    later += [f"summarization-{kind}" for kind in ("scitldr", "scratch")]
    later += ["induction-two-layers", "induction-one-layer"]
    assert names == [*first, *(name for name in WHOLE_TEXTS if name in names), *later]
    assert not torch


@pytest.mark.parametrize("name", ["sentiment-general", "sentiment-informal", "sentiment-scratch"])
def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(name, data_folder, tiny_base, tmp_path):
    given = {"data": data_folder, "seed": 3, **options(name, tiny_base)}
    seen: list[training.TrainProgress] = []
    whole = training.run(name, out=tmp_path / "whole", progress=seen.append, **given)
    assert whole["done"]
    json.dumps(whole)
    total = len(seen)
    assert [p.step for p in seen if p.stage == seen[-1].stage] == list(range(1, seen[-1].steps + 1))

    for done, stop in ((0, 3), (3, total - 2)):
        count = [done]

        def tick(progress, count=count) -> None:
            count[0] += 1

        def cancelled(count=count, stop=stop) -> bool:
            return count[0] >= stop

        part = training.run(name, out=tmp_path / "parts", resume=True, progress=tick, cancelled=cancelled, **given)
        assert not part["done"]
        assert not (tmp_path / "parts" / "checkpoint.json").exists()
        json.dumps(part)
    rest = training.run(name, out=tmp_path / "parts", resume=True, **given)
    assert rest["done"]
    assert rest["files"] == whole["files"], "the digests of the weights"
    assert rest["metrics"] == whole["metrics"]
    assert not (tmp_path / "parts" / "training").exists()
    again = training.run(name, out=tmp_path / "parts", resume=True, cancelled=lambda: True, **given)
    assert again == rest, "nothing is left to train"


@pytest.mark.parametrize("name", ["sentiment-general", "sentiment-scratch"])
def test_the_card_says_what_was_measured(name, data_folder, tiny_base, tmp_path):
    training.run(name, data=data_folder, out=tmp_path, seed=1, **options(name, tiny_base))
    record = json.loads((tmp_path / "checkpoint.json").read_text())
    assert record["name"] == name
    assert record["labels"] == ["negative", "positive"]
    assert {f: sha256_of(tmp_path / f) for f in record["files"]} == record["files"]
    figures = record["metrics"]["test"]
    assert {"n", "accuracy", "macro_f1", "majority_accuracy", "naive_bayes_accuracy"} <= set(figures)
    card = (tmp_path / "README.md").read_text()
    assert f"{figures['accuracy']:,}" in card
    assert f"train {name} --data DIR" in card
    assert "Departures from the recipe" in card
    assert str(tmp_path) not in card + json.dumps(record)
    svg = (tmp_path / "loss.svg").read_text()
    assert svg.startswith("<svg")
    assert svg.count(",") >= len(json.loads((tmp_path / "loss.json").read_text())) > 5


def test_the_adapter_is_plain_peft(data_folder, tiny_base, tmp_path):
    """Loaded with transformers and peft alone it answers as our own loop does, and nothing but the adapter was trained."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from playground.training import lora, saved_adapters
    from playground.training.data import general

    train = general(data_folder).train
    settings = lora.LoraSettings(**SMALL_LORA)
    model, tokenizer, _ = lora.train_adapter(train, settings, state=tmp_path / "s.safetensors", seed=2, base=tiny_base)
    ours = lora.probabilities(model, tokenizer, train.texts[:20], 24)
    saved_adapters.save(model, tmp_path / "adapter")

    plain = AutoModelForSequenceClassification.from_pretrained(tiny_base, num_labels=2, dtype=torch.float32)
    loaded = PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    batch = AutoTokenizer.from_pretrained(tiny_base)(list(train.texts[:20]), padding=True, return_tensors="pt")
    theirs = loaded(**batch).logits.softmax(-1).detach().numpy()
    assert abs(ours - theirs).max() < 2e-3, "float16 on disk"
    assert ours.std() > 0.001

    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert str(tiny_base) not in json.dumps(config)
    for key, value in load_file(tmp_path / "adapter" / "adapter_model.safetensors").items():
        assert key.startswith(("base_model.model.bert.", "base_model.model.classifier.")), key
        assert ("lora_" in key) == (".bert." in key)
        assert value.dtype == torch.float16
    base = load_file(tiny_base / "model.safetensors")
    frozen = {k.removeprefix("base_model.model.").replace(".base_layer", ""): v for k, v in model.state_dict().items()}
    for key, value in base.items():
        assert torch.equal(frozen[f"bert.{key}"], value), f"{key} was changed by training"


def test_minutes_end_a_run_with_a_state(data_folder, tiny_base, tmp_path):
    given = {"data": data_folder, "out": tmp_path, "seed": 1, **options("sentiment-general", tiny_base)}
    first = training.run("sentiment-general", minutes=0.0, **given)
    assert (first["done"], first["step"]) == (False, 0)
    assert (tmp_path / "training" / "adapter.safetensors").is_file()
    with pytest.raises(BadFile, match="another run"):
        training.run("sentiment-general", resume=True, **{**given, "seed": 2})


def test_faults_are_told_in_a_sentence(data_folder, tmp_path):
    with pytest.raises(UnknownName, match="sentiment-scratch"):
        training.run("sentiment-nowhere", out=tmp_path)
    with pytest.raises(BadFile, match="no folder nowhere"):
        training.run("sentiment-scratch", data=tmp_path / "nowhere", out=tmp_path / "out")
    with pytest.raises(BadFile, match=r"goemotions_train\.tsv"):
        training.run("sentiment-scratch", data=tmp_path, out=tmp_path / "out")
