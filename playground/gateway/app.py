"""The HTTP side: routes, the token, one log line per request, and cancelling when the client is gone."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.core.cancel import Cancel
from playground.core.protocols import Runtime
from playground.core.types import ModelRef
from playground.gateway import replies
from playground.gateway.faults import GatewayFault
from playground.gateway.generalist import Generalist, Reply
from playground.gateway.requests import MAX_BODY_BYTES, AnyRequest, ChatRequest, ResponsesRequest, read_request

log = logging.getLogger("playground.gateway")

ALIAS = "stand-in"  # as gpt-4.1 is answered by gpt-4.1-2025-04-14, this is answered by `stand-in/<encoder>`
USER_HEADER = "x-playground-user"  # whom the scheduler is fair to; no name, and never sent to another endpoint
CLIENT_CLOSED = 499  # nginx's number for a client that left before the reply

T = TypeVar("T")


def create_app(runtime: Runtime, encoder: ModelRef, token: str, deadline: float) -> ASGIApp:
    """`deadline`: seconds one request may take."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    generalist = Generalist(runtime, encoder)
    speaker = replies.Speaker(f"{ALIAS}/{encoder.id.rsplit('/', 1)[-1]}", _fingerprint(encoder), int(time.time()))

    async def answered(request: Request, asked: AnyRequest) -> Reply:
        if asked.model not in (ALIAS, speaker.model):
            raise GatewayFault(
                404, f"The model does not exist here: use {ALIAS}.", code="model_not_found", param="model"
            )
        request.scope["playground.model"] = speaker.model
        form = asked.form()
        prompt = asked.prompt(request.headers.get(USER_HEADER, "")[:64])
        cancel = Cancel(deadline)
        work = generalist.introduce(prompt, cancel) if form is None else generalist.fill(form, prompt, cancel)
        try:
            async with asyncio.timeout(deadline):
                reply = await _while_connected(request, work)
        except TimeoutError:
            raise GatewayFault(504, "The answer took too long: send it again.", code="deadline_exceeded") from None
        finally:
            cancel.set()
        request.scope["playground.tokens"] = (reply.prompt_tokens, reply.completion_tokens)
        return reply

    @app.get("/v1/models")
    async def models() -> Response:
        return JSONResponse(replies.models_json([ALIAS, speaker.model], speaker.created))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        asked = read_request(ChatRequest, await _body(request))
        assert isinstance(asked, ChatRequest)
        reply = await answered(request, asked)
        top = (asked.top_logprobs or 0) if asked.logprobs else None
        if asked.stream:
            usage = asked.stream_options is not None and asked.stream_options.include_usage
            return _stream(replies.chat_events(speaker, reply, top, usage))
        return Response(replies.chat_json(speaker, reply, top), media_type="application/json")

    @app.post("/v1/responses")
    async def responses(request: Request) -> Response:
        asked = read_request(ResponsesRequest, await _body(request))
        assert isinstance(asked, ResponsesRequest)
        reply = await answered(request, asked)
        top = (asked.top_logprobs or 0) if asked.logprobs else None
        if asked.stream:
            return _stream(replies.response_events(speaker, reply, top))
        return Response(replies.response_json(speaker, reply, top), media_type="application/json")

    @app.exception_handler(GatewayFault)
    async def fault(_: Request, error: Exception) -> Response:
        assert isinstance(error, GatewayFault)
        return _error(error)

    @app.exception_handler(HTTPException)
    async def no_route(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _error(GatewayFault(error.status_code, "There is nothing at this address.", code="not_found"))

    @app.exception_handler(_Gone)
    async def gone(_: Request, error: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED)  # for the log alone: nobody reads it

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        return _error(GatewayFault(500, "Something broke in the stand-in: see the log."))

    return _Door(app, token)


class _Door:
    """Lets in who has the token, and logs one line per request: never contents, never the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        status = CLIENT_CLOSED  # until a reply has been started

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self._knows(scope):
                await self._app(scope, receive, noting)
            else:
                fault = GatewayFault(401, "The token is missing or wrong.", code="invalid_api_key")
                await _error(fault)(scope, receive, noting)
        except asyncio.CancelledError:  # the gateway is going down; this is the request's own task, which ends here
            if status == CLIENT_CLOSED:
                fault = GatewayFault(503, "The stand-in was stopped in the middle of its answer: run again.")
                await _error(fault)(scope, receive, noting)
        except Exception:  # a bug of ours; `broken` has replied
            log.exception("a request failed")
        finally:
            milliseconds = 1000 * (time.perf_counter() - started)
            read, written = scope.get("playground.tokens", ("-", "-"))
            # %r: a path may hold line breaks, and a log line is one line.
            what = (scope["method"], scope["path"][:100], scope.get("playground.model", "-"))
            line = "%s %r model=%s status=%d %.1f ms tokens_in=%s tokens_out=%s"
            log.info(line, *what, status, milliseconds, read, written)

    def _knows(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return secrets.compare_digest(given, self._expected)


class _Gone(Exception):
    """The client closed the connection; there is nobody to answer."""


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """The work's result; when the client leaves first, the work is cancelled and _Gone raised."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _Gone
        return task.result()
    finally:
        for pending in (task, gone):
            pending.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Callable[[], Awaitable[Message]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(request: Request) -> bytes:
    """At most a little more than the limit: a longer body is refused before it is read to its end."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return bytes(body)


def _stream(events: Iterator[str]) -> Response:
    async def sent() -> Any:
        for event in events:
            yield event

    return StreamingResponse(sent(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


def _error(fault: GatewayFault) -> Response:
    return JSONResponse(fault.json(), status_code=fault.status)


def _fingerprint(encoder: ModelRef) -> str:
    """As OpenAI's system_fingerprint: changes when the weights do."""
    known = "".join(f"{name}:{digest}" for name, digest in encoder.digests) or f"{encoder.id}@{encoder.revision}"
    return f"fp_{hashlib.sha256(known.encode()).hexdigest()[:10]}"
