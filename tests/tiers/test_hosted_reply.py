"""Replies are read defensively: whatever a model says, the parser gives an output or one of our errors."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import PlaygroundError
from playground.core.types import Labels
from playground.tiers.hosted_errors import Scrubber, excerpt, message_of, retry_after
from playground.tiers.hosted_logprobs import choice_field, label_scores, tokens_from
from playground.tiers.hosted_reply import Reply, json_objects, output_of
from playground.tiers.hosted_request import Features
from tests.tiers.hosted_helpers import KEY, TASK

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
LABELLED = st.fixed_dictionaries(
    {}, optional={"label": JSON | st.sampled_from(["positive", "Negative"]), "confidence": JSON}
)


def read(content: str, **more: Any) -> Labels:
    reply = Reply(content=content, choices=1, finish_reason="stop", **more)
    output = output_of(TASK, reply, "")
    assert output.label in ("positive", "negative")
    assert not output.scores or sum(row.score for row in output.scores) == pytest.approx(1)
    return output


@given(
    st.text() | LABELLED.map(json.dumps) | st.builds("{}{}{}".format, st.text(), LABELLED.map(json.dumps), st.text())
)
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_output_or_one_of_our_errors(content: str) -> None:
    with contextlib.suppress(PlaygroundError):
        read(content)


CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON,
        "model": JSON,
        "usage": JSON | st.fixed_dictionaries({"prompt_tokens": JSON, "prompt_tokens_details": JSON}),
        "choices": JSON
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "delta": JSON | st.fixed_dictionaries({"content": JSON}),
                    "message": JSON | st.fixed_dictionaries({"content": LABELLED.map(json.dumps), "refusal": JSON}),
                    "finish_reason": JSON | st.sampled_from(["stop", "length"]),
                    "logprobs": JSON | st.fixed_dictionaries({"content": JSON}),
                },
            ),
            max_size=2,
        ),
    },
)


@given(st.lists(JSON | CHUNKS, max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_json_from_the_wire_is_an_output_or_one_of_our_errors(chunks: list[Any]) -> None:
    reply = Reply()
    with contextlib.suppress(PlaygroundError):
        for chunk in chunks:
            reply.add(chunk)
        output_of(TASK, reply, "")
    assert all(count is None or count >= 0 for count in reply.tokens())
    json.dumps(reply.json(), default=str)


@given(
    JSON
    | st.lists(st.fixed_dictionaries({"token": JSON, "bytes": JSON, "logprob": JSON, "top_logprobs": JSON}), max_size=4)
)
@settings(max_examples=100, deadline=None)
def test_any_logprobs_are_read_or_left_alone(content: Any) -> None:
    scores = label_scores(tokens_from(content), "label", ("negative", "positive"))
    assert scores is None or sum(row.score for row in scores) == pytest.approx(1)


def test_deep_and_long_replies_take_no_time() -> None:
    assert list(json_objects('{"a":' * 50_000)) == []
    assert list(json_objects("{" * 100_000)) == []
    assert list(json_objects('{"n": ' + "9" * 10_000 + "}")) == []  # beyond what Python turns into an integer


# -- logprobs


def token(text: str, probability: float, *others: tuple[str, float]) -> dict[str, Any]:
    top = [{"token": t, "bytes": None, "logprob": math.log(p)} for t, p in [(text, probability), *others]]
    return {"token": text, "bytes": None, "logprob": math.log(probability), "top_logprobs": top}


def scores(rows: list[dict[str, Any]], labels: tuple[str, ...]) -> dict[str, float] | None:
    found = label_scores(tokens_from(rows), "label", labels)
    return None if found is None else {row.label: row.score for row in found}


def test_a_label_of_one_token() -> None:
    rows = [token('{"label": "', 1.0), token("pos", 0.75, ("neg", 0.25)), token('"}', 1.0)]
    assert scores(rows, ("pos", "neg")) == pytest.approx({"pos": 0.75, "neg": 0.25})


def test_a_label_of_several_tokens_is_followed_to_where_it_is_clear() -> None:
    rows = [
        token('{"label":"', 1.0),
        token("ne", 0.8, ("positive", 0.2)),
        token("gative", 0.5, ("utral", 0.5)),
        token('"}', 1.0),
    ]
    expected = {"negative": 0.4, "neutral": 0.4, "positive": 0.2}
    assert scores(rows, ("negative", "neutral", "positive")) == pytest.approx(expected)


def test_a_token_may_hold_what_stands_around_the_label() -> None:
    rows = [token('{"label', 1.0), token('": "posi', 0.9, ('": "neg', 0.1)), token('tive"}', 1.0)]
    assert scores(rows, ("positive", "negative")) == pytest.approx({"positive": 0.9, "negative": 0.1})


def test_a_label_that_begins_another_is_told_by_the_quote() -> None:
    rows = [token('{"label": "', 1.0), token("art", 1.0), token('"', 0.7, ("icle", 0.3)), token("}", 1.0)]
    assert scores(rows, ("art", "article")) == pytest.approx({"art": 0.7, "article": 0.3})


def test_case_and_spaces_count_for_the_label() -> None:
    rows = [token('{"label": "', 1.0), token("pos", 0.5, ("Pos", 0.2), (" pos", 0.1), ("neg", 0.1), ("42", 0.1))]
    assert scores(rows, ("pos", "neg")) == pytest.approx({"pos": 8 / 9, "neg": 1 / 9})


def test_mass_that_cannot_be_told_apart_is_no_score() -> None:
    rows = [token('{"label": "', 1.0), token("positive", 0.5, ("ne", 0.5)), token('"}', 1.0)]
    assert scores(rows, ("positive", "negative", "neutral")) is None


def test_the_answer_after_a_thought_is_read() -> None:
    rows = [token('maybe "label": "neg"? no: {"label": "', 1.0), token("pos", 0.9, ("neg", 0.1)), token('"}', 1.0)]
    assert scores(rows, ("pos", "neg")) == pytest.approx({"pos": 0.9, "neg": 0.1})


def test_characters_split_over_tokens_do_not_shift_the_label() -> None:
    smile = "🙂".encode()
    rows = [
        {"token": "?", "bytes": [*b'{"note": "', *smile[:2]], "logprob": 0.0, "top_logprobs": []},
        {"token": "?", "bytes": [*smile[2:], *b'", "label": "'], "logprob": 0.0, "top_logprobs": []},
        token("pos", 0.9, ("neg", 0.1)),
        token('"}', 1.0),
    ]
    assert scores(rows, ("pos", "neg")) == pytest.approx({"pos": 0.9, "neg": 0.1})


def test_the_choice_is_found_in_the_schema() -> None:
    assert choice_field(TASK.schema()) == ("label", ("negative", "positive"))
    assert choice_field({"properties": {"n": {"type": "number"}}}) is None


# -- errors


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, len(KEY) - 8), st.integers(8, len(KEY)))
@settings(max_examples=200, deadline=None)
def test_no_eight_characters_of_a_key_in_a_row_survive(before: str, after: str, start: int, length: int) -> None:
    scrubbed = Scrubber(KEY)(before + KEY[start : start + length] + after)
    pieces = {KEY[i : i + 8].casefold() for i in range(len(KEY) - 7)}
    folded = scrubbed.casefold()
    assert not any(piece in folded for piece in pieces)


def test_ordinary_words_survive() -> None:
    said = "The model is overloaded, try again in 20 s (request req_123)."
    assert Scrubber(KEY)(said) == said
    assert excerpt("two\nlines\t" + "x" * 500, Scrubber(KEY)) == ("two lines " + "x" * 500)[:159] + "…"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "no"}, "no"),
        ({"error": {"message": "no"}}, "no"),
        ({"detail": [{"msg": "x"}, "bad"]}, "; bad"),
        ("plain", "plain"),
        (None, ""),
        ({}, ""),
    ],
)
def test_messages_are_found_in_bodies(body: Any, message: str) -> None:
    assert message_of(body) == message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_features_are_left_out_one_at_a_time_until_none_is_left() -> None:
    features: Features | None = Features()
    steps = 0
    everything = "logprobs temperature stream_options max_completion_tokens max_tokens response_format stream"
    while features is not None:
        features = features.without("", everything)
        steps += 1
    assert steps == 9
