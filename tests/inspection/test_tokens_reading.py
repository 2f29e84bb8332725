"""Texts as tokenizers read them, against published vectors and vocabularies and against the libraries themselves."""

from pathlib import Path

import numpy as np
import pytest
import regex

from playground.core.errors import InputTooLong, LoadFailed, NotSupported
from playground.core.token_types import Family, Flag, Opener, TokenizerRef
from playground.inspection.tokens import LocalInspector
from tests.inspection.made_tokenizers import (
    CL100K,
    INSPECTOR,
    LETTERS,
    O200K,
    OURS,
    SHARED,
    STARTER,
    UNIGRAM,
    WORDPIECE,
    bert,
    gpt2,
    hub,
    needs_shared,
    ranks,
    saved,
)

GREETING = "hello123!!!? (안녕하세요!) 😉"
MIXED = "Here is some text, naïve café; नमस्ते दुनिया, مرحبا بالعالم, 你好世界 👩‍👩‍👧 \tdef f(x):\n    return x\r\n  ﬁne"


def read(ref, text, *, control=False, special=False):
    return INSPECTOR.read(ref, text, control=control, special=special)


def surfaces(reading):
    return [reading.bytes[start:end].decode("utf-8", "backslashreplace") for start, end in reading.spans]


def flagged(reading, flag):
    return [bool(one & flag) for one in reading.flags]


def test_cl100k_gives_the_published_ids_of_a_greeting():
    expected = [15339, 4513, 12340, 30, 320, 31495, 230, 75265, 243, 92245, 16715, 57037]
    reading = read(CL100K, GREETING)
    assert reading.ids.tolist() == expected
    assert (reading.family, reading.decoded, reading.normalized) == (Family.BYTE_BPE, None, None)
    # 안 and 하 are cut between their bytes
    assert [i for i, split in enumerate(flagged(reading, Flag.SPLIT)) if split] == [5, 6, 7, 8]
    assert reading.forms[230] == "\\x88"


@needs_shared
@pytest.mark.parametrize("ref", [CL100K, O200K], ids=lambda ref: ref.name)
def test_openais_tokens_are_those_of_the_published_ranks(ref):
    published = ranks(ref.name)
    reading = read(ref, MIXED)
    data, tokens = reading.bytes, {rank: token for token, rank in published.items()}
    assert [data[start:end] for start, end in reading.spans] == [tokens[i] for i in reading.ids.tolist()]
    # 0 to 9 and single letters are found whole, and a word of the vocabulary is one token
    assert read(ref, " hello").ids.tolist() == [published[b" hello"]]


@needs_shared
def test_gpt2_keeps_the_blank_before_a_question_mark(tmp_path):
    ref = saved(gpt2(), tmp_path)
    assert read(ref, " ?").ids.tolist() == [5633]
    assert read(ref, " ?").decoded is None
    reading = read(ref, MIXED)
    assert reading.ids.tolist() == gpt2().encode(MIXED).ids
    assert b"".join(reading.bytes[a:b] for a, b in reading.spans) == reading.bytes
    assert surfaces(read(ref, "of the")) == ["of", " the"]  # though the file says that offsets leave blanks out


@needs_shared
def test_bert_gives_the_published_ids(tmp_path):
    ref = saved(bert(), tmp_path)
    text = "Here is some text to encode"
    reading = read(ref, text, special=True)
    assert reading.ids.tolist() == [101, 2182, 2003, 2070, 3793, 2000, 4372, 16044, 102]
    assert flagged(reading, Flag.SPECIAL) == [True, *[False] * 7, True]
    assert surfaces(reading) == ["", "Here", "is", "some", "text", "to", "en", "code", ""]
    assert flagged(reading, Flag.CONTINUES)[6:8] == [False, True]
    assert (reading.forms[16044], reading.normalized, reading.vocabulary) == ("##code", text.lower(), 30522)


@pytest.mark.parametrize("ref", [WORDPIECE, STARTER], ids=lambda ref: ref.id)
def test_hub_ids_are_those_of_transformers(ref):
    from transformers import AutoTokenizer

    reference = AutoTokenizer.from_pretrained(ref.folder)
    for text in (MIXED, GREETING, "[CLS] and <|endoftext|>", "x" * 120):
        assert read(ref, text, control=True, special=True).ids.tolist() == reference(text)["input_ids"], text


