"""Shakespeare's voice: low-rank matrices over a decoder made here; and training that stops before it knows its texts by heart."""

import json

import pytest
import torch
from torch.nn import Parameter

from playground import training
from playground.bundled import sha256_of
from playground.core.errors import BadFile
from playground.scratch.train import Schedule, Trained, fit
from playground.training import shakespeare
from playground.training.early_stopping import EarlyStopping
from tests.training import written


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written.write(tmp_path_factory.mktemp("plays"))


@pytest.fixture(scope="module")
def base(folder, tmp_path_factory):
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("base") / "general"
    assert training.run("generation-general", data=folder, out=out, settings=written.SMALL_STARTER)["done"]
    return out


# -- the plays ---------------------------------------------------------------------------------------------------------


def test_plays_are_cut_as_nanogpt_cuts_them(folder):
    plays = shakespeare.read(folder)
    text = (folder / "text" / "tinyshakespeare.txt").read_text()
    assert plays.train + plays.test == text
    assert len(plays.train) == int(0.9 * len(text))
    assert plays.first + plays.dev == plays.train
    assert plays.first.endswith("\n\n")
    assert 0.03 < len(plays.dev) / len(text) < 0.1


def test_plays_that_are_not_there_are_told(tmp_path):
    with pytest.raises(BadFile, match="--data"):
        shakespeare.read(None)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "tinyshakespeare.txt").write_text("KING:\nNo.\n")
    with pytest.raises(BadFile, match="too short"):
        shakespeare.read(tmp_path)


# -- stopping early ----------------------------------------------------------------------------------------------------


def stopping_at(measures, tmp_path, resume=False, **session):
    """Trains one number for 12 steps, measured after each third one, which gives these measures in turn."""
    parameters = {"x": Parameter(torch.zeros(1))}
    given = iter(measures)
    stopping = EarlyStopping(parameters, lambda: next(given), 3, tmp_path / "best.safetensors", resume)
    session = {"progress": lambda report: None, "cancelled": lambda: False, "seed": 0, "resume": resume} | session
    trained = fit(
        parameters,
        lambda step: (parameters["x"] - 5).square().sum(),
        Schedule(12, 0.1),
        state=tmp_path / "s.safetensors",
        **stopping.watched(session),
    )
    before = parameters["x"].item()
    stopping.finish(trained)
    return stopping, trained, before, parameters["x"].item()


def test_while_it_gets_better_all_is_trained_and_the_last_is_taken(tmp_path):
    stopping, trained, before, after = stopping_at([4, 3, 2, 1], tmp_path)
    assert (trained.done, trained.step, stopping.chosen) == (True, 12, 12)
    assert before == after
    assert stopping.measured == {3: 4, 6: 3, 9: 2, 12: 1}


def test_once_it_is_worse_it_stops_and_the_best_is_taken(tmp_path):
    stopping, trained, before, after = stopping_at([4, 2, 3], tmp_path)
    assert (trained.done, trained.step, stopping.chosen) == (True, 9, 6)
    assert 0 < after < before


def test_a_last_measure_that_is_worse_gives_the_one_before(tmp_path):
    stopping, trained, before, after = stopping_at([4, 3, 2, 5], tmp_path)
    assert (trained.done, trained.step, stopping.chosen) == (True, 12, 9)
    assert after < before


def test_what_was_measured_before_an_interruption_counts(tmp_path):
    steps = []
    session = {"progress": lambda report: steps.append(report.step), "cancelled": lambda: len(steps) >= 8}
    stopping, trained, before, after = stopping_at([4, 2], tmp_path, **session)
    assert (trained.done, trained.step, before) == (False, 8, after)
    best = stopping.best["x"].item()
    stopping, trained, before, after = stopping_at([3], tmp_path, resume=True)
    assert (trained.done, trained.step, stopping.chosen) == (True, 9, 6)
    assert after == pytest.approx(best)
    assert after < before


def test_an_interrupted_training_is_not_over(tmp_path):
    stopping, trained, _, _ = stopping_at([], tmp_path, cancelled=lambda: True)
    assert (trained.done, trained.step, stopping.measured) == (False, 0, {})
    assert isinstance(trained, Trained)


# -- the recipe --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_small_one_is_trained_resumed_and_read_back_by_peft(folder, base, tmp_path):
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    given = {"data": folder, "seed": 2, "settings": written.SMALL_VOICE, "base": base}
    whole = training.run("generation-shakespeare", out=tmp_path / "whole", **given)
    assert whole["done"]
    steps = []
    part = training.run(
        "generation-shakespeare",
        out=tmp_path / "parts",
        progress=lambda progress: steps.append(progress.step),
        cancelled=lambda: len(steps) >= 5,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 5)
    rest = training.run("generation-shakespeare", out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"
    assert rest["metrics"] == whole["metrics"]

    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    facts = json.loads((base / "checkpoint.json").read_text())
    digest = sha256_of(base / "model.safetensors")
    assert record["base"] == {
        "id": "bundled/generation-general",
        "revision": None,
        "sha256": digest,
        "parameters": facts["parameters"],
        "license": "CC0",
    }
    test = record["metrics"]["test"]
    assert test["bits_per_byte"] < test["general_bits_per_byte"]
    card = (tmp_path / "whole" / "README.md").read_text()
    for part_of in ("[bundled/generation-general](../generation-general/README.md)", digest[:12], "CC0"):
        assert part_of in card
    assert f"The weights are those after step {record['chosen_step']}" in card
    assert "huggingface.co" not in card
    assert "and a head" not in card

    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(base)
    inputs = tokenizer("KING:\nThe captain", return_tensors="pt", return_token_type_ids=False)
    before = plain(**inputs).logits.detach()
    loaded = PeftModel.from_pretrained(plain, tmp_path / "whole").eval()
    assert (loaded(**inputs).logits - before).abs().max() > 0.05
    weights = load_file(tmp_path / "whole" / "adapter_model.safetensors")
    assert len(weights) == 2 * 7 * 2, "two layers, seven linear layers in each, two matrices beside each"
    assert {value.dtype for value in weights.values()} == {torch.float16}
    config = json.loads((tmp_path / "whole" / "adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("bundled/generation-general", None)


def test_without_the_decoder_there_is_nothing_to_adapt(folder, tmp_path):
    with pytest.raises(BadFile, match="train generation-general first"):
        training.run("generation-shakespeare", data=folder, out=tmp_path / "out", base=tmp_path)


def test_adding_to_the_weights_gives_pefts_numbers_where_layers_have_no_bias(base):
    from playground.training import lora, voice
    from playground.training.low_rank import added_to_weights

    plain, _ = voice.decoder(base)
    torch.manual_seed(3)
    model = voice.new_adapter(plain, voice.VoiceSettings(rank=3)).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    ids = torch.randint(5, 200, (2, 9))

    def step():
        model.zero_grad()
        logits = model(input_ids=ids).logits
        logits.square().mean().backward()
        return logits.detach(), {name: p.grad.clone() for name, p in lora.trainable(model).items()}

    expected, gradients = step()
    with added_to_weights(model):
        found, others = step()
    torch.testing.assert_close(found, expected)
    for name, value in gradients.items():
        torch.testing.assert_close(others[name], value, msg=name)
