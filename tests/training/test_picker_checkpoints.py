"""The bundled picker of sentences: whole, as its card says, and the same through the runtime as in training."""

import pytest

from playground.bundled import ENCODER_ID, ENCODER_SHA256, encoder_folder
from playground.catalog import Catalog
from playground.core.sentences import split
from playground.core.types import ModelRef
from playground.evaluation.text_metrics import ROUGE
from playground.settings import ROOT
from playground.tasks.summarization import TASK

from .committed import (
    CHECKPOINTS,
    adapter_config,
    assert_adapts_the_bundled_encoder,
    assert_card_is_whole,
    assert_files_are_whole,
    card,
    record,
)

ROWS = {
    row.id.removeprefix("bundled/"): row
    for row in Catalog.read(ROOT / "assets" / "catalog.toml").checkpoints.values()
    if row.loader == "lora-picker"
}
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.mark.parametrize("name", ROWS)
def test_files_row_and_record_say_the_same(name):
    assert_files_are_whole(name, 2_500_000)
    assert_adapts_the_bundled_encoder(name)
    assert adapter_config(name)["modules_to_save"] == ["classifier"]
    assert (record(name)["max_length"], record(name)["parameters"]) == (ROWS[name].max_length, ROWS[name].parameters)


@pytest.mark.parametrize("name", ROWS)
def test_the_card_is_whole_and_says_what_must_be_beaten(name):
    assert_card_is_whole(name)
    (figures,) = record(name)["metrics"].values()
    assert f"| {figures['rougeL']:,} |" in card(name)
    assert figures["rougeL"] >= figures["encoder_rougeL"]
    for metric in ROUGE:
        assert figures[f"lead_{metric}"] < figures[metric] < figures[f"{metric}_limit"]
    assert figures["intervals_95"]["rougeL"][0] > figures["lead_rougeL"]


@pytest.mark.parametrize("name", ROWS)
def test_the_runtime_says_what_the_recipe_measured(name):
    from playground.core.calls import Pick
    from playground.core.cancel import Cancel
    from playground.core.events import Finished
    from playground.core.streams import iterate
    from playground.engine.runtime_local import LocalRuntime
    from playground.settings import Settings
    from playground.training.pickers import PickerSettings, saved

    texts = [example.text for example in TASK.examples]
    texts.append(" ".join(texts) * 2)  # longer than a window
    said = saved(CHECKPOINTS / name, None, PickerSettings())(texts)
    encoder = ModelRef(ENCODER_ID, "encoder", str(encoder_folder()), digests=(("model.safetensors", ENCODER_SHA256),))
    row = ROWS[name]
    ref = ModelRef(row.id, row.loader, str(CHECKPOINTS / name), base=encoder, max_length=row.max_length)
    runtime = LocalRuntime(Settings(device="cpu", threads=1, fast_cpu=False))
    try:
        for text, wanted in zip(texts, said, strict=True):
            call = Pick(ref, text=text, most=1)
            done = list(iterate(lambda emit, call=call: runtime.submit(call, emit, Cancel(100))))[-1]
            assert isinstance(done, Finished), done
            assert done.output.text == wanted
            assert wanted in split(text)
    finally:
        runtime.close()
