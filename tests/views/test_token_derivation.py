"""One token's facts and how it came to be, as the page shows them, over real tokenizers."""

import html
import re

import pytest

from playground.catalog import Catalog
from playground.core.token_types import Flag
from playground.inspection.tokens import LocalInspector
from playground.service.tokens import TokenDesk
from playground.settings import Settings
from playground.views.tokens import derivation

O200K, MINILM, UNIGRAM = "openai/o200k_base", "sentence-transformers/all-MiniLM-L6-v2", "bundled/unigram"


@pytest.fixture(scope="module")
def desk():
    return TokenDesk(Catalog.read(Settings().catalog), LocalInspector(), ("gpt-5-mini",))


def read(desk, text, name):
    (reading,) = desk.read(text, [name], special=False)
    return reading


def words(markup):
    return html.unescape(re.sub(r"<[^>]+>", " ", markup))


def test_a_token_that_is_a_part_of_a_character_is_bytes(desk):
    reading = read(desk, "a 🦓", O200K)
    place = next(place for place, flags in enumerate(reading.flags) if flags & Flag.SPLIT)
    said = words(derivation.facts(reading, place))
    assert "part of a character" in said
    assert "begins or ends inside a character" in said
    assert "\N{REPLACEMENT CHARACTER}" not in said
    start, end = reading.spans[place]
    assert reading.bytes[start:end].hex(" ").upper() in said


def test_characters_are_counted_apart_from_bytes(desk):
    reading = read(desk, "né so", MINILM)
    assert "Byte span 4 to 6" in " ".join(words(derivation.facts(reading, 1)).split())
    assert "Character span 3 to 5" in " ".join(words(derivation.facts(reading, 1)).split())


@pytest.mark.parametrize(
    ("name", "said"), [(O200K, "Method"), (MINILM, "Method"), (UNIGRAM, "Method")], ids=["merges", "greedy", "lattice"]
)
def test_how_it_came_to_be_ends_with_the_token_itself(desk, name, said):
    text = "unbelievably"
    reading = read(desk, text, name)
    how = desk.explain(text, name, 0, special=False)
    markup = derivation.steps(how)
    assert said in words(markup)
    last = re.findall(r'<li value="\d+">(.*?)</li>', markup)[-1]
    assert "this token" in last
    assert len(how.steps[-1].parts) == len(reading)
    if name == UNIGRAM:
        assert how.considered
        assert words(markup).count(how.considered[0].text) >= 1


def test_what_is_explained_is_text(desk):
    markup = derivation.steps(desk.explain("</script><img onerror=x>", O200K, 0, special=False))
    assert "<img" not in markup
    assert "<script" not in markup
