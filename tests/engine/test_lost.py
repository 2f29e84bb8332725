"""A model whose numbers overflow in a text says so: no picture is drawn of NaN."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from playground.core.attention_types import Cut, Head, PartName
from playground.core.calls import Ablate, AblateEach, Attend, LookThrough, Repeat
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported
from playground.core.events import Failed
from playground.core.streams import iterate
from playground.engine.runtime_local import LocalRuntime
from playground.settings import Settings

INFINITE = "blocks.0.attention.output.weight"  # so the second layer reads what is no number
DECODER = PartName.DECODER


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1, cache_budget_mb=64))
    yield runtime
    runtime.close()


@pytest.fixture(scope="module")
def lost(looked, tmp_path_factory):
    """A decoder of ours, one weight of which is infinite."""
    ref = looked.cases["scratch-decoder"].ref
    folder = tmp_path_factory.mktemp("lost") / "model"
    shutil.copytree(ref.folder, folder)
    file = Path(folder) / "model.safetensors"
    tensors = load_file(file)
    tensors[INFINITE][0, :] = float("inf")
    save_file(tensors, file)
    return replace(ref, id="tiny/lost", folder=str(folder), digests=())


@pytest.mark.parametrize(
    "call",
    [
        Attend,
        LookThrough,
        Repeat,
        lambda ref, **text: Ablate(ref, cut=Cut((Head(DECODER, 0, 0),)), **text),
        lambda ref, **text: AblateEach(ref, part=DECODER, **text),
    ],
    ids=["attend", "look through", "repeat", "ablate", "ablate each"],
)
def test_a_model_that_gets_lost_in_a_text_says_so(runtime, lost, call):
    text = {} if call is Repeat else {"text": "a good film"}
    found = list(iterate(lambda emit: runtime.submit(call(lost, **text), emit, Cancel(60))))[-1]
    assert isinstance(found, Failed), found
    assert isinstance(found.error, NotSupported)
    assert "gets lost in this text" in str(found.error)
