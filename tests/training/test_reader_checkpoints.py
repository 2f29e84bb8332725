"""The bundled readers: whole, as their cards say, and the same through the runtime as in training."""

import json
import random
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from playground.bundled import ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256, encoder_folder, sha256_of
from playground.core import squad
from playground.core.types import ModelRef
from playground.settings import ROOT
from playground.training import questions

CHECKPOINTS = ROOT / "assets" / "checkpoints"
DATA = next((path / "shared" / "data" for path in ROOT.parents if (path / "shared" / "data" / "qa").is_dir()), None)
ROWS = {
    row["id"].removeprefix("bundled/"): row
    for row in tomllib.loads((ROOT / "assets" / "catalog.toml").read_text(encoding="utf-8"))["checkpoint"]
    if row["id"].startswith("bundled/qa-")
}
SAMPLE = 150
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def record(name):
    return json.loads((CHECKPOINTS / name / "checkpoint.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ROWS)
def test_files_row_and_record_say_the_same(name):
    folder, found, row = CHECKPOINTS / name, record(name), ROWS[name]
    assert found["files"] == row["digests"] == {file: sha256_of(folder / file) for file in found["files"]}
    for key in ("max_length", "no_answer", "parameters"):
        assert found[key] == row[key], key
    assert {path.name for path in folder.iterdir()} == {
        *found["files"],
        "checkpoint.json",
        "README.md",
        "loss.json",
        "loss.svg",
    }
    assert sum(path.stat().st_size for path in folder.iterdir()) <= (10_000_000 if "config" in found else 2_500_000)
    if "base" in found:
        base = found["base"]
        assert (base["id"], base["revision"], base["sha256"]) == (ENCODER_ID, ENCODER_REVISION, ENCODER_SHA256)
        config = json.loads((folder / "adapter_config.json").read_text())
        assert (config["base_model_name_or_path"], config["modules_to_save"]) == (ENCODER_ID, ["qa_outputs"])
        assert config["r"] <= 16


@pytest.mark.parametrize("name", ROWS)
def test_cards_are_whole_and_say_what_must_be_beaten(name):
    card, found = (CHECKPOINTS / name / "README.md").read_text(encoding="utf-8"), record(name)
    for part in (
        "## Data",
        "## Figures",
        "## How it was made",
        "## Limits",
        "CC BY-SA 4.0",
        "loss.svg",
        f"train {name}",
    ):
        assert part in card, part
    assert "Departures" not in card
    figures = found["metrics"]["test"]
    assert f"| {figures['answer_f1']:,} |" in card
    assert f"| {figures['phrase_f1']:,} |" in card
    if name != "qa-scratch":  # which is reported beside it
        assert figures["answer_f1"] > 2 * figures["phrase_f1"]
    if "qa_general_answer_f1" in figures:
        assert figures["answer_f1"] > figures["qa_general_answer_f1"]
    for place in (ROOT, Path.home(), tempfile.gettempdir()):
        assert str(place) not in card + json.dumps(found)


def ref_of(name):
    row = ROWS[name]
    encoder = ModelRef(ENCODER_ID, "encoder", str(encoder_folder()), digests=(("model.safetensors", ENCODER_SHA256),))
    return ModelRef(
        row["id"],
        row["loader"],
        str(CHECKPOINTS / name),
        base=encoder if "base" in row else None,
        max_length=row["max_length"],
        no_answer=row["no_answer"],
    )


@pytest.fixture(scope="module")
def runtime():
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings

    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    yield runtime
    runtime.close()


def answered(runtime, name, question, context):
    from playground.core.calls import Extract
    from playground.core.cancel import Cancel
    from playground.core.events import Finished
    from playground.core.streams import iterate

    call = Extract(ref_of(name), question=question, context=context)
    found = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(100))))[-1]
    assert isinstance(found, Finished), found
    return found.output


@pytest.mark.parametrize("name", ROWS)
def test_the_runtime_says_what_the_recipe_measured(runtime, name):
    """On the knowledge base's test articles, of which some are longer than a window."""
    from playground.training import lora_reader, reader_from_scratch, readers

    asked = list(questions.knowledge_base().held["test"][::9])
    if "config" in record(name):
        from playground.scratch.model import EncoderReader
        from playground.scratch.tokenizer import Tokenizer

        model, tokenizer = EncoderReader.load(CHECKPOINTS / name), Tokenizer.load(CHECKPOINTS / name / "tokenizer.json")
        said = reader_from_scratch.said(model, tokenizer, asked)
    else:
        settings = replace(lora_reader.ReaderSettings(), max_length=record(name)["max_length"])
        said = readers.saved(CHECKPOINTS / name, None, settings)(asked)
    for question, expected in zip(asked, said, strict=True):
        found = answered(runtime, name, question.question, question.context)
        # Our tokenizer has tokens of blanks alone, which begin and end no answer here: a few spans less to compare.
        assert found.no_answer == pytest.approx(expected.none, abs=5e-3 if "config" in record(name) else 1e-3)
        best = found.answer or found.others[0].answer
        assert best.startswith(expected.answer)


@pytest.mark.parametrize("name", [name for name in ROWS if name != "qa-scratch"])
def test_a_long_context_is_answered_to_its_last_paragraph(runtime, name):
    filler = "The tower stands by the river. Nobody lives there, and its windows are dark. "
    context = filler * 120 + "\n\nThe ferry to the island leaves at 7:45 from pier nine."
    found = answered(runtime, name, "When does the ferry to the island leave?", context)
    assert "7:45" in found.answer
    assert context[found.start : found.end] == found.answer


@pytest.mark.skipif(DATA is None, reason="the shared data is not beside this checkout")
@pytest.mark.parametrize("name", [name for name in ROWS if name == "qa-general"])
def test_on_a_sample_of_held_out_questions_it_reaches_its_figure(name):
    from playground.training import lora_reader, readers

    held = questions.squad(DATA).held["test"]
    sample = [held[i] for i in sorted(random.Random(7).sample(range(len(held)), SAMPLE))]
    read = readers.saved(CHECKPOINTS / name, None, lora_reader.ReaderSettings())
    limit = record(name)["no_answer"]
    scores = [squad.f1(s.at(limit), q.answers) for q, s in zip(sample, read(sample), strict=True)]
    mean = sum(scores) / SAMPLE
    spread = (sum((score - mean) ** 2 for score in scores) / SAMPLE / SAMPLE) ** 0.5
    assert mean > record(name)["metrics"]["test"]["answer_f1"] - 3 * spread
