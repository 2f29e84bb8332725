"""Learning to fill gaps: what is read and hidden, the recipes on made-up text, and adapters that anybody can load."""

import doctest
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import training
from playground.bundled import sha256_of
from playground.core.errors import BadFile
from playground.scratch.tokenizer import Tokenizer
from playground.training import evaluate_masked, masking, passages

LORA = {"tokens": 1500, "batch": 256, "lengths": (8, 16), "max_length": 16, "rank": 4, "alpha": 4, "kept_rank": 2}
SCRATCH = {
    "vocabulary": 330,
    "dim": 16,
    "layers": 1,
    "heads": 2,
    "hidden": 32,
    "max_length": 16,
    "tokens": 1500,
    "batch": 256,
    "lengths": (8, 16),
}
NAMES = ["fill-mask-general", "fill-mask-medical", "fill-mask-scratch"]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    from playground.training import masked_adapters, masked_from_scratch

    for module in (masked_adapters, masked_from_scratch):
        monkeypatch.setattr(module, "TESTED", 40)
        monkeypatch.setattr(module, "TEST_SEED", 7)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(["A good film was good. A bad film was bad. It was the one!"] * 3, 290, lowercase=True)


@pytest.fixture(scope="module")
def vocabulary(tokenizer):
    return masking.byte_pairs(tokenizer)


# -- what is read


def test_doctests():
    assert doctest.testmod(passages).failed == 0


def test_no_article_of_the_test_is_trained_on_and_a_tenth_is_dev(data_folder):
    split = passages.general(data_folder)
    train = split.train["Wikipedia"]
    assert len(split.held["test"]) == 4
    assert not {*train} & {*split.dev}
    assert len(train) + len(split.dev) in (39, 40)  # “Thing 1” is in the test, too
    assert not any("= " in text or "Use" in text for text in (*train, *split.dev, *split.held["test"]))
    assert not any(text.startswith("12: what") for text in train)
    assert sum(split.shares.values()) == pytest.approx(1)
    assert all(len(text) <= passages.NOVEL_PART for text in split.train["novels"])
    with pytest.raises(BadFile, match="novels"):
        passages.general(None)


def test_medical_parts_share_no_sentence(data_folder):
    split = passages.medical(data_folder)
    parts = [" ".join(part) for part in (split.train["abstracts"], split.dev, *split.held.values())]
    numbers = [{word for word in part.split() if word.startswith("case-")} for part in parts]
    assert all(numbers)
    assert not numbers[0] & (numbers[1] | numbers[2])


# -- what is hidden


def test_whole_words_of_one_piece_alone_are_hidden(vocabulary, tokenizer):
    stream = masking.Stream(
        vocabulary, ["a good film was good. the filmgoer was bad. a good film was bad. it was good."] * 9, 12
    )
    batches = masking.Batches(vocabulary, [stream], [1.0], tokens=240, lengths=(12,), masked=0.2, seed=1)
    for step in range(5):
        batch = batches(step)
        assert batch.ids.shape == batch.chosen.shape == (20, 12)
        assert batch.chosen.sum() == len(batch.words) == 48
        assert (batch.ids[batch.chosen] == vocabulary.mask).all()
        assert (batch.ids[:, 0] == vocabulary.first).all()
        assert not batch.chosen[:, 0].any()
        assert vocabulary.whole[batch.words].all()
        assert {tokenizer.decode([word]) for word in batch.words} <= {
            f" {word}" for word in "good film was bad it a the".split()
        }


def test_a_step_follows_from_its_number_and_shares_are_kept(vocabulary):
    streams = [masking.Stream(vocabulary, [f"a {word} film was {word}. " * 60], 10) for word in ("good", "bad")]
    batches = masking.Batches(vocabulary, streams, [0.75, 0.25], tokens=1000, lengths=(10, 5), masked=0.2, seed=3)
    one, again = batches(4), batches(4)
    assert np.array_equal(one.ids, again.ids)
    assert np.array_equal(one.words, again.words)
    assert batches(1).ids.shape == (200, 5)
    assert not np.array_equal(one.ids, batches(6).ids)
    bad = vocabulary.encode([" bad"])[0][0]
    rows = (np.where(one.chosen, 0, one.ids) == bad).any(1).mean()
    assert 0.05 < rows < 0.45


@given(st.integers(0, 50))
def test_frequencies_are_shares_and_none_is_nothing(vocabulary, count):
    stream = masking.Stream(vocabulary, ["a good film. " * (count + 3)], 4)
    often = masking.frequencies(vocabulary, [stream], [1.0])
    assert often.sum() == pytest.approx(1)
    assert (often > 0).all()
    assert often[vocabulary.encode([" good"])[0][0]] > 0.2


def test_figures_stand_beside_those_of_the_most_frequent_words():
    shares = np.log(np.array([[0.1, 0.6, 0.3], [0.5, 0.3, 0.2]]))
    batch = masking.Hidden(np.zeros((2, 4)), np.zeros((2, 4), bool), np.array([1, 2]))
    found = evaluate_masked.figures(shares, batch, np.array([0.2, 0.5, 0.3]))
    assert (found["n"], found["accuracy"], found["accuracy_at_5"]) == (2, 0.5, 1.0)
    assert found["perplexity"] == pytest.approx(1 / np.sqrt(0.6 * 0.2), abs=0.01)
    assert (found["most_frequent_accuracy"], found["most_frequent_perplexity"]) == (0.5, pytest.approx(2.58, abs=0.01))


