"""Answers of spans over the wire: the words are found in the text by us, whatever the endpoint says and however it breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.errors import BadReply, NotSupported, PlaygroundError
from playground.core.types import Source, Spans
from playground.gateway import start_gateway
from playground.tasks.fill_mask import TASK as FILL
from playground.tasks.ner import TASK as NER
from playground.tasks.pos import TASK as POS
from playground.tasks.topics import TASK as TOPICS
from playground.tiers.hosted_errors import STAND_IN_CANNOT
from playground.tiers.hosted_reply import MAX_REPLY_CHARS, Reply, output_of
from playground.tiers.hosted_request import MOST_ANSWER, ROOM_TO_THINK, answer_tokens
from tests.gateway.word_runtime import ENCODER, WordRuntime
from tests.tiers.hosted_helpers import live, run, tier_for, with_key
from tests.tiers.hosted_helpers import settings as settings_of
from tests.tiers.scripted_server import Serve, refuses, streamed, whole

TEXT = "👩‍🔬 Jordan flew from Jordan to São Paulo."


def named(text: str, label: str, occurrence: Any = 1) -> dict[str, Any]:
    return {"text": text, "label": label, "occurrence": occurrence}


def reply(*rows: Any) -> str:
    return json.dumps({"spans": list(rows)}, ensure_ascii=False)


def found(output: Any) -> list[tuple[str, str, int]]:
    assert isinstance(output, Spans)
    for span in output.spans:
        assert TEXT[span.start : span.end] == span.text
    return [(span.text, span.label, span.start) for span in output.spans]


def test_spans_are_found_by_occurrence_and_inventions_are_counted(serve: Serve) -> None:
    content = reply(
        named("Jordan", "LOC", 2), named("sao paulo", "LOC"), named("São  Paulo", "loc"), named("Jordan", "PER", 1),
        named("Lisbon", "LOC"), named("flew", "VERB"),
    )  # fmt: skip
    server = serve(streamed([content[:30], content[30:77], content[77:]]))
    last = run(live(server.base_url), TEXT, task=NER).finished
    assert found(last.output) == [("Jordan", "PER", 4), ("Jordan", "LOC", 21), ("São Paulo", "LOC", 31)]
    assert (last.output.unplaced, last.output.score_source) == (3, "stated")
    assert last.output.labels == tuple(label.name for label in NER.labels)
    assert {span.score for span in last.output.spans} == {None}
    assert last.stats.source is Source.LIVE
    assert json.loads(last.stats.request_json) == server.asked[0]


def test_the_request_asks_for_the_schema_and_for_no_probabilities(serve: Serve) -> None:
    server = serve(whole(reply()))
    assert run(live(server.base_url), TEXT, task=NER).finished.output.spans == ()
    (body,) = server.asked
    assert body["response_format"]["json_schema"]["schema"] == NER.schema()
    assert body["messages"][0]["content"] == NER.instruction
    assert body["messages"][1]["content"] == TEXT
    assert "logprobs" not in body
    assert "top_logprobs" not in body


def test_an_endpoint_without_structured_output_is_told_the_schema_in_words(serve: Serve) -> None:
    server = serve(
        refuses(400, "response_format is not supported"), whole(f"Sure!\n```json\n{reply(named('Jordan', 'PER'))}\n```")
    )
    last = run(live(server.base_url), TEXT, task=NER).finished
    assert found(last.output) == [("Jordan", "PER", 4)]
    assert json.dumps(NER.schema(), ensure_ascii=False) in server.asked[1]["messages"][0]["content"]


def test_every_word_is_placed_in_reading_order(serve: Serve) -> None:
    rows = [{"text": word, "label": label} for word, label in
            [("👩‍🔬", "SYM"), ("Jordan", "PROPN"), ("flew", "VERB"), ("from", "ADP"), ("Jordan", "PROPN"), ("to", "ADP"),
             ("São", "PROPN"), ("Paulo", "PROPN"), (".", "PUNCT")]]  # fmt: skip
    last = run(live(serve(whole(reply(*rows))).base_url), TEXT, task=POS).finished
    assert [span[0] for span in found(last.output)] == [row["text"] for row in rows]
    assert [span[2] for span in found(last.output)] == [0, 4, 11, 16, 21, 28, 31, 35, 40]


@pytest.mark.parametrize(
    "content",
    [
        "", "null", "[]", "{}", '{"spans": null}', '{"spans": {"text": "Jordan"}}', '{"spans": "Jordan"}', '{"spans": [1, null]}',
        reply(named("Jordan", "PER"))[:-4], reply(named("Lisbon", "LOC")), reply(named("Jordan", "VERB")),
        reply({"start": 0, "end": 6, "label": "PER"}), '{"spans": [' + "[" * 900 + "]" * 900 + "]}",
    ],
)  # fmt: skip
def test_a_broken_reply_is_one_sentence(serve: Serve, content: str) -> None:
    error = run(live(serve(whole(content)).base_url), TEXT, task=NER).failed.error
    assert isinstance(error, BadReply)
    assert error.kind == "bad_reply"
    assert str(error).endswith(".")


def test_a_reply_cut_by_its_length_says_so(serve: Serve) -> None:
    server = serve(whole(reply(named("Jordan", "PER"))[:-4], finish="length"))
    assert "cut at its length limit" in str(run(live(server.base_url), TEXT, task=NER).failed.error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["Jordan", "PER", "NOUN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["spans", "text", "x"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(
    st.sampled_from([NER, POS]),
    st.dictionaries(st.sampled_from(["spans", "x"]), JSON | st.lists(JSON)).map(json.dumps),
    st.text(),
)
@settings(max_examples=200, deadline=None)
def test_any_content_is_an_output_or_one_of_our_errors(task: Any, content: str, before: str) -> None:
    try:
        output = output_of(task, Reply(content=before + content, choices=1, finish_reason="stop"), TEXT)
    except PlaygroundError:
        return
    found(output)


def test_a_long_text_gets_room_for_its_words_and_no_more_than_models_write(serve: Serve) -> None:
    server = serve(whole(reply()))
    short, long, endless = "Ann.", "Ann met Bob. " * 100, "Ann met Bob. " * 1500
    for text in (short, long, endless):
        run(live(server.base_url, max_input_chars=len(endless)), text, task=POS)
    room = [body["max_completion_tokens"] - ROOM_TO_THINK for body in server.asked]
    assert room == [512, POS.longest_reply(long), MOST_ANSWER]
    assert room[1] > 16 * 400
    assert answer_tokens(NER, long, 512) < room[1]


def test_the_longest_answer_is_taken_whole(serve: Serve) -> None:
    text = "Ann met Bob. " * 1500
    rows = [{"text": word, "label": "NOUN"} for word in ["Ann", "met", "Bob", "."] * 1500]
    content = reply(*rows)
    assert 200_000 < len(content) < MAX_REPLY_CHARS
    last = run(live(serve(whole(content)).base_url), text, task=POS).finished
    assert len(last.output.spans) == 6000
    assert last.output.spans[-1].end == len(text.rstrip())


@pytest.mark.parametrize("task", [NER, POS, FILL], ids=lambda task: task.name)
def test_the_stand_in_says_in_one_sentence_that_it_cannot(task: Any) -> None:
    gateway = start_gateway(WordRuntime(), ENCODER)
    try:
        last = run(tier_for(settings_of(), gateway), TEXT, task=task, model=None).failed
    finally:
        gateway.close()
    assert isinstance(last.error, NotSupported)
    assert last.error.kind == "not_supported"
    assert str(last.error) == STAND_IN_CANNOT
    assert last.stats.source is Source.STAND_IN
    assert json.loads(last.stats.request_json)["response_format"]["json_schema"]["schema"] == task.schema()


@pytest.mark.parametrize("task", [NER, POS, FILL], ids=lambda task: task.name)
def test_the_card_says_so_before_it_is_asked_until_there_is_a_key(task: Any) -> None:
    gateway = start_gateway(WordRuntime(), ENCODER, lazy=True)
    try:
        credentials = with_key("https://example.com/v1", "with a key")
        tier = tier_for(settings_of(), gateway, credentials)
        assert tier.supports(task, "without").reason == STAND_IN_CANNOT
        assert tier.supports(task).reason == STAND_IN_CANNOT
        assert tier.supports(task, "with a key")
        assert tier.supports(TOPICS, "without")
        assert tier_for(settings_of(openai_api_key="sk-owner"), gateway).supports(task)
        assert tier_for(settings_of(local_server_url="http://127.0.0.1:9/v1"), gateway).supports(task)
        credentials.forget("with a key")
        assert not tier.supports(task, "with a key")
    finally:
        gateway.close()


def test_another_endpoints_refusal_of_the_schema_is_not_the_stand_ins(serve: Serve) -> None:
    error = run(live(serve(refuses(422, "unservable_schema")).base_url), TEXT, task=NER).failed.error
    assert error.kind == "endpoint_fault"
