"""What holds of every tokenizer and every text: where tokens lie, and that nothing is lost unsaid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from playground.core.errors import NotSupported
from playground.core.token_types import Family, Flag, Opener
from tests.inspection.made_tokenizers import BUNDLED, INSPECTOR, SHARED, WORDPIECE, hub

T5 = [hub(SHARED / "t5", "t5")] if SHARED.is_dir() else []
TRICKY = [
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "e\u0301\u0323",
    "\u1112\u1161\u11ab",
    "α\u1fbdβ",
    "ﬁ ½ ㎏ Ⅷ",
    "مرحبا",
    "שלום",
    "नमस्ते",
    "你好",
    "\x00",
    "\x1b[0m",
    "\ufeff",
    "\u00a0",
    "     ",
    "\t\t",
    "\r\n",
    "\n\n\n",
    "<|endoftext|>",
    "[CLS]",
    "[UNK]",
    "</s>",
    "<unk>",
    "<cls>",
    "▁",
    "Ġ",
    "İ",
    "ẞ",
    "𝔘𝔫𝔦",
    "\ufffd",
    "</script><img onerror>",
    "don't",
    "tokenization",
]
TEXTS = (
    st.lists(
        st.one_of(st.sampled_from(TRICKY), st.text(st.characters(exclude_categories=("Cs",)), max_size=8)),
        min_size=1,
        max_size=8,
    )
    .map("".join)
    .filter(bool)
)
EVERY = pytest.mark.parametrize("ref", [*BUNDLED, *T5], ids=lambda ref: ref.id)


@EVERY
@settings(max_examples=25)
@given(text=TEXTS, control=st.booleans(), special=st.booleans())
def test_tokens_lie_in_the_text_one_after_the_other(ref, text, control, special):
    reading = INSPECTOR.read(ref, text, control=control, special=special)
    data, spans = reading.bytes, reading.spans
    assert reading.text == text
    assert spans.shape == (len(reading), 2)
    assert len(reading.flags) == len(reading)
    assert np.all(spans[:, 0] <= spans[:, 1])
    assert np.all(spans[:-1, 1] <= spans[1:, 0])
    assert not len(spans) or (spans[0, 0] >= 0 and spans[-1, 1] <= len(data))
    shared = (reading.flags & np.uint8(Flag.SHARED)) != 0
    assert np.all(spans[shared, 0] == spans[shared, 1])
    outer = (reading.flags & np.uint8(Flag.SPECIAL)) != 0
    if not control:
        assert np.all(spans[outer, 0] == spans[outer, 1])
    assert np.all((spans[:, 1] > spans[:, 0]) | shared | outer), "an empty span has its reason"
    for place, (start, end) in enumerate(spans.tolist()):
        cut = any(data[at : at + 1] and 0x80 <= data[at] < 0xC0 for at in (start, end) if end > start)
        assert bool(reading.flags[place] & Flag.SPLIT) >= (cut and not outer[place])
    if reading.ref.opener is not Opener.SPLIT:
        assert set(reading.ids.tolist()) == set(reading.forms)
        lossless = reading.decoded is None
        left_out = len(data) - int((spans[:, 1] - spans[:, 0]).sum())
        if reading.family is Family.BYTE_BPE and reading.normalized is None:
            assert left_out == 0
            assert lossless or (control and outer.any())
        if lossless and reading.family is Family.CHARACTERS:
            assert left_out == 0
    if reading.family is Family.CHARACTERS and reading.ref.opener is Opener.SPLIT:
        assert int((spans[:, 1] - spans[:, 0]).sum()) == len(data)


@pytest.mark.parametrize("ref", [ref for ref in (*BUNDLED, *T5) if ref.opener is Opener.HUB], ids=lambda ref: ref.id)
@settings(max_examples=25)
@given(text=TEXTS)
def test_hub_ids_are_those_of_the_library(ref, text):
    reference = _reference(ref.folder)
    reading = INSPECTOR.read(ref, text, control=True, special=True)
    assert reading.ids.tolist() == reference.encode(text).ids


_OPEN: dict[str, Tokenizer] = {}


def _reference(folder):
    if folder not in _OPEN:
        _OPEN[folder] = Tokenizer.from_file(f"{folder}/tokenizer.json")
        _OPEN[folder].no_padding()
        _OPEN[folder].no_truncation()
    return _OPEN[folder]


@pytest.mark.parametrize(
    "ref", [ref for ref in (*BUNDLED, *T5) if ref.opener is not Opener.SPLIT], ids=lambda ref: ref.id
)
@settings(max_examples=25)
@given(text=TEXTS, control=st.booleans(), data=st.data())
def test_a_derivation_ends_with_the_tokens_that_are_there(ref, text, control, data):
    reading = INSPECTOR.read(ref, text, control=control, special=True)
    if not len(reading):
        return
    token = data.draw(st.integers(0, len(reading) - 1))
    if reading.flags[token] & Flag.SPECIAL or reading.family is Family.CHARACTERS:
        with pytest.raises(NotSupported):
            INSPECTOR.explain(ref, text, token, control=control, special=True)
        return
    found = INSPECTOR.explain(ref, text, token, control=control, special=True)
    last = found.steps[-1].parts
    assert last[found.token].id == int(reading.ids[token])
    first = token - found.token
    assert [part.id for part in last] == reading.ids[first : first + len(last)].tolist()
    assert found.piece[0] <= reading.spans[token, 0] <= reading.spans[token, 1] <= found.piece[1]
    for step in found.steps:
        assert all(left.end == right.start for left, right in zip(step.parts, step.parts[1:], strict=False))
        assert all(0 <= place < len(step.parts) for place in step.chosen)


def test_the_reasons_are_not_vacuous():
    """The texts above do hold what the rules are about."""
    texts = " ".join([*TRICKY, "각"])
    reading = INSPECTOR.read(WORDPIECE, texts, control=True)
    for flag in (Flag.SPECIAL, Flag.UNKNOWN, Flag.CONTINUES, Flag.SHARED):
        assert any(reading.flags & np.uint8(flag)), flag
