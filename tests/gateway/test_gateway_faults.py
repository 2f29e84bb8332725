"""What is wrong with a request, or in the runtime, as OpenAI's error JSON."""

from __future__ import annotations

import threading
import time

import httpx2
import openai
import pytest

from playground.core.errors import Busy, DeadlineExceeded, InternalError, LoadFailed
from playground.gateway import LocalGateway, start_gateway
from playground.tasks import find_tasks
from tests.gateway.topics import FORMAT, MESSAGES
from tests.gateway.word_runtime import ENCODER, WordRuntime


@pytest.mark.parametrize("token", ["wrong", "x" * 43])
def test_a_wrong_token_is_401(gateway: LocalGateway, token: str, runtime: WordRuntime) -> None:
    with openai.OpenAI(api_key=token, base_url=gateway.base_url, max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="stand-in", messages=MESSAGES)
        with pytest.raises(openai.AuthenticationError):
            client.models.list()
    assert caught.value.body["code"] == "invalid_api_key"
    assert runtime.calls == []


def test_a_missing_token_is_401(gateway: LocalGateway) -> None:
    assert httpx2.get(f"{gateway.base_url}/models", trust_env=False).status_code == 401


def test_an_unknown_model_is_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert caught.value.body["code"] == "model_not_found"


def test_an_unknown_address_is_404_in_openais_json(gateway: LocalGateway) -> None:
    headers = {"authorization": f"Bearer {gateway.token}"}
    reply = httpx2.get(f"{gateway.base_url}/embeddings", headers=headers, trust_env=False)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"
    assert httpx2.get(f"{gateway.base_url}/chat/completions", headers=headers, trust_env=False).status_code == 405


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"\xff\xfe", None),
        (b"[]", None),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "model"),
        (b'{"model": "stand-in", "messages": []}', "messages"),
        (b'{"model": "stand-in", "messages": [{"role": "user", "content": "  "}]}', "messages"),
        (b'{"model": "stand-in", "messages": [{"role": "system", "content": "x"}]}', "messages"),
        (b'{"model": "stand-in", "messages": [{"role": "user", "content": "x"}], "top_logprobs": 2}', "top_logprobs"),
        (b'{"model": "stand-in", "messages": [{"role": "user", "content": "x"}], "n": 2}', "n"),
        (b'{"model": "stand-in", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}', "messages"),
    ],
)
def test_a_bad_body_is_400_naming_the_field(gateway: LocalGateway, body: bytes, param: str | None) -> None:
    reply = httpx2.post(
        f"{gateway.base_url}/chat/completions",
        content=body,
        headers={"authorization": f"Bearer {gateway.token}"},
        trust_env=False,
    )
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


def test_a_body_without_end_is_413(gateway: LocalGateway) -> None:
    reply = httpx2.post(
        f"{gateway.base_url}/chat/completions",
        content=b" " * (2**21 + 1),
        headers={"authorization": f"Bearer {gateway.token}"},
        trust_env=False,
    )
    assert reply.status_code == 413


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Busy("Full."), 503), (LoadFailed("Broken."), 503), (DeadlineExceeded("Late."), 504), (InternalError(), 500)],
)
def test_a_runtime_fault_is_5xx(client: openai.OpenAI, runtime: WordRuntime, fault: Exception, status: int) -> None:
    runtime.fault = fault
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
    assert caught.value.status_code == status
    assert caught.value.body["message"] == str(fault)
    assert caught.value.body["type"] == "server_error"


def test_a_bug_is_500_and_tells_the_client_nothing(
    client: openai.OpenAI, runtime: WordRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    runtime.crash = RuntimeError("inner details")
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT, stream=True)
    assert "inner" not in str(caught.value)
    time.sleep(0.3)
    assert any(record.exc_info for record in caplog.records if record.name == "playground.gateway")


def test_a_runtime_that_never_answers_is_504(runtime: WordRuntime) -> None:
    runtime.hold = threading.Event()
    gateway = start_gateway(runtime, ENCODER, deadline=0.3)
    try:
        with (
            openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=10) as client,
            pytest.raises(openai.InternalServerError) as caught,
        ):
            client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=FORMAT)
        assert caught.value.status_code == 504
        assert runtime.cancelled.wait(20)
    finally:
        gateway.close()


@pytest.mark.parametrize("task", ["ner", "pos"])
def test_a_schema_that_asks_for_words_of_the_text_is_refused_and_nothing_is_made_up(
    client: openai.OpenAI, runtime: WordRuntime, task: str
) -> None:
    schema = find_tasks().get(task).schema()
    wanted = {"type": "json_schema", "json_schema": {"name": task, "strict": True, "schema": schema}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="stand-in", messages=MESSAGES, response_format=wanted)
    assert caught.value.body["code"] == "unservable_schema"
    assert caught.value.body["param"] == "response_format"
    assert "writes no text" in caught.value.body["message"]
    assert runtime.calls == []