@needs_shared
def test_t5_reads_blanks_with_the_words_after_them():
    reading = read(hub(SHARED / "t5"), "Hello world 中文", special=True)
    assert surfaces(reading)[:2] == ["Hello", " world"]
    assert flagged(reading, Flag.UNKNOWN)[-2]
    assert reading.forms[1] == "</s>"


@needs_shared
def test_a_typed_control_token_is_text_unless_it_is_asked_for(tmp_path):
    for ref, sign in ((hub(SHARED / "t5"), "</s>"), (saved(bert(), tmp_path), "[CLS]"), (O200K, "<|endoftext|>")):
        text = f"a {sign} b"
        plain, control = read(ref, text), read(ref, text, control=True)
        assert not any(flagged(plain, Flag.SPECIAL)), ref
        places = [i for i, special in enumerate(flagged(control, Flag.SPECIAL)) if special]
        assert [surfaces(control)[i].strip() for i in places] == [sign], ref
        assert control.forms[int(control.ids[places[0]])] == sign
        assert len(plain) > len(control)
        assert control.decoded is not None
        assert sign not in control.decoded


def test_an_unknown_word_is_no_control_token_and_a_typed_one_is():
    reading = read(WORDPIECE, "🦀 [UNK]", control=True)
    assert [int(flag) for flag in reading.flags] == [Flag.UNKNOWN, Flag.SPECIAL]
    assert surfaces(reading) == ["🦀", "[UNK]"]


def test_a_character_that_becomes_several_tokens_is_the_first_ones():
    reading = read(WORDPIECE, "각")  # taken apart into its letters
    assert surfaces(reading) == ["각", "", ""]
    assert flagged(reading, Flag.SHARED) == [False, True, True]


def test_a_syllable_in_parts_is_one_stretch():
    parts = "\u1112\u1161\u11ab\u1100\u1173\u11af"  # Hangul, decomposed; NFKC composes it
    reading = read(UNIGRAM, f"x {parts} y")
    whole = "".join(surfaces(reading)).replace(" ", "")
    assert whole == f"x{parts}y"


def test_a_blank_put_before_the_text_has_no_place():
    reading = read(UNIGRAM, "中文")
    assert surfaces(reading)[0] == ""
    assert flagged(reading, Flag.SHARED)[0]
    assert "".join(surfaces(reading)) == "中文"


def test_our_own_lowers_letters_and_says_so():
    reading = read(OURS, "Good ÉTÉ", special=True)
    assert reading.normalized == reading.decoded == "good été"
    assert surfaces(reading)[0] == ""
    assert "".join(surfaces(reading)) == "Good ÉTÉ"


def test_letters_that_are_no_token_are_left_out():
    reading = read(LETTERS, "a§b")
    assert surfaces(reading) == ["a", "b"]
    assert reading.decoded == "ab"


def test_characters_are_what_a_reader_sees():
    ref = TokenizerRef("characters", "characters", Opener.SPLIT, name="characters")
    for text in ("👩‍👩‍👧e\u0301", "a\r\nb\n\rc", "“plain”, né 日本 🦓\t\0", "각ᄀ", "🇳🇴🇸🇪"):
        assert surfaces(read(ref, text)) == regex.findall(r"\X", text)
        assert np.all(read(ref, text).ids == -1)


def test_what_cannot_be_opened_is_said_in_one_sentence(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "tokenizer.json").write_text('{"model": {"type": "BPE"}}')
    with pytest.raises(LoadFailed, match=r"^The tokenizer made cannot be opened: choose another one\.$"):
        read(hub(tmp_path / "broken"), "a")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tokenizer_config.json").write_text('{"tokenizer_class": "MadeUpTokenizer"}')
    with pytest.raises(NotSupported, match="has no fast tokenizer"):
        read(hub(tmp_path / "own"), "a")
    with pytest.raises(LoadFailed):
        read(TokenizerRef("x", "x", Opener.OPENAI, name="no_base"), "a")


def test_more_tokens_than_an_encoding_counts_to_is_an_error_in_one_sentence():
    with pytest.raises(InputTooLong, match="shorten it"):
        read(O200K, "𓀀" * 60_000)


def test_a_tokenizer_is_opened_once_and_a_failure_is_not_kept(tmp_path):
    inspector = LocalInspector()
    ref = hub(tmp_path)
    with pytest.raises((LoadFailed, NotSupported)):
        inspector.read(ref, "a")
    (tmp_path / "tokenizer.json").write_bytes((Path(UNIGRAM.folder) / "tokenizer.json").read_bytes())
    assert inspector.read(ref, "the").vocabulary == 8000
