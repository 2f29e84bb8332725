"""The recipes of adapters for whole texts, on made-up data and a tiny encoder: they run, resume, are calibrated, and write what
plain peft can load.
"""

import json

import numpy as np
import pytest

from playground import training
from playground.bundled import ENCODER_ID, sha256_of
from playground.training import calibration, lora, saved_adapters, text_adapters, whole_texts
from playground.training.baselines import Bayes
from playground.training.evaluate_texts import inside, many, outside, two
from playground.training.label_names import INTENTS, OUT_OF_SCOPE
from playground.training.whole_texts import LabelledTexts
from tests.training.made_up_texts import write

SMALL = {"epochs": 2, "batch": 16, "max_length": 24, "rank": 2}
CLASSIFIERS = ("topics", "intent", "spam")
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def made(folder, tiny_base, tmp_path_factory):
    """Each classifier's folder, trained once."""
    found = {}
    for name in CLASSIFIERS:
        found[name] = tmp_path_factory.mktemp(name)
        done = training.run(name, data=folder, out=found[name], seed=3, settings=SMALL, base=tiny_base)
        assert done["done"]
        json.dumps(done)
    return found


def record(path) -> dict:
    return json.loads((path / "checkpoint.json").read_text())


@pytest.mark.parametrize("name", ["topics", "zero-shot"])
def test_a_resumed_recipe_gives_the_same_files(name, folder, tiny_base, tmp_path):
    given = {"data": folder, "seed": 3, "settings": SMALL, "base": tiny_base}
    seen: list[training.TrainProgress] = []
    whole = training.run(name, out=tmp_path / "whole", progress=seen.append, **given)
    assert [p.step for p in seen] == list(range(1, seen[-1].steps + 1))
    count = [0]

    def tick(progress) -> None:
        count[0] += 1

    out = tmp_path / "parts"
    for stop in (2, len(seen) - 1):
        part = training.run(
            name, out=out, resume=True, progress=tick, cancelled=lambda stop=stop: count[0] >= stop, **given
        )
        assert (part["done"], part["step"]) == (False, stop)
    finished = training.run(name, out=out, resume=True, **given)
    assert finished["files"] == whole["files"]
    assert finished["metrics"] == whole["metrics"]
    assert not (out / "training").exists()
    again = training.run(name, out=out, resume=True, **given)
    assert again["files"] == whole["files"]
    for file, digest in whole["files"].items():
        assert sha256_of(out / file) == digest


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_is_written_is_whole(name, made, folder):
    found, card = record(made[name]), (made[name] / "README.md").read_text()
    split = text_adapters.PLANS[name].split(folder)
    assert found["format"] == "lora-classifier"
    assert tuple(found["labels"]) == split.train.names
    assert found["ece"] == found["metrics"]["test"]["ece"]
    assert 0 <= found["ece"] <= 1
    assert {part: figures["n"] for part, figures in found["metrics"].items()} == {
        part: len(held) for part, held in split.held.items()
    }
    assert f"{found['temperature']:g}" in card
    assert "expected calibration error" in card
    config = json.loads((made[name] / "adapter_config.json").read_text())
    assert (config["task_type"], config["base_model_name_or_path"]) == ("SEQ_CLS", ENCODER_ID)
    assert config["modules_to_save"] == ["classifier"]


def test_thresholds_are_the_saved_files_own(made, folder, tiny_base):
    found, split = record(made["topics"]), whole_texts.topics(folder)
    plain, tokenizer = lora.base_model(tiny_base, found["labels"])
    model = lora.with_adapter(plain, made["topics"])
    scores = calibration.sigmoid(lora.logits(model, tokenizer, split.dev.texts, found["max_length"]))
    assert list(calibration.thresholds(scores, split.dev.matrix())) == found["thresholds"]
    assert "thresholds" not in record(made["spam"])
    assert f"| {found['labels'][0]} | {found['thresholds'][0]:.3f} |" in (made["topics"] / "README.md").read_text()


@pytest.mark.parametrize("name", ["topics", "intent"])  # made-up spam is told from ham without a fault: any T helps
def test_the_temperature_is_in_the_head(name, made, folder, tiny_base):
    """Of the saved files it is 1: the logits need nothing more."""
    split, labels = text_adapters.PLANS[name].split(folder), record(made[name])["labels"]
    plain, tokenizer = lora.base_model(tiny_base, labels)
    logits = lora.logits(lora.with_adapter(plain, made[name]), tokenizer, split.dev.texts, SMALL["max_length"])
    truth = split.dev.matrix() if name == "topics" else np.array(split.dev.single)
    lowest = calibration.nll(logits, truth)
    assert all(calibration.nll(logits / off, truth) >= lowest - 1e-4 for off in (0.7, 0.9, 1.1, 1.4))


def test_folding_a_temperature_divides_the_logits(tiny_base):
    plain, tokenizer = lora.base_model(tiny_base, ("a", "b", "c"))
    model = lora.new_adapter(plain, lora.LoraSettings(rank=2)).eval()
    texts = ("one", "two words")
    before = lora.logits(model, tokenizer, texts, 16)
    lora.fold_temperature(model, 2.5)
    np.testing.assert_allclose(lora.logits(model, tokenizer, texts, 16), before / 2.5, atol=1e-6)


