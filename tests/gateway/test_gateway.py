"""The stand-in seen by the real openai client, over real HTTP."""

from __future__ import annotations

import json
import logging
import math
import socket
import sys
import threading
import time
from collections.abc import Callable

import httpx2
import openai
import pytest

from playground.gateway import LocalGateway, start_gateway
from playground.gateway.generalist import SCALE
from tests.gateway.topics import FORMAT, LABELS, MESSAGES, SCHEMA, TEXT
from tests.gateway.word_runtime import ENCODER, WordRuntime, vector, words


def expected() -> dict[str, float]:
    """The distribution by the definition: softmax over scaled cosine similarities."""
    logits = {name: SCALE * float(vector(f"{name}: {text}") @ vector(TEXT)) for name, text in LABELS.items()}
    total = sum(math.exp(value) for value in logits.values())
    return {name: math.exp(value) / total for name, value in logits.items()}


def test_chat_picks_the_nearest_description(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
    answer = json.loads(reply.choices[0].message.content)
    best = max(expected(), key=expected().get)
    assert answer == {"label": best, "confidence": round(expected()[best], 2)}
    assert best == "weather"
    assert reply.model == "stand-in/word-hash"
    assert reply.system_fingerprint.startswith("fp_")
    assert reply.choices[0].finish_reason == "stop"
    assert reply.choices[0].logprobs is None
    read = [MESSAGES[0]["content"], TEXT, *(f"{name}: {text}" for name, text in LABELS.items())]
    assert reply.usage.prompt_tokens == sum(len(words(text)) for text in read)
    assert reply.usage.completion_tokens == len(words(reply.choices[0].message.content))
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_the_same_request_gives_the_same_reply(client: openai.OpenAI, runtime: WordRuntime) -> None:
    replies = [
        client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT) for _ in range(2)
    ]
    assert replies[0].choices == replies[1].choices
    assert replies[0].usage == replies[1].usage
    assert runtime.calls[-1].texts == (TEXT,)  # the choices' vectors are remembered, the visitor's text is not


def test_logprobs_are_the_distribution(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="stand-in", messages=MESSAGES, response_format=FORMAT, logprobs=True, top_logprobs=5
    )
    tokens = reply.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == reply.choices[0].message.content
    label = next(token for token in tokens if token.token == "weather")
    assert {row.token: math.exp(row.logprob) for row in label.top_logprobs} == pytest.approx(expected(), rel=1e-4)
    assert math.exp(label.logprob) == pytest.approx(max(expected().values()), rel=1e-4)
    assert [row.logprob for row in label.top_logprobs] == sorted(
        (row.logprob for row in label.top_logprobs), reverse=True
    )
    assert all(bytes(token.bytes).decode() == token.token for token in tokens)


def test_top_logprobs_is_obeyed(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="stand-in", messages=MESSAGES, response_format=FORMAT, logprobs=True, top_logprobs=2
    )
    assert max(len(token.top_logprobs) for token in reply.choices[0].logprobs.content) == 2


def test_streaming_says_the_same_with_usage_at_the_end(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
    chunks = list(
        client.chat.completions.create(
            model="stand-in",
            messages=MESSAGES,
            response_format=FORMAT,
            stream=True,
            logprobs=True,
            top_logprobs=3,
            stream_options={"include_usage": True},
        )
    )
    deltas = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(deltas) == whole.choices[0].message.content
    assert len([delta for delta in deltas if delta]) > 2
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])
    tokens = [
        row
        for chunk in chunks
        if chunk.choices and chunk.choices[0].logprobs
        for row in chunk.choices[0].logprobs.content
    ]
    assert len(next(row for row in tokens if row.token == "weather").top_logprobs) == 3


