"""The taggers' recipes on made-up data: they run, resume, write what anybody can load, and start from one another."""

import json

import pytest

from playground import training
from playground.bundled import sha256_of
from playground.training.columns import Sentence

LORA = {"epochs": 2, "batch": 256, "max_length": 24, "rank": 4}
SCRATCH = {
    "vocabulary": 300,
    "dim": 16,
    "layers": 1,
    "heads": 2,
    "hidden": 32,
    "max_length": 48,
    "epochs": 2,
    "batch": 256,
}
NAMES = ["ner-general", "ner-medical", "ner-scratch", "pos-general", "pos-informal", "pos-scratch"]
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def options(name: str, base) -> dict:
    return {"settings": SCRATCH} if name.endswith("scratch") else {"settings": LORA, "base": base}


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(name, data_folder, tiny_base, tmp_path):
    given = {"data": data_folder, "seed": 3, **options(name, tiny_base)}
    seen: list[training.TrainProgress] = []
    whole = training.run(name, out=tmp_path / "whole", progress=seen.append, **given)
    assert whole["done"]
    assert [p.step for p in seen] == list(range(1, seen[-1].steps + 1))

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
    assert not (tmp_path / "parts" / "training").exists()

    record = json.loads((tmp_path / "whole" / "checkpoint.json").read_text())
    assert (record["name"], record["task"]) == (name, name[:3])
    assert record["format"] == ("scratch-encoder-tagger" if name.endswith("scratch") else "lora-tagger")
    assert {f: sha256_of(tmp_path / "whole" / f) for f in record["files"]} == record["files"]
    card = (tmp_path / "whole" / "README.md").read_text()
    figures = record["metrics"]["test"]
    key, baseline = ("f1", "dictionary_f1") if name.startswith("ner") else ("accuracy", "most_frequent_tag_accuracy")
    assert f"{figures[key]:,}" in card
    assert f"{figures[baseline]:,}" in card
    assert all(f"F1 of {kind}" in card for kind in figures.get("types", {}))
    assert "windows" in card
    assert str(tmp_path) not in card + json.dumps(record)


