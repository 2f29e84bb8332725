"""Words to pieces, as transformers' own `is_split_into_words=True` does, for WordPiece, byte-level BPE and our own tokenizer."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.core import segment
from playground.core.errors import NotSupported
from playground.engine.models._words import MOST_PIECES, HubReader
from playground.engine.models.scratch_tagger import ScratchReader

from .taggers import TEXTS

ODD = "naïve Ünïcode 日本語 don't 🙂🙃 e\u0301 x\u200dy 7.5 https://a.org/b ... \u2019"


def tokenizer_of(ref):
    import transformers

    prefix = {"add_prefix_space": True} if "roberta" in ref.id else {}  # as transformers' own examples do
    return transformers.AutoTokenizer.from_pretrained(ref.folder, **prefix)


@pytest.fixture(scope="module")
def hub(taggers):
    """Readers by name, over tokenizers as they are loaded, and beside each the one that transformers would use."""
    import transformers

    return {
        name: (HubReader(transformers.AutoTokenizer.from_pretrained(ref.folder), 64, ref), tokenizer_of(ref))
        for name, ref in (("bert", taggers.bert), ("roberta", taggers.roberta))
    }


@pytest.fixture(scope="module")
def scratch(taggers):
    from pathlib import Path

    from playground.scratch.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(Path(taggers.scratch.folder) / "tokenizer.json")
    return ScratchReader(tokenizer, 40), tokenizer


def words_of(text):
    return [text[start:end] for start, end in segment.words(text)]


@pytest.mark.parametrize("name", ["bert", "roberta"])
@pytest.mark.parametrize("text", [*TEXTS, ODD, "", "a"])
def test_a_window_is_what_transformers_makes_of_the_words(hub, name, text):
    reader, tokenizer = hub[name]
    words = words_of(text)
    expected = tokenizer(words, is_split_into_words=True)
    (line,) = reader.split([words])
    window = reader.window(line, words)
    assert {key: list(value) for key, value in window.inputs.items()} == dict(expected)
    firsts: dict[int, int] = {}
    for place, word in enumerate(expected.word_ids(0)):
        if word is not None:
            firsts.setdefault(word, place)
    assert [start for start, _ in window.words] == [firsts[word] for word in range(len(words))]
    assert window.tokens - reader.room(64) == len(expected["input_ids"]) - 62  # two special ones


def test_capitals_are_marked_where_the_checkpoint_was_trained_so(taggers):
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(taggers.bert.folder)
    words = words_of(f"{TEXTS[0]} iPhone Ελλάδα 東京 ok")
    plain, marked = (
        HubReader(tokenizer, 64, replace(taggers.bert, capitals=capitals)).window(
            HubReader(tokenizer, 64, taggers.bert).split([words])[0], words
        )
        for capitals in (False, True)
    )
    types = marked.inputs["token_type_ids"]
    assert {**marked.inputs, "token_type_ids": plain.inputs["token_type_ids"]} == plain.inputs
    assert not any(plain.inputs["token_type_ids"])
    assert (types[0], types[-1]) == (0, 0)
    for word, (start, end) in zip(words, marked.words, strict=True):
        assert set(types[start:end]) == {int(any(letter.isupper() for letter in word))}
    assert 0 < sum(types) < len(types) - 2
    with pytest.raises(NotSupported, match="token types"):
        HubReader(
            transformers.AutoTokenizer.from_pretrained(taggers.roberta.folder),
            64,
            replace(taggers.roberta, capitals=True),
        )


def test_word_pieces_are_really_cut(hub):
    for name in ("bert", "roberta"):
        (line,) = hub[name][0].split([words_of(TEXTS[0])])
        assert max(map(len, line)) > 2
        assert len({piece for word in line for piece in word}) > 10, "everything is unknown: the test shows nothing"


def test_our_own_reads_as_it_was_trained(scratch):
    reader, tokenizer = scratch
    for text in [*TEXTS, ODD, "x" * 100]:
        words = words_of(text)
        ids, places = tokenizer.for_tagger(words)
        window = reader.window(reader.split([words])[0], words)
        assert window.inputs["input_ids"] == ids
        assert [word for word, (start, end) in enumerate(window.words) for _ in range(start, end)] == places[1:]


def test_long_words_are_cut_and_take_no_time(hub, scratch):
    for reader in (hub["bert"][0], hub["roberta"][0], scratch[0]):
        for word in (
            "a" * 100,
            "ab" * 50_000,
            "\u0301" * 100_000,
            "🙂" * 50_000,
            "\ud800" * 9 if reader is scratch[0] else "z" * 99,
        ):
            ((pieces,),) = reader.split([[word]])
            assert 1 <= len(pieces) <= MOST_PIECES


def test_what_a_tokenizer_drops_is_unknown_and_keeps_its_place(hub):
    reader, tokenizer = hub["bert"]
    ((a, dropped, b),) = reader.split([["a", "\ufffd", "b"]])
    assert dropped == (tokenizer.unk_token_id,)
    assert a != b


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_shown_stands_in_the_text(hub, scratch, text):
    for reader in (hub["bert"][0], hub["roberta"][0], scratch[0]):
        row = reader.encode(text, 24)
        tokens, spans = reader.shown(text, 24)
        assert row.tokens == len(tokens) == len(spans) <= 24
        for token, (start, end) in zip(tokens, spans, strict=True):
            assert start == end or token == text[start:end]
        if not row.truncated:
            seen = {place for start, end in spans for place in range(start, end)}
            words = {
                place
                for line in segment.lines(text)
                for start, end in segment.words(text, *line)
                for place in range(start, end)
            }
            assert seen <= words


def test_only_the_first_line_is_shown_and_what_is_left_out_is_said(hub):
    reader, _ = hub["bert"]
    assert reader.encode("ada\nking", 24).truncated
    assert reader.shown("\n ada \nking", 24)[0] == ("[CLS]", "ada", "[SEP]")
    assert not reader.encode("\n ada \n\n", 24).truncated
    assert reader.encode("ada king " * 20, 24).truncated
    assert reader.encode("", 24).tokens == 2


def test_a_slow_tokenizer_is_refused(taggers):
    class Slow:
        is_fast = False

    with pytest.raises(NotSupported, match="word by word"):
        HubReader(Slow(), 64, taggers.bert)