def test_streaming_without_usage(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="stand-in", messages=MESSAGES, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_without_a_schema_it_says_what_it_is(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(model="stand-in", messages=MESSAGES)
    assert "stand-in" in reply.choices[0].message.content
    assert reply.usage.completion_tokens == len(words(reply.choices[0].message.content))


def test_responses(client: openai.OpenAI) -> None:
    text = {"format": {"type": "json_schema", "name": "topic", "schema": SCHEMA, "strict": True}}
    reply = client.responses.create(model="stand-in", input=TEXT, instructions="Say what it is about.", text=text)
    assert json.loads(reply.output_text)["label"] == "weather"
    assert reply.status == "completed"
    chat = client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
    assert reply.usage.input_tokens == chat.usage.prompt_tokens
    assert reply.usage.output_tokens == chat.usage.completion_tokens


def test_responses_with_messages_and_logprobs(client: openai.OpenAI) -> None:
    reply = client.responses.create(
        model="stand-in/word-hash",
        input=[{"role": "user", "content": [{"type": "input_text", "text": TEXT}]}],
        text={"format": {"type": "json_schema", "name": "topic", "schema": SCHEMA, "strict": True}},
        include=["message.output_text.logprobs"],
        top_logprobs=3,
    )
    label = next(row for row in reply.output[0].content[0].logprobs if row.token == "weather")
    assert {row.token: math.exp(row.logprob) for row in label.top_logprobs} == pytest.approx(expected(), rel=1e-4)


def test_responses_streaming(client: openai.OpenAI) -> None:
    text = {"format": {"type": "json_schema", "name": "topic", "schema": SCHEMA, "strict": True}}
    with client.responses.stream(model="stand-in", input=TEXT, text=text) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == final.output_text
    assert json.loads(final.output_text)["label"] == "weather"
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")] == sorted(
        event.sequence_number for event in events if hasattr(event, "sequence_number")
    )


def test_responses_parse_fills_a_pydantic_model(client: openai.OpenAI) -> None:
    from typing import Literal

    from pydantic import BaseModel

    class Topic(BaseModel):
        label: Literal["weather", "food"]
        confidence: float

    assert client.responses.parse(model="stand-in", input=TEXT, text_format=Topic).output_parsed.label in (
        "weather",
        "food",
    )
    chat = client.chat.completions.parse(model="stand-in", messages=MESSAGES, response_format=Topic)
    assert 0 <= chat.choices[0].message.parsed.confidence <= 1


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["stand-in", "stand-in/word-hash"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_cancels_the_work(gateway: LocalGateway, runtime: WordRuntime, stream: bool) -> None:
    runtime.hold = threading.Event()
    body = json.dumps({"model": "stand-in", "messages": MESSAGES, "response_format": FORMAT, "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    port = int(gateway.base_url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + body)
        assert runtime.started.wait(10)
    assert runtime.cancelled.wait(20)


def test_one_line_is_logged_and_neither_text_nor_token_is_in_it(
    gateway: LocalGateway, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="playground.gateway"):
        gateway.wait_ready(10)
        reply = client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
        time.sleep(0.3)  # the line is written after the reply
    said = [record.getMessage() for record in caplog.records if record.name == "playground.gateway"]
    lines = [line for line in said if "POST" in line]
    assert len(lines) == 1
    assert "'/v1/chat/completions' model=stand-in/word-hash status=200" in lines[0]
    assert f"tokens_in={reply.usage.prompt_tokens} tokens_out={reply.usage.completion_tokens}" in lines[0]
    assert "sun" not in "\n".join(said)
    assert gateway.token not in "\n".join(said)


def test_the_scheduler_learns_whom_to_be_fair_to(client: openai.OpenAI, runtime: WordRuntime) -> None:
    client.chat.completions.create(model="stand-in", messages=MESSAGES, extra_headers={"X-Playground-User": "someone"})
    assert {call.user for call in runtime.calls} == {"someone"}


def test_starting_does_not_block_and_early_requests_wait(runtime: WordRuntime) -> None:
    started = time.perf_counter()
    gateway = start_gateway(runtime, ENCODER)
    elapsed = time.perf_counter() - started
    try:
        with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0) as client:
            assert len(list(client.models.list())) == 2
    finally:
        gateway.close()
    assert elapsed < 2  # it waits for nothing; a server that is up takes longer on a busy machine


def test_a_lazy_gateway_starts_when_its_address_is_asked_for(runtime: WordRuntime) -> None:
    gateway = start_gateway(runtime, ENCODER, lazy=True)
    try:
        assert not gateway.wait_ready(0.05)
        assert gateway.base_url.startswith("http://127.0.0.1:")
        assert gateway.wait_ready(10)
    finally:
        gateway.close()


def test_closing_twice_frees_the_port_and_the_thread(runtime: WordRuntime) -> None:
    before = set(threading.enumerate())
    gateway = start_gateway(runtime, ENCODER)
    url = gateway.base_url
    assert gateway.wait_ready(10)
    gateway.close()
    gateway.close()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "gateway"]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/models", trust_env=False)


def answers(gateway: LocalGateway) -> bool:
    with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=10) as client:
        return len(list(client.models.list())) == 2


def told_to_exit(gateway: LocalGateway) -> None:
    gateway._life._server.should_exit = True


def loop_stopped(gateway: LocalGateway) -> None:
    loop = gateway._life._server.servers[0].get_loop()
    loop.call_soon_threadsafe(loop.stop)
    gateway._life._thread.join(5)


def thread_exits(gateway: LocalGateway) -> None:
    """From a callback of its loop: an exception at any other place of it can lose a callback that closes a connection."""
    loop = gateway._life._server.servers[0].get_loop()
    loop.call_soon_threadsafe(sys.exit)
    gateway._life._thread.join(5)


def socket_closed(gateway: LocalGateway) -> None:
    gateway._life._socket.close()


@pytest.mark.parametrize("kill", [told_to_exit, loop_stopped, thread_exits, socket_closed])
def test_a_gateway_that_died_lives_again_for_who_asks_next(
    runtime: WordRuntime, kill: Callable[[LocalGateway], None]
) -> None:
    gateway = start_gateway(runtime, ENCODER)
    try:
        assert answers(gateway)
        token, first = gateway.token, gateway._life
        kill(gateway)
        assert answers(gateway)  # at once
        assert gateway.token == token
        assert gateway._life is not first
        first.join(5)
        assert not first._thread.is_alive()
        assert answers(gateway)
    finally:
        gateway.close()
    assert not gateway._life._thread.is_alive()


def test_a_gateway_that_cannot_start_is_tried_again(
    runtime: WordRuntime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = start_gateway(runtime, ENCODER, lazy=True)
    try:
        with monkeypatch.context() as broken:
            broken.setattr(gateway._life, "_app", lambda: 1 / 0)
            gateway.start()
            gateway._life._thread.join(10)
        assert "ZeroDivisionError" in caplog.text
        assert answers(gateway)
    finally:
        gateway.close()


def test_closing_before_it_started_is_fine(runtime: WordRuntime) -> None:
    gateway = start_gateway(runtime, ENCODER, lazy=True)
    gateway.close()
    assert gateway.base_url
    assert not gateway.wait_ready(0.05)


def test_tokens_are_random_and_in_no_repr(runtime: WordRuntime) -> None:
    gateways = [start_gateway(runtime, ENCODER, lazy=True) for _ in range(2)]
    assert gateways[0].token != gateways[1].token
    assert gateways[0].token not in repr(gateways[0])
    for gateway in gateways:
        gateway.close()
