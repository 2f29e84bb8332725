"""Characters as tokens: what is known comes back, what is not is named and left out, and the file says its kind."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.scratch import tokenizer as tokenizers
from playground.scratch.characters import CharacterTokenizer
from playground.scratch.tokenizer import Tokenizer

KNOWN = "\n !',-.:;?ABabcdeé"


@pytest.fixture(scope="module")
def tokenizer():
    return CharacterTokenizer.train([KNOWN[:9], KNOWN[5:]])


def test_ids_are_places_in_the_order_of_unicode(tokenizer):
    assert tokenizer.characters == tuple(sorted(KNOWN))
    assert len(tokenizer) == len(KNOWN)
    assert tokenizer.encode("\n a") == [0, 1, KNOWN.index("a")]
    assert tokenizer.characters[tokenizer.start] == "\n"


@given(st.text(alphabet=KNOWN))
@settings(max_examples=50, deadline=None)
def test_known_text_comes_back(text):
    tokenizer = CharacterTokenizer(sorted(KNOWN))
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown(text) == ()


@pytest.mark.parametrize(
    ("text", "read", "unknown"),
    [
        ("dàb", "dab", ()),  # its own accent, where it has none
        ("dé", "dé", ()),  # but for a letter that has one
        ("“a”—b’c", "'a'-b'c", ()),
        ("a\r\nb\rc\td", "a\nb\nc d", ("\r",)),
        ("a🙂b🙂7", "ab", ("🙂", "7")),
        ("e\u0301", "e", ("\u0301",)),
        ("\ud800\0", "", ("\ud800", "\0")),
        ("مرحبا", "", tuple("مرحبا")),
        ("", "", ()),
    ],
)
def test_unknown_characters_are_named_and_left_out(tokenizer, text, read, unknown):
    assert tokenizer.decode(tokenizer.encode(text)) == read
    assert tokenizer.unknown(text) == unknown


@given(st.text(alphabet=st.characters(exclude_categories=[])))  # surrogates too
@settings(max_examples=200, deadline=None)
def test_spans_are_those_of_the_characters_that_were_read(text):
    tokenizer = CharacterTokenizer(sorted(KNOWN))
    ids, spans = tokenizer.encode_with_offsets(text)
    data = text.encode("utf-8", "surrogatepass")
    assert ids == tokenizer.encode(text)
    assert len(ids) == len(spans)
    assert all(a < b <= c for (a, b), (c, _) in pairwise([*spans, (len(data), 0)]))
    for id_, (start, end) in zip(ids, spans, strict=True):
        assert tokenizer.encode(data[start:end].decode("utf-8", "surrogatepass")) == [id_]


def test_a_text_of_100_kilobytes_is_read_at_once(tokenizer):
    import time

    text = "abc dé 🙂" * 12_000
    start = time.perf_counter()
    tokenizer.encode(text)
    assert time.perf_counter() - start < 1


def test_the_file_says_its_kind(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "tokenizer.json")
    assert tokenizers.load(tmp_path).characters == tokenizer.characters
    with pytest.raises(ValueError, match="not a tokenizer"):
        Tokenizer.load(tmp_path / "tokenizer.json")
    pieces = Tokenizer.train(["low lower lowest " * 3], 262)
    pieces.save(tmp_path / "tokenizer.json")
    found = tokenizers.load(tmp_path)
    assert isinstance(found, Tokenizer)
    assert found.merges == pieces.merges
    with pytest.raises(ValueError, match="not a tokenizer"):
        CharacterTokenizer.load(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text('{"format": "another"}')
    with pytest.raises(ValueError, match="not a tokenizer"):
        tokenizers.load(tmp_path)


@pytest.mark.parametrize("characters", [["a", "a"], ["ab"], [""]])
def test_a_token_is_one_character_and_no_two_are_the_same(characters):
    with pytest.raises(ValueError, match="each once"):
        CharacterTokenizer(characters)
