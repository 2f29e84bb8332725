"""The taggers that ship: through the runtime they say what plain transformers, peft and our own model say of the same words."""

import numpy as np
import pytest

from playground.catalog import Catalog
from playground.core import segment
from playground.core.bio import Scheme
from playground.core.calls import Tag
from playground.core.cancel import Cancel
from playground.core.events import Finished
from playground.core.streams import iterate
from playground.engine.runtime_local import LocalRuntime
from playground.settings import ROOT, Settings

CATALOG = Catalog.read(ROOT / "assets" / "catalog.toml")
BUNDLED = [row for row in CATALOG.checkpoints.values() if row.loader in ("lora-tagger", "scratch-tagger")]
TEXTS = (
    "Tove Brandt, who runs a clinic in Malmö, didn't give him ibuprofen for the headache.",
    "lol they can fish all day in Lake Vänern & never get tired :)",
)


def logits(ref, words):
    """[words, L] by the libraries alone."""
    import torch

    if ref.loader == "scratch-tagger":
        from pathlib import Path

        from playground.scratch.model import EncoderTagger, pad
        from playground.scratch.tokenizer import Tokenizer

        ids, places = Tokenizer.load(Path(ref.folder) / "tokenizer.json").for_tagger(words)
        with torch.inference_mode():
            return EncoderTagger.load(Path(ref.folder))(*pad([ids]), torch.tensor([places]))[0]
    import transformers
    from peft import PeftModel

    from playground.engine import stack

    stack.silence()
    tokenizer = transformers.AutoTokenizer.from_pretrained(ref.base.folder)
    plain = transformers.BertForTokenClassification.from_pretrained(ref.base.folder, num_labels=len(ref.labels))
    model = PeftModel.from_pretrained(plain, ref.folder).eval()
    inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    of = inputs.word_ids(0)
    if ref.capitals:
        marks = [word is not None and any(letter.isupper() for letter in words[word]) for word in of]
        inputs["token_type_ids"] = torch.tensor([marks]).long()
    with torch.inference_mode():
        return model(**inputs).logits[0, [of.index(word) for word in range(len(words))]]


@pytest.mark.parametrize("checkpoint", BUNDLED, ids=[row.id for row in BUNDLED])
def test_a_bundled_tagger_says_what_the_libraries_say(checkpoint):
    ref = CATALOG.ref(checkpoint)
    scheme = Scheme.read(checkpoint.labels, consistent=True)
    runtime = LocalRuntime(Settings(device="cpu", threads=1))
    spans = 0
    try:
        for text in TEXTS:
            (event,) = list(iterate(lambda emit, text=text: runtime.submit(Tag(ref, text=text), emit, Cancel(90))))[-1:]
            assert isinstance(event, Finished), event
            words = segment.words(text)
            found = logits(ref, [text[start:end] for start, end in words]).double().softmax(-1).numpy()
            expected = scheme.spans(text, words, np.asarray(found))
            spans += len(expected)
            assert event.output.labels == scheme.labels
            assert [(s.start, s.end, s.label) for s in event.output.spans] == [
                (s.start, s.end, s.label) for s in expected
            ]
            for one, other in zip(event.output.spans, expected, strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-4)
    finally:
        runtime.close()
    assert spans, "it finds nothing: take other texts"
