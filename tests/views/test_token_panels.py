"""The panels of the tokenizer's page as HTML: nothing that somebody wrote becomes markup, and what is not known is “–”."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.embedding_types import Map, Matrix
from playground.core.token_counts import Counts, Difference, Size
from playground.core.token_panels import (
    Cell,
    Languages,
    Near,
    Numbers,
    NumbersRow,
    Offer,
    Priced,
    Sentence,
    Shares,
    Spread,
)
from playground.core.token_types import Conversation, Family, Flag, Message, Opener, Reading, TokenizerRef
from playground.views.tokens import chat, embeddings, languages, numbers
from playground.views.tokens.names import percent
from tests.views.tags import Tags

EVIL = "</script><img src=x onerror=alert(1)>\"'&"
REF = TokenizerRef(EVIL, EVIL, Opener.HUB, "pretrained", context=10)
MATRIX = Matrix(EVIL, "w", 30, 4, said=EVIL)


def counted(**rest):
    usual = {
        "tokens": 12, "own": 10, "bytes_per_token": 3.456, "tokens_per_word": 1.5, "unknown": 1, "unknown_bytes": 7, "unread": 2,
        "vocabulary": 30522, "cut": 3, "halved": 1, "exact": False, "difference": Difference(4, EVIL, ""),
    }  # fmt: skip
    return Counts(**{**usual, **rest})


def conversation(text=EVIL):
    rendered = f"<|im_start|>{text}"
    return Conversation(
        Reading(
            REF, Family.BPE, rendered, np.array([1, 2]), np.array([[0, 12], [12, len(rendered.encode())]]),
            np.array([Flag.SPECIAL, 0], dtype=np.uint8),
        ),
        (Message("user", text),),
        np.array([-1, 0]),
        EVIL,
    )  # fmt: skip


def everything():
    priced = (Priced(EVIL, 10, None, None, None), Priced("m", 10, 0.00012, "2026-11-09", 1000))
    rows = (NumbersRow(REF, counted(), priced), NumbersRow(REF, None, error=EVIL))
    sentence = Sentence("ar", EVIL, EVIL, EVIL)
    spread = Spread(REF, Map(MATRIX, np.array([3]), np.zeros((1, 2)), (0.5, 0.1)), {3: EVIL}, (1,), frozenset(), 7)
    offers = [Offer(REF), Offer(REF, EVIL)]
    return {
        "numbers": numbers.numbers(Numbers(Size(1, 2, 3, 4), rows)),
        "languages": languages.languages(Languages((sentence,), (REF,), ((Cell(4, 2.0, 0.5),),))),
        "choices": chat.choices(offers, ""),
        "chat": chat.conversation(conversation(), Shares((1,), 1)),
        "places": embeddings.places(offers, EVIL),
        "about": embeddings.about(spread),
        "near": embeddings.neighbours(Near(MATRIX, 3, EVIL, 1.0, ((EVIL, 4, -0.5),))),
    }


@pytest.mark.parametrize("name", list(everything()))
def test_what_somebody_wrote_is_text(name):
    html = everything()[name]
    tags = Tags(html)
    assert not {tag for tag, _ in tags.found} & {"script", "img"}
    assert not [key for _, attributes in tags.found for key in attributes if key.startswith("on")]
    assert "<img" in "".join(tags.data) or any(
        "<img" in str(value) for _, held in tags.found for value in held.values()
    )


def test_what_is_not_known_is_a_dash_and_no_0():
    nothing = counted(
        bytes_per_token=None, tokens_per_word=None, unknown=None, unknown_bytes=None, vocabulary=None, exact=None, difference=None
    )  # fmt: skip
    ref = TokenizerRef("split/words", "words", Opener.SPLIT)
    html = numbers.numbers(Numbers(Size(1, 1, 1, 1), (NumbersRow(ref, nothing),)))
    cells = dict(re.findall(r'<td data-label="([^"]+)"[^>]*>(.*?)</td>', html))
    assert [cells[name] for name in ("Bytes per token", "Unknown", "Vocabulary", "Context", "Round trip")] == ["–"] * 5
    assert "What it costs" not in html
    unpriced = numbers.numbers(
        Numbers(Size(1, 1, 1, 1), (NumbersRow(REF, counted(), (Priced("m", 5, None, None, None),)),))
    )
    assert re.findall(r'data-label="As input"[^>]*>(.*?)</td>', unpriced) == ["–"]


def test_a_difference_shows_its_blanks():
    html = numbers.numbers(
        Numbers(Size(1, 1, 1, 1), (NumbersRow(REF, counted(difference=Difference(4, "a b\n", ""))),))
    )
    assert "“a␣b⏎”" in html
    assert "<i>nothing</i>" in html


def test_few_tokens_for_what_is_not_read_are_marked():
    cells = ((Cell(1, 0.1, 1.0), Cell(4, 2.0, 0.0), Cell(None)),)
    sentences = tuple(Sentence(code, code, code, code) for code in ("th", "fr", "he"))
    html = languages.languages(Languages(sentences, (REF,), cells))
    assert html.count("data-lost") == html.count("not read") == 1
    assert 'dir="rtl"' in html
    assert html.count("×") >= 2


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_rendered_conversation_is_whole(first, second):
    """In stretches of one owner, control tokens apart; the pieces together are the text."""
    text = ("<s>" + first + second).encode("utf-8", "replace").decode()
    head = ("<s>" + first).encode("utf-8", "replace").decode()
    edges = [0, 3, len(head.encode()), len(text.encode())]
    spans = np.array([[a, b] for a, b in zip(edges, edges[1:], strict=False)])  # noqa: RUF007
    reading = Reading(REF, Family.BPE, text, np.arange(3), spans, np.array([Flag.SPECIAL, 0, 0], dtype=np.uint8))
    found = chat.stretches(
        Conversation(reading, (Message("user", first), Message("user", second)), np.array([-1, 0, 1]))
    )
    assert "".join(piece for piece, _, _ in found) == text
    assert found[0] == ("<s>", -1, True)
    assert [owner for _, owner, _ in found[1:]] == [owner for owner, one in ((0, first), (1, second)) if one]


def test_a_token_with_no_direction_has_no_neighbours():
    assert "no neighbours" in embeddings.neighbours(Near(MATRIX, 3, "x", 0.0, (("y", 1, 0.0),)))


@given(st.floats(0, 20))
def test_a_percentage_is_never_rounded_to_nothing(value):
    said = percent(value)
    assert (said == "0\N{NO-BREAK SPACE}%") == (value == 0)
    assert said.endswith("%")
