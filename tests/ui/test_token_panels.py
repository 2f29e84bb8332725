"""The panels' questions, as they are asked: answers that JSON can hold, whatever was sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.ui.actions import answer
from playground.ui.session import PageStates
from tests.fakes.service import FakePlayground

O200K, MINILM = "openai/o200k_base", "sentence-transformers/all-MiniLM-L6-v2"
QUESTIONS = (
    "tokens_numbers", "tokens_numbers_csv", "tokens_languages", "tokens_chat_choices", "tokens_chat", "tokens_places", "tokens_map",
    "tokens_neighbours",
)  # fmt: skip
EVIL = "</script><img src=x onerror=alert(1)> \x00 <|endoftext|> \ud800"


@pytest.fixture(scope="module")
def ask():
    service = FakePlayground()
    yield lambda do, **data: json.loads(json.dumps(answer(service, PageStates(), "page", {"do": do, **data})))
    service.close()


def test_each_panel_answers(ask):
    sent = {"text": "A cat, a dog.", "rows": [O200K, MINILM, "split/words"], "control": False, "special": True}
    assert "<table" in ask("tokens_numbers", **sent)["html"]
    assert ask("tokens_numbers_csv", **sent)["text"].startswith("tokenizer,tier,tokens")
    assert "Kiswahili" in ask("tokens_languages", **sent)["html"]
    assert O200K in ask("tokens_chat_choices", **sent)["html"]
    said = [{"role": "user", "text": "Hi"}]
    assert "im_start" in ask("tokens_chat", messages=said, tokenizer=O200K)["html"]
    assert MINILM in ask("tokens_places", **sent)["html"]
    drawn = ask("tokens_map", **sent, row=MINILM)
    assert [point["form"] for point in drawn["points"]] == ["[CLS]", "a", "cat", ",", "dog", ".", "[SEP]"]
    assert "of the variance" in drawn["html"]
    assert "Nearest to" in ask("tokens_neighbours", row=MINILM, token=drawn["points"][2]["id"])["html"]


def test_what_somebody_types_is_read_and_is_no_markup(ask):
    for do in QUESTIONS[:4]:
        reply = ask(do, text=EVIL, rows=[O200K, MINILM], control=True, special=True)
        assert "<img" not in reply.get("html", "")
        assert "error" not in reply
    reply = ask("tokens_chat", messages=[{"role": "user", "text": EVIL}], tokenizer=O200K)
    assert "<img" not in reply["html"]


@pytest.mark.parametrize("do", QUESTIONS)
def test_a_fault_is_one_sentence(ask, do):
    sent = {"text": "", "rows": ["x/y"], "row": "x/y", "token": -5, "messages": [], "tokenizer": "x/y"}
    reply = ask(do, **sent)
    assert reply.get("error", "") == "" or reply["error"].endswith(".")
    assert "error" in reply or do in ("tokens_languages", "tokens_chat_choices", "tokens_places")


ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
FIELDS = ("text", "rows", "control", "special", "row", "token", "messages", "tokenizer")


@settings(max_examples=40)
@given(
    st.sampled_from(QUESTIONS),
    st.fixed_dictionaries({name: ANYTHING | st.lists(ANYTHING, max_size=3) for name in FIELDS}),
)
def test_whatever_is_sent_there_is_an_answer(ask, do, data):
    assert "broke on our side" not in ask(do, **data).get("error", "")
