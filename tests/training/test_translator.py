"""The starter translator's recipe, small enough for seconds: what it writes is what transformers reads."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from playground import training
from playground.bundled import sha256_of
from playground.core.errors import BadFile
from playground.training import address, evaluate_translator, lora, translator, translator_familiar
from playground.training.pair_batches import PairBatches

TINY = {
    "vocabulary": 320,
    "dim": 32,
    "layers": 1,
    "decoder_layers": 1,
    "heads": 2,
    "hidden": 48,
    "epochs": 2,
    "batch": 400,
}
THINGS = "cat dog man bird fish tree boat moon king bell song wind".split()
CHOSES = "chat chien homme oiseau poisson arbre bateau lune roi cloche chanson vent".split()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "translation").mkdir()
    rows = [
        f"The {THINGS[a]} sees your old {THINGS[b]}.\tLe {CHOSES[a]} voit {'ton' if a % 2 else 'votre'} ancien {CHOSES[b]}."
        for a in range(12)
        for b in range(12)
    ]
    (folder / "translation" / "tatoeba_eng_fra_train.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def made(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("made")
    return out, training.run("translation-general", data=data, out=out, settings=TINY)


def test_it_writes_a_checkpoint_that_transformers_reads_and_a_card(made):
    out, result = made
    assert result["done"] is True
    record = json.loads((out / "checkpoint.json").read_text())
    assert (record["task"], record["tier"], record["format"]) == ("translation", "pretrained", "seq2seq-lm")
    for part in ("test", "dev"):
        assert set(record["metrics"][part]) == {
            "n",
            "sacrebleu",
            "beams_sacrebleu",
            "one_reference_sacrebleu",
            "copied_sacrebleu",
        }
    with lora.quiet():
        model = AutoModelForSeq2SeqLM.from_pretrained(out, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(out)
    ids = tokenizer("The cat  sees ’it’.")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "The cat sees 'it'."
    assert ids[-1] == tokenizer.eos_token_id == model.config.eos_token_id
    assert sum(p.numel() for p in model.parameters()) == record["parameters"]
    assert "sacreBLEU of the English left as it is" in (out / "README.md").read_text()


def test_scores_scaled_after_the_product_are_the_same_function():
    settings = translator.TranslatorSettings(**TINY)
    tokenizer = translator.learn_tokenizer(["A cat sees a dog."] * 9, settings)
    model = translator.new_model(settings, tokenizer, 0).eval()
    ids = torch.tensor([[5, 6, 7, 1]])
    plain = model(input_ids=ids, labels=ids).logits
    before = {name: p.clone() for name, p in model.named_parameters()}
    translator._scaled(model, model.config.d_kv**-0.5)
    assert not torch.equal(
        model.encoder.block[0].layer[0].SelfAttention.q.weight, before["encoder.block.0.layer.0.SelfAttention.q.weight"]
    )
    torch.testing.assert_close(model(input_ids=ids, labels=ids).logits, plain)
    translator._scaled(model, 1.0)
    for name, p in model.named_parameters():
        torch.testing.assert_close(p, before[name])


def test_the_loss_is_the_one_of_transformers_without_smoothing():
    settings = translator.TranslatorSettings(**TINY, smoothing=0.0, bfloat16=False)
    tokenizer = translator.learn_tokenizer(["A cat sees a dog."] * 9, settings)
    model = translator.new_model(settings, tokenizer, 0).eval()
    sources, targets = torch.tensor([[5, 6, 7, 1], [5, 1, 0, 0]]), torch.tensor([[9, 8, 1], [4, 1, 0]])
    labels = targets.masked_fill(targets == 0, -100)
    expected = model(input_ids=sources, attention_mask=(sources != 0).long(), labels=labels).loss
    torch.testing.assert_close(translator.loss(model, (sources, targets), settings), expected)


def test_translations_in_batches_are_those_one_by_one(made):
    out, _ = made
    with lora.quiet():
        model = AutoModelForSeq2SeqLM.from_pretrained(out, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(out)
    texts = ["The cat sees the old dog.", "The moon.", "The man sees the old king, and the bird sees the old tree."]
    together = evaluate_translator.translate(model, tokenizer, texts, 24)
    assert together == [evaluate_translator.translate(model, tokenizer, [text], 24)[0] for text in texts]


def test_bleu_takes_the_best_of_several_references():
    said = ["le chat voit le chien noir"]
    assert evaluate_translator.bleu(said, [("un homme marche sur la lune",)]) < 20
    assert evaluate_translator.bleu(said, [("un homme marche sur la lune", said[0])]) == 100


def test_each_pair_comes_once_an_epoch_in_batches_of_similar_lengths():
    random = np.random.default_rng(0)
    sources = [[place + 2] * int(n) for place, n in enumerate(random.integers(2, 12, 200))]
    targets = [[place + 2] * int(n) for place, n in enumerate(random.integers(2, 12, 200))]
    batches = PairBatches(sources, targets, 60, pad=0, seed=1)
    epochs = []
    for epoch in range(2):
        seen = []
        for step in range(batches.per_epoch):
            source, target = batches(epoch * batches.per_epoch + step)
            assert source.shape[0] == target.shape[0]
            assert target.numel() <= 60
            assert source.numel() <= 120
            assert torch.equal(source[:, 0], target[:, 0])
            seen += source[:, 0].tolist()
        assert sorted(seen) == list(range(2, 202))
        epochs.append(seen)
    assert epochs[0] != epochs[1]
    again = PairBatches(sources, targets, 60, pad=0, seed=1)(3)
    assert all(torch.equal(*both) for both in zip(again, batches(3), strict=True))


def test_an_adapter_to_a_friend_stands_on_it(made, data, tmp_path):
    base, _ = made
    with pytest.raises(BadFile, match="train translation-general first"):
        training.run("translation-familiar", data=data, out=tmp_path / "none", base=tmp_path)
    out = tmp_path / "familiar"
    settings = {"epochs": 1, "batch": 300, "rank": 2}
    result = training.run("translation-familiar", data=data, out=out, base=base, settings=settings)
    assert result["done"] is True
    record = json.loads((out / "checkpoint.json").read_text())
    assert record["format"] == "lora-seq2seq-lm"
    assert record["base"]["sha256"] == sha256_of(base / "model.safetensors")
    assert {"familiar_sacrebleu", "familiar", "polite", "general_familiar", "general_polite"} <= record["metrics"][
        "test"
    ].keys()
    plain, _ = translator_familiar.base_model(base)
    adapted = lora.with_adapter(plain, out)
    assert sum(p.numel() for name, p in adapted.named_parameters() if "lora_" in name) == record["parameters"]


@pytest.mark.parametrize(
    ("text", "familiar", "polite"),
    [
        ("Tu viens ?", True, False),
        ("Je t’aime.", True, False),
        ("Va-t'en !", True, False),
        ("Y a-t-il du thé ?", False, False),
        ("Le tutu de Tom", False, False),
        ("Vous et ton frère", False, True),
        ("Où sont vos clés ?", False, True),
    ],
)
def test_whom_a_sentence_speaks_to(text, familiar, polite):
    assert (address.is_familiar(text), address.is_polite(text)) == (familiar, polite)


def test_settings_are_on_the_card(made):
    out, _ = made
    assert json.loads((out / "checkpoint.json").read_text())["settings"] == asdict(
        translator.TranslatorSettings(**TINY)
    )


def test_a_smaller_residual_stream_is_the_same_function():
    settings = translator.TranslatorSettings(**TINY, bfloat16=False)
    tokenizer = translator.learn_tokenizer(["A cat sees a dog."] * 9, settings)
    model = translator.new_model(settings, tokenizer, 0).eval()
    batch = torch.tensor([[5, 6, 7, 1], [8, 9, 1, 0]]), torch.tensor([[7, 8, 1, 0], [9, 5, 6, 1]])
    before = translator.loss(model, batch, settings)
    translator._streamed(model, model.config.d_model**-0.5)
    torch.testing.assert_close(translator.loss(model, batch, settings, 1.0), before, rtol=1e-3, atol=1e-4)
    translator._streamed(model, model.config.d_model**0.5)
    torch.testing.assert_close(translator.loss(model, batch, settings), before, rtol=1e-6, atol=1e-6)