def test_the_adapter_is_plain_peft(data_folder, tiny_base, tmp_path):
    """transformers and peft alone, words split by `is_split_into_words`, say what our own loop says."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    from playground.training import lora_tagger, saved_adapters, tagged

    split = tagged.medical(data_folder)
    settings = lora_tagger.TaggerSettings(**LORA)
    state = tmp_path / "s.safetensors"
    model, tokenizer, _ = lora_tagger.train_tagger(
        split.train, split.labels, settings, seed=2, base=tiny_base, state=state
    )
    held = split.held["test"]
    ours = lora_tagger.probabilities(model, tokenizer, held, 128)
    saved_adapters.save(model, tmp_path / "adapter")

    plain = AutoModelForTokenClassification.from_pretrained(tiny_base, num_labels=5, dtype=torch.float32)
    loaded = PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    batch = AutoTokenizer.from_pretrained(tiny_base)(
        [list(s.words) for s in held], is_split_into_words=True, padding=True, return_tensors="pt"
    )
    theirs = loaded(**batch).logits.softmax(-1).detach().numpy()
    assert max(rows.std() for rows in ours) > 0.01
    for row, rows in enumerate(ours):
        places = batch.word_ids(row)
        firsts = [places.index(word) for word in range(len(rows))]
        assert abs(theirs[row, firsts] - rows).max() < 2e-3, "float16 on disk"

    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["task_type"] == "TOKEN_CLS"
    assert config["exclude_modules"] == ["pooler.dense"]
    assert (config["target_modules"], config["modules_to_save"]) == (["dense", "key", "query", "value"], ["classifier"])
    for key, value in load_file(tmp_path / "adapter" / "adapter_model.safetensors").items():
        assert ("lora_" in key) == (".bert." in key)
        assert "pooler" not in key
        assert value.dtype == torch.float16


def test_capitals_are_token_types(data_folder, tiny_base, tmp_path):
    """By plain transformers: type 1 where a word has a capital, in all lines but every eighth; and it is learned."""
    from playground.training import lora_tagger, tagged

    split = tagged.general(data_folder)
    settings = lora_tagger.TaggerSettings(**LORA, capitals=True)
    tagger, tokenizer, _ = lora_tagger.train_tagger(
        split.train, split.labels, settings, seed=2, base=tiny_base, state=tmp_path / "s.safetensors"
    )
    words = ["Anna", "met", "mcDonald", "in", "paris", "."]
    pieces = lora_tagger.Pieces(tokenizer, [Sentence(tuple(words), ("O",) * 6)])
    inputs, _, columns = lora_tagger.Lines(pieces, [words, words], True, {0})([0, 1])
    found = tokenizer(words, is_split_into_words=True)
    assert inputs["input_ids"].tolist() == [found["input_ids"]] * 2
    assert not inputs["token_type_ids"][0].any()
    assert inputs["token_type_ids"][1].tolist() == [int(word in (0, 2)) for word in found.word_ids(0)]
    (with_them,), (without,) = (
        lora_tagger.probabilities(tagger, tokenizer, [Sentence(tuple(words), ("O",) * 6)], 128, capitals)
        for capitals in (True, False)
    )
    assert abs(with_them - without).max() > 1e-4
    model = tagger(**{name: rows[1:] for name, rows in inputs.items()}).logits.softmax(-1).detach().numpy()
    assert abs(model[0, columns[:6]] - with_them).max() < 1e-5


def test_a_long_sentence_is_read_to_its_end(data_folder, tiny_base):
    from playground.training import lora, lora_tagger

    plain, tokenizer = lora.base_model(tiny_base, ("O", "B-X", "I-X"), per_word=True)
    words = tuple(f"word{i}" for i in range(300))
    long, short = Sentence(words, ("O",) * 300), Sentence(("one",), ("O",))
    awkward = Sentence(("\u200b\u2060", "a" * 400, "x"), ("O",) * 3)  # no piece at all; more pieces than are read
    found = lora_tagger.probabilities(plain.eval(), tokenizer, [short, long, awkward], 24)
    assert [rows.shape for rows in found] == [(1, 3), (300, 3), (3, 3)]
    alone = lora_tagger.probabilities(plain, tokenizer, [short], 24)
    assert abs(alone[0] - found[0]).max() < 1e-5


def test_an_adapter_can_start_from_another(data_folder, tiny_base, tmp_path):
    import torch

    from playground.training import lora, lora_tagger, saved_adapters, tagged

    formal, informal = tagged.formal(data_folder), tagged.informal(data_folder)
    settings = lora_tagger.TaggerSettings(**LORA)
    given = {"seed": 1, "base": tiny_base}
    first, _, _ = lora_tagger.train_tagger(
        formal.train, formal.labels, settings, state=tmp_path / "a.safetensors", **given
    )
    saved_adapters.save(first, tmp_path / "first")
    second, _, _ = lora_tagger.train_tagger(
        informal.train,
        informal.labels,
        settings,
        state=tmp_path / "b.safetensors",
        start=tmp_path / "first",
        minutes=0.0,
        **given,
    )
    for name, value in lora.trainable(first).items():
        assert torch.equal(lora.trainable(second)[name], value.half().float()), name


def test_an_adapter_of_other_labels_and_fewer_ranks_can_be_gone_on_from(data_folder, tiny_base, tmp_path):
    """Its matrices do what they did; the head is new."""
    import torch

    from playground.training import lora, lora_tagger, saved_adapters, tagged

    classes, names = tagged.formal(data_folder), tagged.general(data_folder)
    settings = lora_tagger.TaggerSettings(**LORA)
    given = {"seed": 1, "base": tiny_base}
    first, _, _ = lora_tagger.train_tagger(
        classes.train, classes.labels, settings, state=tmp_path / "a.safetensors", **given
    )
    kept = settings.rank // 2
    saved_adapters.save(first, tmp_path / "first", kept)
    assert json.loads((tmp_path / "first" / "adapter_config.json").read_text())["r"] == kept
    plain, _ = lora.base_model(tiny_base, classes.labels, per_word=True)
    saved = lora.with_adapter(plain, tmp_path / "first")
    second, tokenizer, _ = lora_tagger.train_tagger(
        names.train,
        names.labels,
        settings,
        state=tmp_path / "b.safetensors",
        start=tmp_path / "first",
        minutes=0.0,
        **given,
    )
    inputs = tokenizer("Anna met Ben in Rome", return_tensors="pt")
    with torch.no_grad():
        theirs, ours = (model.base_model.model.bert(**inputs).last_hidden_state for model in (saved, second))
        bare = second.base_model.model.bert
        with second.disable_adapter():
            untouched = bare(**inputs).last_hidden_state
    assert torch.allclose(theirs, ours, atol=1e-4)
    assert not torch.allclose(untouched, ours, atol=1e-3)
    assert second.config.num_labels == len(names.labels) != len(classes.labels)
