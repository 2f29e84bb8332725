"""Every checkpoint of the catalog that is on this machine can be looked into."""

import numpy as np
import pytest

from playground.catalog import Catalog
from playground.core.attention_types import Cut, Head
from playground.core.calls import Ablate, Attend, LookThrough
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
HERE = [row for row in CATALOG.checkpoints.values() if CATALOG.here(row)]
TEXT = (
    "Who mended the [MASK]?\nTove Brandt mended the old radio in Malmö. It took her a week. The radio 🙂 plays again."
)
TARGET = "Tove Brandt a réparé la vieille radio."


@pytest.fixture(scope="module")
def runtime():
    runtime = LocalRuntime(Settings(device="cpu", threads=1))
    yield runtime
    runtime.close()


def test_there_is_something_to_look_into():
    assert len({row.loader for row in HERE}) >= 15


@pytest.mark.parametrize("row", HERE, ids=[row.id for row in HERE])
def test_it_can_be_looked_into(runtime, row):
    def answer(call):
        last = list(iterate(lambda emit: runtime.submit(call, emit, Cancel(60))))[-1]
        assert isinstance(last, Finished), last
        return last.output

    ref = CATALOG.ref(row)
    given = {"text": TEXT, "target": TARGET}
    found = answer(Attend(ref, **given))
    for part in found.parts:
        shape = tuple(len(found.sides[side]) for side in (part.part.queries, part.part.keys))
        weights = part.stack()
        assert weights.shape == (part.part.layers, part.part.heads, *shape)
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-4)
        head = Head(part.part.name, part.part.layers - 1, 0)
        shown = answer(Ablate(ref, cut=Cut((head,)), **given))
        assert 0 < shown.effect <= 1
        assert all(0 <= one.after <= 1.000001 for place in shown.places for one in place.options)
    lens = answer(LookThrough(ref, **given))
    cut = len(found.sides[0]) > len(lens.places) and found.parts[0].part.name == "decoder"
    assert lens.note == ("Only what comes after the last 64 tokens is shown." if cut else "")
    assert len(lens.layers) == 1 + (found.part("decoder") or found.parts[0]).part.layers
    assert all(len(layer) == len(lens.places) for layer in lens.layers)
    before = answer(Ablate(ref, **given))
    for place, said in zip(before.places, lens.layers[-1][-len(before.places) :], strict=True):
        likeliest = max(place.options, key=lambda option: option.before)
        assert said.final == pytest.approx(likeliest.before, abs=1e-4)
