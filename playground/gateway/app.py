"""The HTTP side: routes, the token, one log line per request, and cancelling when the client is gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.core.cancel import Cancel
from playground.core.protocols import Runtime
from playground.core.types import ModelRef
from playground.gateway.chat_format import ChatFormat
from playground.gateway.continuing import Continuing
from playground.gateway.faults import GatewayFault
from playground.gateway.generalist import Generalist
from playground.gateway.pieces import Piece, Reply
from playground.gateway.replies import ALIAS, Format, Speaker, models_json
from playground.gateway.requests import MAX_BODY_BYTES, AnyRequest, ChatRequest, ResponsesRequest, read_request
from playground.gateway.responses_format import ResponsesFormat

log = logging.getLogger("playground.gateway")

USER_HEADER = "x-playground-user"  # whom the scheduler is fair to; no name, and never sent to another endpoint
CLIENT_CLOSED = 499  # nginx's number for a client that left before the reply

T = TypeVar("T")


def create_app(runtime: Runtime, encoder: ModelRef, decoder: ModelRef | None, token: str, deadline: float) -> ASGIApp:
    """`deadline`: seconds one request may take. `decoder`: who goes on with a text where no schema is given; where there is none,
    the encoder says what it is.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    generalist, picks = Generalist(runtime, encoder), Speaker.of(encoder)
    continuing = None if decoder is None else Continuing(runtime, decoder)
    writes = None if decoder is None else Speaker.of(decoder)
    names = [ALIAS, picks.model, *([writes.model] if writes is not None else [])]

    async def answered(request: Request, asked: AnyRequest, dressed: Callable[[Speaker], Format]) -> Response:
        if asked.model not in names:
            raise GatewayFault(
                404, f"The model does not exist here: use {ALIAS}.", code="model_not_found", param="model"
            )
        form = asked.form()
        prompt = asked.prompt(request.headers.get(USER_HEADER, "")[:64])
        cancel = Cancel(deadline)
        if form is None and continuing is not None and writes is not None and asked.model != picks.model:
            request.scope["playground.model"] = writes.model
            pieces = continuing.go_on(prompt, asked.writing(), cancel)
            return await sent(request, pieces, cancel, dressed(writes), stream=asked.stream)
        if form is not None and writes is not None and asked.model == writes.model:
            raise GatewayFault(
                400, f"This model goes on with texts and fills no schema: use {ALIAS}.", code="unservable_schema"
            )
        request.scope["playground.model"] = picks.model

        async def work() -> Reply:
            return await (
                generalist.introduce(prompt, cancel) if form is None else generalist.fill(form, prompt, cancel)
            )

        return await sent(request, _at_once(work), cancel, dressed(picks), stream=asked.stream)

    async def sent(
        request: Request, pieces: AsyncIterator[Piece | Reply], cancel: Cancel, dress: Format, *, stream: bool
    ) -> Response:
        """A stream begins when its first piece is there: until then a fault is still a status."""

        async def following() -> Piece | Reply:
            try:
                async with asyncio.timeout(cancel.remaining()):
                    return await anext(pieces)
            except TimeoutError:
                late = "The answer took too long: send it again."
                raise GatewayFault(504, late, code="deadline_exceeded") from None

        async def last() -> Reply:
            while not isinstance(piece := await following(), Reply):
                pass
            return piece

        async def events(piece: Piece | Reply) -> AsyncIterator[str]:
            try:
                yield "".join(dress.opening())
                while not isinstance(piece, Reply):
                    yield "".join(dress.piece(piece))
                    piece = await following()
                _count(request, piece)
                yield "".join(dress.closing(piece))
            except GatewayFault as fault:
                yield "".join(dress.broken(fault))

        try:
            if stream:
                return _Stream(events(await _while_connected(request, following())), cancel)
            reply = await _while_connected(request, last())
        except BaseException:
            cancel.set()
            raise
        cancel.set()
        _count(request, reply)
        return Response(dress.whole(reply), media_type="application/json")

    @app.get("/v1/models")
    async def models() -> Response:
        return JSONResponse(models_json(names, picks.created))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        asked = read_request(ChatRequest, await _body(request))
        assert isinstance(asked, ChatRequest)
        top = (asked.top_logprobs or 0) if asked.logprobs else None
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        return await answered(request, asked, lambda speaker: ChatFormat(speaker, top, include_usage=usage))

    @app.post("/v1/responses")
    async def responses(request: Request) -> Response:
        asked = read_request(ResponsesRequest, await _body(request))
        assert isinstance(asked, ResponsesRequest)
        top = (asked.top_logprobs or 0) if asked.logprobs else None
        return await answered(request, asked, lambda speaker: ResponsesFormat(speaker, top))

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


async def _at_once(work: Callable[[], Awaitable[Reply]]) -> AsyncIterator[Piece | Reply]:
    """A reply that is there as a whole, in its pieces."""
    reply = await work()
    for piece in reply.pieces:
        yield piece
    yield reply


def _count(request: Request, reply: Reply) -> None:
    request.scope["playground.tokens"] = (reply.prompt_tokens, reply.completion_tokens)


class _Stream(StreamingResponse):
    """Server-sent events. Whatever ends it, the client's leaving above all, ends the work too."""

    def __init__(self, events: AsyncIterator[str], cancel: Cancel) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})
        self._cancel = cancel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancel.set()


def _error(fault: GatewayFault) -> Response:
    return JSONResponse(fault.json(), status_code=fault.status)
