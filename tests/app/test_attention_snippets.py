"""The attention page's code is run as its reader would run it, and makes the weights that are shown: of a model of every kind that
is bundled, and of those kinds that come from the hub small ones that are made here.
"""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from playground.core.attention_types import PartName
from playground.service.attention import Order
from playground.service.attention_snippets import KINDS
from playground.settings import ROOT
from tests.app import made

QUOTED = 'Ann said: "it\'s \\great\\", {braces} <b>Zoe\u0308</b> 👩‍🔬 at St. Ives.'
LONG = "Bob and Carla met Dr. Lee of St. Ives in New York, and again in Rome, or was it Paris? " * 12
BUNDLED = {
    "encoder": ("sentence-transformers/all-MiniLM-L6-v2", QUOTED),
    "lora-classifier": ("bundled/sentiment-general", QUOTED),
    "lora-encoder": ("bundled/zero-shot", LONG),
    "lora-tagger": ("bundled/ner-general", QUOTED),
    "lora-picker": ("bundled/summarization-scitldr", "We met. Then we left! " + LONG),
    "lora-reader": ("bundled/qa-general", f"Who met Dr. Lee?\n{LONG}"),
    "lora-masked": ("bundled/fill-mask-general", f"{LONG} The [MASK] is here. {LONG}"),
    "pipeline-decoder": ("bundled/generation-general", QUOTED),
    "lora-decoder": ("bundled/generation-shakespeare", QUOTED),
    "pipeline-seq2seq": ("bundled/translation-general", "It's a good day, isn't it?"),
    "lora-seq2seq": ("bundled/translation-familiar", "Where are you?"),
    "scratch-classifier": ("bundled/sentiment-scratch", LONG),
    "scratch-encoder": ("bundled/zero-shot-scratch", QUOTED),
    "scratch-tagger": ("bundled/ner-scratch", LONG),
    "scratch-reader": ("bundled/qa-scratch", f"Who?\n{QUOTED}"),
    "scratch-masked": ("bundled/fill-mask-scratch", f"{LONG} The [MASK] is here. {LONG}"),
    "scratch-decoder": ("bundled/generation-scratch", QUOTED),
    "scratch-seq2seq": ("bundled/translation-scratch", "I “saw” it – once."),
}
HUB = {
    "pipeline-classifier": ("test/classes", "sentiment", "BertForSequenceClassification", "ann met bob. " * 9),
    "pipeline-tagger": ("test/words", "ner", "BertForTokenClassification", "ann met bob. " * 9),
    "pipeline-reader": ("test/spans", "qa", "BertForQuestionAnswering", "who?\n" + "ann met bob. " * 9),
    "pipeline-masked": ("test/gaps", "fill-mask", "BertForMaskedLM", "ann met [MASK]. " * 9),
    "pipeline-nli": ("test/claims", "zero-shot", "BertForSequenceClassification", "ann met bob.\nshe did."),
}
KEYS = {PartName.ENCODER: "attention", PartName.DECODER: "decoder_attention", PartName.CROSS: "cross_attention"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    import transformers

    home = tmp_path_factory.mktemp("playground")
    rows = [made.row(name, loader, task, "pretrained", hub=True) for loader, (name, task, _, _) in HUB.items()]
    made.home_with(home, "".join(rows))
    for loader, (name, _, kind, _) in HUB.items():
        labels = {0: "contradiction", 1: "entailment"} if loader == "pipeline-nli" else {0: "O", 1: "B-PER"}
        made.bert_in_cache(home, name, getattr(transformers, kind), 64, labels)
    return home


def test_there_is_one_for_every_loader():
    from playground.engine.loaders import build_loaders

    assert set(KINDS) == set(build_loaders().names()) == {*BUNDLED, *HUB}


@pytest.mark.parametrize("loader", KINDS)
def test_it_makes_the_weights_that_are_shown(service, warm, home, loader, tmp_path):
    model, text = BUNDLED[loader] if loader in BUNDLED else (HUB[loader][0], HUB[loader][3])
    looked = asyncio.run(service.attention.look(Order(model, text), "code"))
    last = looked.map.parts[-1].part
    code = service.attention.code(looked.order, last.name, last.layers - 1, 0)
    folder = Path(service.catalog.get(model).folder or "")
    bundled = [one for one in (ROOT / "assets" / "checkpoints").iterdir() if f"'assets/{one.name}'" in code]
    for one in bundled:  # absolute in this catalog; in the one beside the playground, relative
        code = code.replace(f"'assets/{one.name}'", repr(str(one)))
    assert str(home) not in code
    assert loader.startswith("pipeline") or loader == "encoder" or folder in bundled
    names = [KEYS[one.part.name] for one in looked.map.parts] if len(looked.map.parts) > 1 else ["attention"]
    saved = tmp_path / "found.npz"
    kept = ", ".join(f"{name}={name}.numpy()" for name in names)
    found = warm(f"{code}\nimport numpy\nnumpy.savez({str(saved)!r}, {kept})\n", home, tmp_path)
    assert found.returncode == 0, found.stderr
    with np.load(saved) as arrays:
        for name, one in zip(names, looked.map.parts, strict=True):
            assert one.whole
            np.testing.assert_allclose(arrays[name], one.stack(), atol=1e-5)
            assert f"{name} {one.stack().shape}" in found.stdout
