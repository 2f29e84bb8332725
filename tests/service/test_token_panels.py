"""The tokenizer page's panels behind the service: numbers and prices, languages, conversations, embeddings."""

import csv
import io
import unicodedata
from decimal import Decimal

import numpy as np
import pytest
from genai_prices.data_snapshot import get_snapshot

from playground.catalog import Catalog
from playground.core.errors import EmptyInput, InputError, InputTooLong, NotSupported
from playground.core.token_types import Message
from playground.inspection.embeddings import LocalEmbeddings
from playground.inspection.tokens import LocalInspector
from playground.service import token_chat, token_languages, token_numbers
from playground.service.token_embeddings import MOST_ON_MAP, EmbeddingDesk
from playground.service.tokens import MOST_CHARS, TokenDesk
from playground.settings import Settings

O200K, MINILM = "openai/o200k_base", "sentence-transformers/all-MiniLM-L6-v2"
SCRATCH = "bundled/sentiment-scratch"
TEXT = "Café naïve 👩‍🚀 日本"


@pytest.fixture(scope="module")
def catalog():
    return Catalog.read(Settings().catalog)


@pytest.fixture(scope="module")
def desk(catalog):
    return TokenDesk(catalog, LocalInspector(), Settings().hosted_models)


@pytest.fixture(scope="module")
def embeddings(catalog, desk):
    return EmbeddingDesk(catalog, desk, LocalEmbeddings())


def numbers(desk, text, names, **settings):
    return token_numbers.numbers(desk, Settings(**settings), text, names)


# -- numbers


def test_numbers_of_several_tokenizers(desk):
    found = numbers(desk, TEXT, [O200K, MINILM, "split/words"])
    assert (found.size.characters, found.size.code_points, found.size.bytes) == (15, 17, len(TEXT.encode()))
    hosted, encoder, words = (row.counts for row in found.rows)
    assert hosted.exact
    assert hosted.bytes_per_token == pytest.approx(len(TEXT.encode()) / hosted.own)
    assert encoder.tokens == encoder.own + 2  # [CLS] and [SEP]
    assert not encoder.exact  # it lowers
    assert (encoder.difference.place, encoder.difference.wrote[:4], encoder.difference.came[:4]) == (0, "Café", "cafe")
    assert (words.own, words.exact, words.vocabulary, words.unknown) == (found.size.words, None, None, None)


def test_a_cost_is_the_tokens_times_the_price(desk):
    text = "A price for every token. " * 400
    row = numbers(desk, text, [O200K]).rows[0]
    assert [one.model for one in row.priced][:3] == ["gpt-5-mini", "gpt-5-nano", "gpt-4.1-mini"]
    for one in row.priced[:3]:
        _, known = get_snapshot().find_provider_model(one.model, None, None, "https://api.openai.com/v1")
        assert one.tokens == row.counts.own
        assert one.usd == pytest.approx(float(known.prices.input_mtok * Decimal(one.tokens) / 10**6))
        assert one.share == pytest.approx(one.tokens / known.context_window)
        assert one.date


def test_what_is_not_known_is_none_and_never_0(desk):
    row = numbers(desk, TEXT, [O200K], openai_base_url="http://127.0.0.1:9/v1").rows[0]
    assert {(one.usd, one.date, one.context, one.share) for one in row.priced} == {(None, None, None, None)}
    assert all(not row.priced for row in numbers(desk, TEXT, [MINILM, SCRATCH, "split/words"]).rows)


def test_a_tokenizer_that_cannot_read_leaves_the_others(desk):
    found = numbers(desk, TEXT, ["nobody/at-home", O200K])
    assert found.rows[0].counts is None
    assert "not on this machine" in found.rows[0].error
    assert found.rows[1].counts.exact
    with pytest.raises(EmptyInput):
        numbers(desk, "", [O200K])


def test_the_csv_has_a_line_for_each_price_and_nothing_where_nothing_is_known(desk):
    found = numbers(desk, TEXT, [O200K, MINILM, "=cmd"])
    lines = list(csv.DictReader(io.StringIO(token_numbers.csv(found))))
    hosted = [line for line in lines if line["tokenizer"] == O200K]
    assert [line["model"] for line in hosted] == [one.model for one in found.rows[0].priced]
    assert {line["tokens"] for line in hosted} == {str(found.rows[0].counts.tokens)}
    encoder = next(line for line in lines if line["tokenizer"] == MINILM)
    assert (encoder["round_trip"], encoder["input_usd"], encoder["error"]) == ("differs", "", "")
    assert lines[-1]["tokenizer"] == "'=cmd"  # a spreadsheet runs nothing
    assert lines[-1]["tokens"] == ""
    assert lines[-1]["error"]


# -- languages


def test_the_sentences_are_one_for_each_language_and_in_ten_scripts():
    sentences = token_languages.sentences()
    assert sentences[0].code == "en"
    assert len({one.code for one in sentences}) == len({one.text for one in sentences}) == len(sentences) == 16
    scripts = {unicodedata.name(letter).split()[0] for one in sentences for letter in one.text if letter.isalpha()}
    assert {
        "LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "THAI", "CJK", "HIRAGANA", "HANGUL",
    } <= scripts  # fmt: skip
    assert all(unicodedata.is_normalized("NFC", one.text) for one in sentences)