# -- recipes


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(name, data_folder, tiny_base, tmp_path):
    given = {"data": data_folder, "seed": 3}
    given |= {"settings": SCRATCH} if name.endswith("scratch") else {"settings": LORA, "base": tiny_base}
    whole = training.run(name, out=tmp_path / "whole", **given)
    assert whole["done"]
    count = [0]
    part = training.run(
        name,
        out=tmp_path / "parts",
        progress=lambda progress: count.__setitem__(0, progress.step),
        cancelled=lambda: count[0] >= 3,
        **given,
    )
    assert (part["done"], part["step"]) == (False, 3)
    rest = training.run(name, out=tmp_path / "parts", resume=True, **given)
    assert rest["files"] == whole["files"], "the digests of the weights"
    assert rest["metrics"] == whole["metrics"]
    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (record["name"], record["task"], record["labels"]) == (name, "fill-mask", [])
    assert record["format"] == ("scratch-encoder-masked" if name.endswith("scratch") else "lora-masked")
    assert {file: sha256_of(tmp_path / "whole" / file) for file in record["files"]} == record["files"]
    card = (tmp_path / "whole" / "README.md").read_text()
    for key in ("accuracy", "perplexity", "most_frequent_perplexity", "one_piece"):
        assert f"{record['metrics']['test'][key]:,}" in card
    for part in ("CC BY-SA 4.0", "[MASK]", "prejudices" if "medical" not in name else "medical", "tokens of text,"):
        assert part in card
    assert str(tmp_path) not in card + json.dumps(record)


def test_the_adapter_is_plain_peft_and_has_no_decoder(data_folder, tiny_base, tmp_path):
    """transformers and peft alone say what our own code says, the bias included."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from playground.training import lora_masked, saved_adapters

    split = passages.general(data_folder)
    settings = lora_masked.MaskedSettings(**(LORA | {"kept_rank": 4}))
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    vocabulary = masking.wordpiece(tokenizer)
    streams = [masking.Stream(vocabulary, split.train[name], 14) for name in split.shares]
    model, _, _ = lora_masked.train_masked(
        streams, [0.8, 0.2], settings, seed=2, base=tiny_base, state=tmp_path / "s.safetensors"
    )
    saved_adapters.save(model, tmp_path / "saved", 4)
    batch = masking.one_each(vocabulary, streams[0], 16, 20, 1)
    ours = lora_masked.log_probabilities(model, batch)
    plain = PeftModel.from_pretrained(AutoModelForMaskedLM.from_pretrained(tiny_base), tmp_path / "saved").eval()
    with torch.inference_mode():
        logits = plain(input_ids=torch.from_numpy(batch.ids)).logits[torch.from_numpy(batch.chosen)]
    theirs = logits.log_softmax(-1).numpy()
    assert np.abs(np.exp(ours) - np.exp(theirs)).max() < 2e-3  # float16 in the file
    tensors = load_file(tmp_path / "saved" / "adapter_model.safetensors")
    heads = {key.removeprefix("base_model.model.cls.predictions.") for key in tensors if ".cls." in key}
    assert heads == {
        "bias", "transform.dense.weight", "transform.dense.bias", "transform.LayerNorm.weight", "transform.LayerNorm.bias"
    }  # fmt: skip
    assert not any("embeddings" in key or "decoder" in key for key in tensors)


def test_one_goes_on_from_another_of_any_rank(data_folder, tiny_base, tmp_path):
    given = {"data": data_folder, "base": tiny_base}
    first = training.run("fill-mask-general", out=tmp_path / "first", settings=LORA | {"kept_rank": 4}, **given)
    still = LORA | {"rate": 0.0, "tokens": 256}
    for name in ("fill-mask-general", "fill-mask-medical"):
        other = training.run(
            name, out=tmp_path / name, start=tmp_path / "first", settings=still | {"kept_rank": 4}, **given
        )
        card = (tmp_path / name / "README.md").read_text()
        if name.endswith("medical"):
            figures = other["metrics"]["test"]
            assert figures["general_perplexity"] == pytest.approx(figures["perplexity"], rel=2e-3)
            assert "of the same" in card
        else:
            figures, before = other["metrics"]["test"], first["metrics"]["test"]
            assert figures["perplexity"] == pytest.approx(before["perplexity"], rel=2e-3)
            assert "general_perplexity" not in figures


def test_it_learns_what_always_stands_beside_what(tiny_base, tmp_path):
    """One word in two: an adapter that has learned nothing knows how often words are, and no more."""
    from transformers import AutoTokenizer

    from playground.training import lora_masked

    vocabulary = masking.wordpiece(AutoTokenizer.from_pretrained(tiny_base))
    text = "the red car is fast. the blue boat is slow. " * 200
    stream = masking.Stream(vocabulary, [text], 10)
    settings = lora_masked.MaskedSettings(
        **(LORA | {"tokens": 40_000, "rate": 2e-2, "rank": 8, "alpha": 8, "lengths": (12,), "bfloat16": False})
    )
    model, _, trained = lora_masked.train_masked(
        [stream], [1.0], settings, seed=1, base=tiny_base, state=tmp_path / "s.safetensors"
    )
    often = masking.frequencies(vocabulary, [stream], [1.0])
    batch = masking.one_each(vocabulary, stream, 12, 60, 1)
    found = evaluate_masked.figures(lora_masked.log_probabilities(model, batch), batch, often)
    assert found["perplexity"] < 0.6 * found["most_frequent_perplexity"]
    assert found["accuracy"] > found["most_frequent_accuracy"]
    assert trained.curve[0][1] > trained.curve[-1][1]
