"""The stand-in goes on with texts, seen by the real openai client over real HTTP: piece by piece, as they are written."""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from playground.core.errors import Busy, InputTooLong, InternalError
from playground.core.writing_types import Writing
from playground.gateway import LocalGateway, start_gateway
from playground.gateway.requests import LENGTH, MOST_LENGTH
from tests.fakes.runtime import FakeRuntime, answer
from tests.gateway.step_runtime import DECODER, WORDS, StepRuntime
from tests.gateway.topics import FORMAT, MESSAGES
from tests.gateway.word_runtime import ENCODER

TEXT = "It was a cold morning in March"
ASKED: list[Any] = [
    {"role": "system", "content": "You continue texts."},
    {"role": "user", "content": "Something else"},
    {"role": "assistant", "content": "entirely"},
    {"role": "user", "content": TEXT},
]


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[StepRuntime, LocalGateway]]:
    runtime = StepRuntime()
    gateway = start_gateway(runtime, ENCODER, DECODER, deadline=20)
    yield runtime, gateway
    gateway.close()


@pytest.fixture
def runtime(serving: tuple[StepRuntime, LocalGateway]) -> StepRuntime:
    serving[0].__init__()  # type: ignore[misc]
    return serving[0]


@pytest.fixture
def gateway(serving: tuple[StepRuntime, LocalGateway], runtime: StepRuntime) -> LocalGateway:
    return serving[1]


@pytest.fixture
def client(gateway: LocalGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=20) as client:
        yield client


def let(runtime: StepRuntime, words: int = 100) -> None:
    runtime.steps.release(words)


def test_a_text_is_continued_with_the_settings_that_were_sent(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime)
    reply = client.chat.completions.create(
        model="stand-in", messages=ASKED, max_completion_tokens=4, temperature=0.5, top_p=0.9, seed=7
    )
    assert reply.choices[0].message.content == "".join(WORDS[:4])
    assert reply.choices[0].finish_reason == "length"
    assert reply.choices[0].logprobs is None
    assert reply.model == "stand-in/steps"
    assert reply.system_fingerprint.startswith("fp_")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (7, 4, 11)
    assert runtime.calls[0].text == TEXT
    assert runtime.calls[0].model == DECODER
    assert runtime.calls[0].writing == Writing(length=4, temperature=0.5, top_p=0.9, seed=7)


def test_what_is_not_said_is_as_in_openais_api(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime)
    for more in ({}, {}, {"max_tokens": 3}, {"max_tokens": 10**9, "top_p": 0}):
        reply = client.chat.completions.create(model="stand-in", messages=ASKED, **more)
    assert reply.choices[0].finish_reason == "stop"
    writings = [call.writing for call in runtime.calls]
    assert [writing.length for writing in writings] == [LENGTH, LENGTH, 3, MOST_LENGTH]
    assert (writings[0].temperature, writings[0].top_p, writings[0].details) == (1.0, 1.0, False)
    assert writings[0].seed != writings[1].seed  # any
    assert 0 < writings[3].top_p < 0.001


def test_each_piece_goes_out_as_it_is_written(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime, 1)  # before the first, the reply does not begin
    stream = client.chat.completions.create(model="stand-in", messages=ASKED, stream=True)
    deltas: list[str] = []
    for chunk in stream:
        if piece := chunk.choices[0].delta.content:
            deltas.append(piece)
            assert runtime.written == len(deltas)
            let(runtime, 1)
    assert deltas == list(WORDS)
    assert chunk.choices[0].finish_reason == "stop"


def test_responses_go_out_as_they_are_written_too(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime, 1)
    deltas: list[str] = []
    with client.responses.stream(model="stand-in", input=TEXT, instructions="Go on.") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
                assert runtime.written == len(deltas)
                let(runtime, 1)
        final = stream.get_final_response()
    assert deltas == list(WORDS)
    assert final.output_text == "".join(WORDS)
    assert (final.status, final.usage.output_tokens) == ("completed", len(WORDS))
    assert runtime.calls[0].text == TEXT


