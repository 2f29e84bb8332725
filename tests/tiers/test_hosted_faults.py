"""Every fault of an endpoint is one sentence on one card, in time, without the key."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from playground.core.cancel import Cancel
from playground.core.events import Cancelled, Progress
from tests.tiers.hosted_helpers import KEY, live, run
from tests.tiers.scripted_server import Seen, Serve, chunk, hangs, refuses, streamed, whole


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, "credential_error", "refused the key (401)"),
        (403, "credential_error", "(403)"),
        (429, "rate_limited", "wait a minute"),
        (500, "endpoint_fault", "failed (500)"),
        (503, "endpoint_fault", "failed (503)"),
        (400, "endpoint_fault", "refused the request (400)"),
        (404, "endpoint_fault", "check the base URL"),
        (413, "endpoint_fault", "shorten it"),
        (418, "endpoint_fault", "(418)"),
    ],
)
def test_a_status_is_one_sentence(serve: Serve, status: int, kind: str, said: str) -> None:
    server = serve(refuses(status, "no"))
    error = run(live(server.base_url)).failed.error
    assert error.kind == kind
    assert said in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)
    assert len(server.seen) == 1  # none of them is tried again behind the user's back


def test_an_unknown_model(serve: Serve) -> None:
    error = run(live(serve(refuses(404, "The model does not exist")).base_url)).failed.error
    assert error.kind == "unknown_name"
    assert "gpt-test" in str(error)


def test_a_long_retry_after_fails_at_once_and_says_the_seconds(serve: Serve) -> None:
    server = serve(refuses(429, "slow down", retry_after="37"))
    started = time.monotonic()
    error: Any = run(live(server.base_url)).failed.error
    assert time.monotonic() - started < 15
    assert error.retry_after == 37
    assert "37 s" in str(error)
    assert len(server.seen) == 1


def test_a_short_retry_after_is_waited_for_once_and_seen(serve: Serve) -> None:
    server = serve(refuses(429, "slow down", retry_after="0.2"), streamed())
    ran = run(live(server.base_url))
    assert ran.finished.output.label == "positive"
    assert any(isinstance(event, Progress) and "wait 0.2 s" in event.what for event in ran.events)
    stubborn = serve(refuses(429, "slow down", retry_after="0.1"))
    assert run(live(stubborn.base_url)).failed.error.kind == "rate_limited"
    assert len(stubborn.seen) == 2


def test_no_credit_left(serve: Serve) -> None:
    async def script(seen: Seen) -> None:
        await seen.json(429, {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}})

    assert "no credit left" in str(run(live(serve(script).base_url)).failed.error)


def test_a_time_out(serve: Serve) -> None:
    server = serve(hangs)
    started = time.monotonic()
    error = run(live(server.base_url, hosted_timeout=0.3)).failed.error
    assert error.kind == "endpoint_timeout"
    assert "0.3 s" in str(error)
    assert time.monotonic() - started < 15
    assert server.client_left.wait(20)


def test_slow_headers_are_a_time_out(serve: Serve) -> None:
    async def drip(seen: Seen) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 1000:
            seen.writer.write(bytes([byte]))
            await seen.writer.drain()
            await asyncio.sleep(0.05)

    assert run(live(serve(drip).base_url, hosted_timeout=0.4)).failed.error.kind == "endpoint_timeout"


def test_a_stream_that_drips_forever_is_a_time_out(serve: Serve) -> None:
    async def drip(seen: Seen) -> None:
        await seen.begin_events()
        while True:
            await seen.event(chunk(" "))
            await asyncio.sleep(0.05)

    assert run(live(serve(drip).base_url, hosted_timeout=0.4)).failed.error.kind == "endpoint_timeout"


@pytest.mark.parametrize("by", ["settings", "cancel"])
def test_the_cards_deadline(serve: Serve, by: str) -> None:
    started = time.monotonic()
    if by == "settings":
        ran = run(live(serve(hangs).base_url, deadline=0.3))
    else:
        ran = run(live(serve(hangs).base_url), cancel=Cancel(0.3))
    assert ran.failed.error.kind == "deadline_exceeded"
    assert time.monotonic() - started < 15


def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = run(live(f"http://127.0.0.1:{port}/v1")).failed.error
    assert error.kind == "endpoint_unreachable"
    assert "check the address" in str(error)


def test_no_such_host() -> None:
    assert run(live("https://no-such-host.invalid/v1")).failed.error.kind == "endpoint_unreachable"


def test_a_connection_closed_without_a_word_is_tried_once_more(serve: Serve) -> None:
    async def close(seen: Seen) -> None:
        seen.abort()

    dead = serve(close)
    assert run(live(dead.base_url)).failed.error.kind == "endpoint_unreachable"
    assert len(dead.seen) == 2
    assert run(live(serve(close, streamed()).base_url)).finished.output.label == "positive"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("I think it is positive.", "did not answer with JSON"),
        ("", "did not answer with JSON"),
        (None, "did not answer with JSON"),
        ('{"label": "positive"', "did not answer with JSON"),
        ('["positive"]', "did not answer with JSON"),
        ('{"sentiment": "positive"}', "outside the labels"),
        ('{"label": "mixed", "confidence": 0.5}', "outside the labels"),
        ('{"label": ["positive"]}', "outside the labels"),
    ],
)
def test_a_reply_that_is_not_the_schema(serve: Serve, content: str | None, said: str) -> None:
    error = run(live(serve(whole(content)).base_url)).failed.error
    assert error.kind == "bad_reply"
    assert said in str(error)


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"label": "positive", "confidence": 0.9}\n```',
        'Here you are: {"label": "positive", "confidence": 0.9}. Anything else?',
        '<think>{"label": "negative"} or so?</think>{"label": "Positive", "confidence": 0.9}',
        '{"note": "first"} {"label": "POSITIVE", "confidence": 0.9}',
    ],
)
def test_an_answer_among_other_words_is_found(serve: Serve, content: str) -> None:
    output = run(live(serve(whole(content)).base_url)).finished.output
    assert (output.label, output.confidence) == ("positive", 0.9)


@pytest.mark.parametrize(
    "body", [b"<html>hello</html>", b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_no_completion(serve: Serve, body: bytes) -> None:
    async def script(seen: Seen) -> None:
        await seen.send(200, body)

    assert run(live(serve(script).base_url)).failed.error.kind == "bad_reply"


@pytest.mark.parametrize(
    "event", ["not json", "[]", "3", '{"choices": 3}', '{"choices": [3]}', '{"choices": [{"delta": 3}]}']
)
def test_an_event_that_is_no_chunk(serve: Serve, event: str) -> None:
    async def script(seen: Seen) -> None:
        await seen.begin_events()
        await seen.event(event)
        await seen.event("[DONE]")
        await seen.end_events()

    assert run(live(serve(script).base_url)).failed.error.kind in ("bad_reply", "stream_cut")


def test_empty_choices(serve: Serve) -> None:
    async def script(seen: Seen) -> None:
        await seen.json(200, {"id": "x", "choices": [], "model": "m"})

    assert "sent no answer" in str(run(live(serve(script).base_url)).failed.error)


def test_a_refusal(serve: Serve) -> None:
    error = run(live(serve(whole(None, refusal="I cannot help with that.")).base_url)).failed.error
    assert error.kind == "refused"


def test_the_content_filter(serve: Serve) -> None:
    assert run(live(serve(whole("", "content_filter")).base_url)).failed.error.kind == "refused"


def test_a_reply_cut_at_its_length(serve: Serve) -> None:
    error = run(live(serve(whole('{"label": "positive", "confidence": 0.9}', "length")).base_url)).failed.error
    assert error.kind == "bad_reply"
    assert "length limit" in str(error)


@pytest.mark.parametrize("ending", ["abort", "close", "done"])
def test_a_stream_cut_in_the_middle(serve: Serve, ending: str) -> None:
    async def script(seen: Seen) -> None:
        await seen.begin_events()
        await seen.event(chunk('{"label": "pos'))
        await asyncio.sleep(0.05)
        if ending == "abort":
            seen.abort()
        elif ending == "close":
            seen.writer.close()
        else:
            await seen.event("[DONE]")
            await seen.end_events()

    error = run(live(serve(script).base_url)).failed.error
    assert error.kind == "stream_cut"
    assert "broke off" in str(error)


def test_an_error_inside_a_stream(serve: Serve) -> None:
    async def script(seen: Seen) -> None:
        await seen.begin_events()
        await seen.event(chunk('{"label'))
        await seen.event({"error": {"message": f"overloaded {KEY}"}})
        await seen.end_events()

    error = run(live(serve(script).base_url)).failed.error
    assert error.kind == "endpoint_fault"
    assert "overloaded [key]" in str(error)


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    target = serve(streamed())

    async def script(seen: Seen) -> None:
        await seen.send(307, b"", Location=f"{target.base_url}/chat/completions")

    error = run(live(serve(script).base_url)).failed.error
    assert error.kind == "endpoint_fault"
    assert "redirects" in str(error)
    assert target.seen == []


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_reply_without_end_is_stopped(serve: Serve, kind: str) -> None:
    async def script(seen: Seen) -> None:
        seen.writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        block = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        while True:
            seen.writer.write(block)
            await seen.writer.drain()

    server = serve(script)
    assert run(live(server.base_url)).failed.error.kind == "bad_reply"
    assert server.client_left.wait(20)


def test_cancelling_in_the_middle_frees_the_connection_at_once(serve: Serve) -> None:
    server = serve(hangs)
    tier = live(server.base_url)
    ran = run(tier, after_start=server.arrived)
    assert isinstance(ran.last, Cancelled)
    assert server.client_left.wait(20)


def test_the_cancel_token_stops_a_stream(serve: Serve) -> None:
    async def drip(seen: Seen) -> None:
        await seen.begin_events()
        while True:
            await seen.event(chunk(" "))
            await asyncio.sleep(0.02)

    server = serve(drip)
    cancel = Cancel()

    def stop() -> None:
        server.arrived.wait(10)  # the first run of a process imports the client, which may take longer than any pause
        time.sleep(0.1)
        cancel.set()

    threading.Thread(target=stop).start()
    assert isinstance(run(live(server.base_url), cancel=cancel).last, Cancelled)
    assert server.client_left.wait(20)


def test_a_run_cancelled_before_it_starts_sends_nothing(serve: Serve) -> None:
    server = serve(streamed())
    cancel = Cancel()
    cancel.set()
    assert isinstance(run(live(server.base_url), cancel=cancel).last, Cancelled)
    time.sleep(0.1)
    assert server.seen == []
