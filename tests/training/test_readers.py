"""The readers' recipes on made-up data: they run, resume, write what anybody can load, and start from one another."""

import json
from dataclasses import replace

import pytest
import torch

from playground import training
from playground.bundled import sha256_of
from playground.training import lora_reader, low_rank, quick_attention, readers, saved_adapters
from playground.training.precision import bfloat16_here, halve_what_stays, mixed
from playground.training.questions import DATASETS, Question
from playground.training.span_loss import span_loss, token_span

LORA = {"epochs": 1, "batch": 512, "max_length": 64, "trained_length": 64, "rank": 4, "kept_rank": 2, "bfloat16": False}
SCRATCH = {"vocabulary": 300, "dim": 16, "layers": 1, "heads": 2, "hidden": 32, "max_length": 64, "trained_length": 64}
SCRATCH |= {"epochs": 1, "batch": 512, "bfloat16": False}
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "qa").mkdir()
    for part, numbers in (("train", range(2, 60)), ("dev_half", range(100, 104))):
        articles = []
        for number in numbers:
            context = f"House {number} has {number} doors. It was painted in {1900 + number}."
            rows = [("How many doors?", str(number)), ("When was it painted?", str(1900 + number))]
            qas = [{"question": q, "answers": [{"text": a, "answer_start": 0, "n_occurrences": 1}]} for q, a in rows]
            articles.append({"title": f"House {number}", "paragraphs": [{"context": context, "qas": qas}]})
        (root / "qa" / f"squad_v1.1_{part}.json").write_text(json.dumps({"data": articles}))
    return root


@pytest.mark.parametrize("name", ["qa-general", "qa-scratch"])
def test_a_recipe_runs_and_a_resumed_one_gives_the_same_files(name, folder, tiny_base, tmp_path):
    given = {"data": folder, "seed": 3}
    given |= {"settings": SCRATCH} if name == "qa-scratch" else {"settings": LORA, "base": tiny_base}
    whole = training.run(name, out=tmp_path / "whole", **given)
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
    assert (record["name"], record["task"], record["labels"]) == (name, "qa", [])
    assert record["format"] == ("scratch-encoder-reader" if name == "qa-scratch" else "lora-reader")
    assert 0.5 <= record["no_answer"] <= 1
    assert {f: sha256_of(tmp_path / "whole" / f) for f in record["files"]} == record["files"]
    card = (tmp_path / "whole" / "README.md").read_text()
    assert f"| {record['metrics']['test']['phrase_f1']:,} |" in card
    assert "CC BY-SA 4.0" in card
    assert "“No answer” is said from a probability" in card


def test_an_adapter_goes_on_from_another_with_its_head(folder, tiny_base, tmp_path, monkeypatch):
    training.run("qa-general", data=folder, out=tmp_path / "first", settings=LORA, base=tiny_base)
    settings = replace(lora_reader.ReaderSettings(), **LORA)
    plain, _ = lora_reader.base_reader(tiny_base)
    model = lora_reader.new_adapter(plain, settings)
    saved_adapters.start_from(model, tmp_path / "first")
    saved_adapters.save(model, tmp_path / "again", 2)
    first, again = (readers.saved(tmp_path / name, tiny_base, settings) for name in ("first", "again"))
    rows = [Question("How many doors?", "House 7 has 7 doors.", ("7",), 6, 7, "x")]
    for one, other in zip(first(rows), again(rows), strict=True):
        assert one.answer == other.answer
        assert one.none == pytest.approx(other.none, abs=2e-3)
    config = json.loads((tmp_path / "first" / "adapter_config.json").read_text())
    assert (config["modules_to_save"], config["task_type"], config["r"]) == (["qa_outputs"], "QUESTION_ANS", 2)


def test_the_finetuned_one_reads_the_knowledge_base_alone(tiny_base, tmp_path):
    assert (DATASETS / "knowledge-base").is_dir()
    found = training.run(
        "qa-knowledge-base", out=tmp_path, settings=LORA | {"trained_length": 400, "epochs": 0.05}, base=tiny_base
    )
    assert found["metrics"]["test"]["n"] == 80


def test_the_loss_by_hand():
    logits = torch.tensor([[[1.0, 0.0], [9.0, 9.0], [2.0, 0.0], [0.0, 3.0]]])
    spans = torch.tensor([[True, False, True, True]])
    found = span_loss(logits, spans, torch.tensor([2]), torch.tensor([3]))
    starts, ends = torch.tensor([1.0, 2.0, 0.0]).log_softmax(0), torch.tensor([0.0, 0.0, 3.0]).log_softmax(0)
    assert found.item() == pytest.approx(-(starts[1] + ends[2]).item() / 2, abs=1e-6)


def test_tokens_that_hold_an_answer():
    offsets = [(0, 3), (4, 7), (7, 9)]
    assert token_span(offsets, 4, 9) == (1, 2)
    assert token_span(offsets, 5, 6) == (1, 1)
    assert token_span(offsets, 3, 4) is None
    assert token_span([], 0, 1) is None


def test_quick_attention_says_what_the_usual_one_says(tiny_base):
    ids, mask = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    model, _ = lora_reader.base_reader(tiny_base)
    model.eval()
    with torch.inference_mode():
        usual = model(input_ids=ids, attention_mask=mask).start_logits
        quick_attention.use(model)
        quick = model(input_ids=ids, attention_mask=mask).start_logits
    torch.testing.assert_close(quick[0], usual[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(quick[1, :2], usual[1, :2], atol=1e-5, rtol=1e-4)


@pytest.mark.skipif(not bfloat16_here(), reason="this processor has no bfloat16")
def test_a_step_in_bfloat16_is_nearly_one_in_float32(tiny_base):
    grads = []
    for wanted in (False, True):
        torch.manual_seed(1)
        plain, _ = lora_reader.base_reader(tiny_base)
        if wanted:
            halve_what_stays(plain)
        model = lora_reader.new_adapter(plain, lora_reader.ReaderSettings(rank=4)).eval()
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        with low_rank.added_to_weights(model), mixed(wanted):
            found = model(input_ids=torch.tensor([[5, 6, 7, 8]]))
        (found.start_logits.float().square().sum() + found.end_logits.float().square().sum()).backward()
        grads.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    assert all(grad.dtype == torch.float32 for grad in grads[1].values())
    cosines = [
        torch.nn.functional.cosine_similarity(grads[0][name].flatten(), grads[1][name].flatten(), dim=0)
        for name in grads[0]
    ]
    assert min(cosines) > 0.9