def test_a_response_that_has_its_length_is_incomplete(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime)
    whole = client.responses.create(model="stand-in", input=TEXT, max_output_tokens=2)
    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert whole.output_text == "".join(WORDS[:2])
    events = list(client.responses.create(model="stand-in", input=TEXT, max_output_tokens=2, stream=True))
    assert events[-1].type == "response.incomplete"
    assert events[-1].response.output_text == "".join(WORDS[:2])
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_usage_comes_at_the_end_of_a_stream_where_it_was_asked_for(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime)
    chunks = list(
        client.chat.completions.create(
            model="stand-in", messages=ASKED, stream=True, stream_options={"include_usage": True}, max_tokens=5
        )
    )
    assert chunks[-1].choices == []
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (7, 5)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_are_the_models_own(client: openai.OpenAI, runtime: StepRuntime, stream: bool) -> None:
    let(runtime)
    asked: dict[str, Any] = {"model": "stand-in", "messages": ASKED, "logprobs": True, "top_logprobs": 1}
    if stream:
        chunks = list(client.chat.completions.create(**asked, stream=True))
        told = [chunk.choices[0].logprobs for chunk in chunks if chunk.choices[0].logprobs]
        rows = [row for logprobs in told for row in logprobs.content]
    else:
        rows = client.chat.completions.create(**asked).choices[0].logprobs.content
    assert [row.token for row in rows] == list(WORDS)
    assert [bytes(row.bytes).decode() for row in rows] == list(WORDS)
    assert [math.exp(row.logprob) for row in rows] == pytest.approx([0.5] * len(WORDS))
    assert [[choice.token for choice in row.top_logprobs] for row in rows] == [[" the"]] * len(WORDS)
    assert runtime.calls[0].writing.details


def test_logprobs_of_responses(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime)
    reply = client.responses.create(
        model="stand-in", input=TEXT, include=["message.output_text.logprobs"], top_logprobs=2
    )
    rows = reply.output[0].content[0].logprobs
    assert [row.token for row in rows] == list(WORDS)
    assert len(rows[0].top_logprobs) == 2


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_writing_within_a_word(
    gateway: LocalGateway, runtime: StepRuntime, path: str, stream: bool
) -> None:
    body = {"model": "stand-in", "messages": ASKED, "input": TEXT, "stream": stream}
    sent = json.dumps(body).encode()
    head = (
        f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.token}\r\n"
        f"Content-Length: {len(sent)}\r\n\r\n"
    )
    port = int(gateway.base_url.split(":")[2].split("/")[0])
    let(runtime, 2)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head.encode() + sent)
        if stream:
            got = b""
            while WORDS[1].encode() not in got:
                got += connection.recv(4096)
        else:
            while runtime.written < 2:
                threading.Event().wait(0.01)
    assert runtime.cancelled.wait(20)
    assert runtime.written == 2


def test_a_closed_stream_ends_the_writing(client: openai.OpenAI, runtime: StepRuntime) -> None:
    let(runtime, 1)
    stream = client.chat.completions.create(model="stand-in", messages=ASKED, stream=True)
    next(iter(stream))
    stream.close()
    assert runtime.cancelled.wait(20)
    assert runtime.written == 1


def test_four_streams_run_at_once() -> None:
    runtime = FakeRuntime()
    runtime.always.pause = 0.02
    gateway = start_gateway(runtime, ENCODER, DECODER, deadline=20)
    begun = threading.Barrier(4, timeout=20)
    texts: dict[int, str] = {}

    def one(seed: int) -> None:
        with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=20) as client:
            stream = client.chat.completions.create(
                model="stand-in", messages=ASKED, stream=True, seed=seed, max_tokens=12
            )
            pieces = [chunk.choices[0].delta.content or "" for chunk in _meeting(stream, begun)]
        texts[seed] = "".join(pieces)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gateway.close()
    expected = {call.writing.seed: answer(call).text for call in runtime.calls}  # type: ignore[union-attr]
    assert texts == expected
    assert len(set(texts.values())) == 4