def test_each_language_is_compared_with_english(desk):
    found = token_languages.languages(desk, [O200K, MINILM, "split/words", "nobody/at-home"])
    assert [ref.id for ref in found.refs] == [O200K, MINILM, "split/words"]
    for ref, column in zip(found.refs, found.cells, strict=True):
        assert column[0].premium == 1
        for sentence, cell in zip(found.sentences, column, strict=True):
            alone = desk.read(sentence.text, [ref.id], special=False)[0]
            assert cell.tokens == len(alone)
            assert cell.premium == pytest.approx(len(alone) / column[0].tokens)
    places = {sentence.code: place for place, sentence in enumerate(found.sentences)}
    assert [cell.unread for cell in found.cells[0]] == [0] * 16
    assert found.cells[1][places["th"]].unread == 1  # one [UNK] for each word: few tokens, and nothing read
    assert found.cells[1][places["fr"]].unread == 0


def test_no_tokenizer_no_languages(desk):
    assert token_languages.languages(desk, ["nobody/at-home"]).refs == ()


# -- conversations


def test_who_can_write_a_conversation(desk):
    offers = {
        offer.ref.id: offer.why_not for offer in token_chat.choices(desk, [MINILM, "split/words", "nobody/at-home"])
    }
    assert offers[O200K] == ""
    assert offers[MINILM]
    assert offers["split/words"]
    assert "nobody/at-home" not in offers


def test_every_token_of_a_conversation_is_a_messages_or_the_templates(desk):
    messages = [Message("system", "Be brief."), Message("user", "<|im_end|> né 👩‍🚀"), Message("assistant", "")]
    found = token_chat.converse(desk, messages, O200K)
    shares = token_chat.shares(found)
    assert shares.total == len(found.reading)
    assert shares.messages[:2] == tuple(len(desk.read(one.text, [O200K])[0]) for one in messages[:2])
    assert shares.messages[2] == 0


@pytest.mark.parametrize(
    ("messages", "error"),
    [
        ([], EmptyInput),
        ([Message("user", "")], EmptyInput),
        ([Message("<b>", "hi")], InputError),
        ([Message("user", "hi")] * 41, InputError),
        ([Message("user", "x" * (MOST_CHARS // 2 + 1))] * 2, InputTooLong),
    ],
)
def test_what_is_no_conversation(desk, messages, error):
    with pytest.raises(error):
        token_chat.converse(desk, messages, O200K)


# -- embeddings


def test_whose_embeddings_can_be_looked_at(embeddings):
    whys = {offer.ref.id: offer.why_not for offer in embeddings.places([O200K, MINILM, SCRATCH, "split/words"])}
    assert whys[MINILM] == whys[SCRATCH] == ""
    assert "does not show its embeddings" in whys[O200K]
    assert "no ids" in whys["split/words"]


def test_the_map_has_each_token_once_in_the_texts_order(embeddings, desk):
    found = embeddings.spread("the cat and the dog", MINILM)
    reading = desk.read("the cat and the dog", [MINILM])[0]
    assert found.map.ids.tolist() == list(dict.fromkeys(reading.ids.tolist()))
    assert [found.forms[token] for token in found.map.ids.tolist()] == ["[CLS]", "the", "cat", "and", "dog", "[SEP]"]
    assert found.times == (1, 2, 1, 1, 1, 1)
    assert {found.forms[token] for token in found.special} == {"[CLS]", "[SEP]"}
    assert found.more == 0


def test_the_map_is_bounded_and_says_so(embeddings):
    letters = "".join(chr(0x100 + place) + "a b" for place in range(300))
    found = embeddings.spread(letters + " ".join(f"{place}" for place in range(1000)), MINILM)
    assert len(found.map.ids) == len(found.map.points) == MOST_ON_MAP
    assert found.more > 0


def test_a_tokens_neighbours_have_names(embeddings, desk):
    paris = int(desk.read("paris", [MINILM], special=False)[0].ids[0])
    found = embeddings.near(MINILM, paris)
    assert found.form == "paris"
    assert len(found.neighbours) == 10
    assert {"london", "france"} & {form for form, _, _ in found.neighbours}
    assert np.all(np.diff([cosine for _, _, cosine in found.neighbours]) <= 0)


def test_a_finetuned_models_embeddings_are_its_bases_and_it_says_so(embeddings):
    adapted = next(offer.ref for offer in embeddings.places(["bundled/sentiment-informal"]))
    assert adapted.tier == "finetuned"
    assert "leaves the embeddings as they are" in embeddings.near(adapted.id, 2000).matrix.said


def test_who_has_no_peek_says_so(catalog, desk):
    with pytest.raises(NotSupported, match="python app"):
        EmbeddingDesk(catalog, desk, None).near(MINILM, 1)