def test_the_adapter_for_matching_has_no_head(folder, tiny_base, tmp_path):
    from safetensors.numpy import load_file

    training.run("zero-shot", data=folder, out=tmp_path, settings=SMALL, base=tiny_base)
    found = record(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (found["format"], found["labels"]) == ("lora-encoder", [])
    assert (config["task_type"], config["modules_to_save"]) == ("FEATURE_EXTRACTION", None)
    assert config["exclude_modules"] == ["pooler.dense"]
    names = load_file(tmp_path / "adapter_model.safetensors")
    assert all("lora_" in name and "pooler" not in name for name in names)
    card = (tmp_path / "README.md").read_text()
    split = whole_texts.zero_shot(folder)
    for part in split.held.values():
        assert all(f"`{name}`" in card for name in part.classes)
    assert found["metrics"]["Banking77, new classes"]["classes"] == 19
    assert found["metrics"]["Banking77, new classes among all 77"]["classes"] == 77


# ---- Figures, from logits that are made up.


def texts_of(names, labels) -> LabelledTexts:
    return LabelledTexts(tuple(names), tuple(f"text {i}" for i in range(len(labels))), tuple(labels))


def test_figures_of_two_labels():
    held = texts_of(("ham", "spam"), [(1,), (1,), (0,), (0,), (0,)])
    logits = np.array([[0, 5], [5, 0], [5, 0], [0, 5], [5, 0]], dtype=float)
    found = two(lambda texts: logits, held, held, positive=1)
    assert (found["n"], found["positives"]) == (5, 2)
    assert (found["f1"], found["precision"], found["recall"], found["accuracy"]) == (0.5, 0.5, 0.5, 0.6)
    assert found["always_f1"] == pytest.approx(4 / 7, abs=1e-4)
    assert found["majority_accuracy"] == 0.6


def test_figures_of_intents_and_of_what_is_out_of_scope():
    last = len(INTENTS) - 1
    held = texts_of(INTENTS, [(0,), (1,), (1,), (2,)])
    logits = np.full((4, 78), -9.0)
    logits[range(4), [0, 1, last, 3]] = 9
    found = inside(lambda texts: logits, Bayes(whole(held)), held, held)
    assert (found["accuracy"], found["false_alarms"]) == (0.5, 0.25)
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3, abs=1e-4)
    beyond = texts_of(INTENTS, [(last,)] * 4)
    assert outside(lambda texts: logits, Bayes(whole(held)), beyond)["accuracy"] == 0.25
    assert INTENTS[last] == OUT_OF_SCOPE


def whole(texts: LabelledTexts):
    from playground.training.evaluate_texts import plain

    return plain(texts)


def test_figures_of_labels_judged_each_by_itself():
    held = texts_of(("a", "b"), [(0,), (0, 1), (1,), ()])
    scores = np.array([[0.9, 0.1], [0.4, 0.9], [0.1, 0.2], [0.1, 0.1]])
    logits = np.log(scores / (1 - scores))
    found = many(lambda texts: logits, held, held, held, (0.3, 0.5))
    # a: both found. b: one of two.
    assert found["macro_f1"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-4)
    assert found["micro_f1"] == pytest.approx(6 / 7, abs=1e-4)
    assert found["labels"] == {"a": 1.0, "b": 0.6667}
    assert found["without_thresholds_macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-4)
    assert found["all_labels_macro_f1"] == pytest.approx(4 / 6, abs=1e-4)


def test_naive_bayes_says_how_sure_it_is():
    rival = Bayes(whole(texts_of(("x", "y"), [(0,), (1,), (1,)])))
    assert rival.probability("unknown words", 1) == pytest.approx(2 / 3)
    assert rival.probability("text", 0) + rival.probability("text", 1) == pytest.approx(1)
    assert rival.probability("text", 7) == 0


@pytest.mark.parametrize(("rank", "left_out"), [(2, 0.9), (4, 1e-5), (6, 1e-5)])
def test_an_adapter_starts_from_another_of_any_rank_with_another_head(rank, left_out, tiny_base, tmp_path):
    import torch

    def added(model) -> dict:
        own = lora.trainable(model)
        scale = saved_adapters._scaling(model.peft_config["default"].to_dict())
        names = [name for name in own if ".lora_A." in name]
        return {name: scale * (own[name.replace("lora_A", "lora_B")] @ own[name]).detach() for name in names}

    torch.manual_seed(0)
    other = lora.new_adapter(lora.base_model(tiny_base, ("a", "b"))[0], lora.LoraSettings(rank=4, alpha=12))
    with torch.no_grad():
        for name, parameter in lora.trainable(other).items():
            if "lora_B" in name:
                parameter.normal_()
    saved_adapters.save(other, tmp_path)
    model = lora.new_adapter(lora.base_model(tiny_base, ("x", "y", "z"))[0], lora.LoraSettings(rank=rank, alpha=5))
    head = [p.clone() for name, p in lora.trainable(model).items() if "classifier" in name]
    saved_adapters.start_from(model, tmp_path)
    ours, theirs = added(model), added(other)
    for name, wanted in theirs.items():
        best = (
            torch.linalg.svdvals(wanted)[rank:].square().sum()
        )  # no matrix of this rank comes nearer (Eckart and Young)
        far = (ours[name] - wanted).square().sum()
        assert far <= best * 1.01 + 1e-3 * wanted.square().sum()
        assert far <= left_out * wanted.square().sum() + 1e-3 * wanted.square().sum()
    for before, after in zip(head, (p for n, p in lora.trainable(model).items() if "classifier" in n), strict=True):
        assert torch.equal(before, after)