def _meeting(stream: Any, begun: threading.Barrier) -> Iterator[Any]:
    """All wait for one another in the middle of their streams."""
    for number, chunk in enumerate(stream):
        if number == 2:
            begun.wait()
        yield chunk


@pytest.mark.parametrize(
    ("fault", "status"), [(Busy("Full."), 503), (InputTooLong(9, 8), 400), (InternalError("Broken."), 500)]
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_fault_before_the_first_word_is_a_status(
    client: openai.OpenAI, runtime: StepRuntime, fault: Any, status: int, stream: bool
) -> None:
    runtime.fault = fault
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="stand-in", messages=ASKED, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.body["message"] == str(fault)  # type: ignore[index,call-overload]


def test_a_fault_in_the_middle_is_an_error_in_the_stream(client: openai.OpenAI, runtime: StepRuntime) -> None:
    runtime.fault, runtime.fails = Busy("Full."), 2
    let(runtime)
    stream = client.chat.completions.create(model="stand-in", messages=ASKED, stream=True)
    got = [next(stream).choices[0].delta.content for _ in range(3)]
    assert got == ["", *WORDS[:2]]
    with pytest.raises(openai.APIError, match="Full"):
        next(stream)
    runtime.fault, runtime.fails = Busy("Full."), 2
    events = list(client.responses.create(model="stand-in", input=TEXT, stream=True))
    assert (events[-1].type, events[-1].message) == ("error", "Full.")


def test_a_text_that_takes_too_long_is_ended() -> None:
    runtime = StepRuntime()
    gateway = start_gateway(runtime, ENCODER, DECODER, deadline=0.5)
    try:
        with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=20) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                client.chat.completions.create(model="stand-in", messages=ASKED, stream=True)
            assert caught.value.status_code == 504
            assert runtime.cancelled.wait(20)
            let(runtime, 1)
            with pytest.raises(openai.APIError, match="too long"):
                list(client.chat.completions.create(model="stand-in", messages=ASKED, stream=True))
            assert runtime.written == 1
    finally:
        gateway.close()


@pytest.mark.parametrize(
    ("field", "value"),
    [("temperature", 3), ("temperature", -1), ("top_p", 1.5), ("max_tokens", 0), ("max_completion_tokens", "x"),
     ("seed", 0.5)],
)  # fmt: skip
def test_a_bad_setting_is_400_naming_the_field(gateway: LocalGateway, field: str, value: Any) -> None:
    reply = httpx2.post(
        f"{gateway.base_url}/chat/completions",
        json={"model": "stand-in", "messages": ASKED, field: value},
        headers={"authorization": f"Bearer {gateway.token}"},
        trust_env=False,
    )
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)


def test_who_answers_depends_on_what_is_asked() -> None:
    runtime = FakeRuntime()
    gateway = start_gateway(runtime, ENCODER, DECODER)
    try:
        with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=20) as client:
            assert [model.id for model in client.models.list()] == ["stand-in", "stand-in/word-hash", "stand-in/steps"]
            ask = client.chat.completions.create
            picked = ask(model="stand-in", messages=MESSAGES, response_format=FORMAT)
            written = ask(model="stand-in", messages=MESSAGES)
            assert (picked.model, written.model) == ("stand-in/word-hash", "stand-in/steps")
            assert picked.system_fingerprint != written.system_fingerprint
            assert "label" in json.loads(picked.choices[0].message.content)
            assert ask(model="stand-in/steps", messages=MESSAGES).model == "stand-in/steps"
            introduced = ask(model="stand-in/word-hash", messages=MESSAGES)
            assert "stand-in" in introduced.choices[0].message.content
            with pytest.raises(openai.BadRequestError, match="fills no schema"):
                ask(model="stand-in/steps", messages=MESSAGES, response_format=FORMAT)
    finally:
        gateway.close()


def test_it_serves_texts_only_with_a_decoder() -> None:
    with_one, without = (start_gateway(StepRuntime(), ENCODER, one, lazy=True) for one in (DECODER, None))
    assert with_one.serves({})
    assert not without.serves({})
    for gateway in (with_one, without):
        gateway.close()
