"""The page's own routes: a Run, and everything else the script asks for, without Gradio's queue between.

Each request names its page in the header X-Playground-Page: an id that the page's script made, of at least 128 random bits. It is
the session: who does not know it cannot see that page's history, use its key or stop its runs. Another site can neither send the
header without leave, which these routes never give, nor is it answered where the browser says that the request came from there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from playground.core.errors import InternalError, PlaygroundError, UnknownName
from playground.service import Playground
from playground.ui.actions import reply
from playground.ui.runs import Order, TaskRuns
from playground.ui.session import PageStates

log = logging.getLogger(__name__)

PAGE_HEADER = "x-playground-page"
PAGE_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")
BODY_SECONDS = 30.0  # within which a request's body must have come
ALIVE_SECONDS = 10.0  # after so much silence an empty update says that the line is open
SEND_SECONDS = 30.0  # within which a client must take an update; one that reads no more ends its run
_STREAM_HEADERS = [
    (b"content-type", b"application/x-ndjson"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Refusal(Exception):
    """A request that is not served: a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    def response(self) -> Response:
        # The rest of a body that is too large is never read: this connection can carry no further request.
        headers = {"connection": "close"} if self.status in (408, 413) else {}
        return json_reply({"error": str(self)}, self.status, headers)


class Asking:
    """A request whose page and body have been checked."""

    def __init__(self, request: Request, page: str, data: dict[str, Any]) -> None:
        self.request, self.page, self.data = request, page, data

    @property
    def task(self) -> str:
        return str(self.request.path_params["task"])


Serve = Callable[[Asking], Awaitable[Response]]


def page_routes(service: Playground, pages: PageStates) -> list[Route]:
    """For `app_kwargs` of the page's server, relative to the page's address."""
    limit = 80 * service.settings.max_input_chars + 65_536  # a table's worth of text, four bytes a character
    by_task: dict[str, TaskRuns] = {}

    def runs(asking: Asking) -> TaskRuns:
        try:
            task = service.tasks.get(asking.task)
        except UnknownName as error:
            raise Refusal(404, str(error)) from error
        found = by_task.get(task.name)
        if found is None or found.task is not task:
            found = by_task[task.name] = TaskRuns(service, task, pages)
        return found

    async def run(asking: Asking) -> Response:
        return Lines(runs(asking).run(Order.of(asking.data), asking.page))

    async def stop(asking: Asking) -> Response:
        runs(asking)
        service.stop(asking.page)
        return Response(status_code=204)

    async def open_run(asking: Asking) -> Response:
        tab = runs(asking)
        return json_reply(tab.guarded(lambda: tab.open(asking.data.get("run"), asking.page)))

    async def refresh(asking: Asking) -> Response:
        tab, everything = runs(asking), asking.data.get("everything") is True
        order = Order.of(asking.data)
        return json_reply(tab.guarded(lambda: tab.refresh(order, asking.page, everything=everything)))

    async def ask(asking: Asking) -> Response:
        address = asking.request.client.host if asking.request.client else None
        return json_reply(await reply(service, pages, asking.page, asking.data, address))

    tasks = {"run": run, "stop": stop, "open": open_run, "refresh": refresh}
    return [
        *(_route(f"/playground/{name}/{{task}}", serve, limit) for name, serve in tasks.items()),
        _route("/playground/ask", ask, limit),
    ]


def _route(path: str, serve: Serve, limit: int) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return await serve(await _checked(request, limit))
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except PlaygroundError as error:
            return json_reply({"error": str(error)}, 400)
        except Exception:
            log.exception("the page's request %s failed", path)
            return json_reply({"error": str(InternalError())}, 500)

    return Route(path, endpoint, methods=["POST"])


async def _checked(request: Request, limit: int) -> Asking:
    """Raises Refusal."""
    return Asking(request, *await checked_data(request, limit))


async def checked_data(request: Request, limit: int) -> tuple[str, dict[str, Any]]:
    """The page that asks, and what it sent. Raises Refusal."""
    page = asking_page(request)
    try:
        data = json.loads(await read_body(request, limit) or b"{}")
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise Refusal(400, "The request is not a JSON object: reload the page.")
    return page, data


def asking_page(request: Request) -> str:
    """Its id. Raises Refusal."""
    if _from_elsewhere(request):
        raise Refusal(403, "Another site asked this server for something: open the playground's own page.")
    page = request.headers.get(PAGE_HEADER, "")
    if not PAGE_ID.fullmatch(page):
        raise Refusal(
            400,
            "The request does not say which page it comes from: reload the page, or send the header X-Playground-Page with "
            "22 to 64 random letters or digits.",
        )
    return page


async def read_body(request: Request, limit: int) -> bytes:
    """Raises Refusal."""
    too_large = Refusal(413, "That is more than this server takes in one request: send less at a time.")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 12 or int(declared) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise Refusal(408, "The request did not arrive in time: try again.") from None
    return bytes(body)


def _from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent this. A program that is no browser says nothing."""
    headers = request.headers
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    # A browser tells the site over https and on this machine only: elsewhere its origin must be the host that it asked.
    asked = {headers.get("host"), headers.get("x-forwarded-host")}
    return urlsplit(origin).netloc not in asked


def json_reply(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Raises ValueError where a number is none."""
    return Response(
        _json(data),
        status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff", **(headers or {})},
        "application/json",
    )


def _json(data: Any) -> bytes:
    """What a page sent may hold lone surrogates, and a sentence about it too: UTF-8 has none, and “?” stands for each."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


class Lines(Response):
    """Updates as JSON lines, each sent as soon as it is there.

    When the client goes, or takes nothing for SEND_SECONDS, the updates are closed, and with them the run. While a slow client
    takes one line the next is not made: it then gets the newest state, and nothing piles up.
    """

    def __init__(self, updates: AsyncGenerator[Any, None]) -> None:
        super().__init__()
        self._updates = updates
        self._sending = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        writing = asyncio.create_task(self._write(send))
        watching = asyncio.create_task(gone(receive))
        both = (writing, watching)
        try:
            while not (await asyncio.wait(both, timeout=ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED))[0]:
                if not self._sending:
                    await send({"type": "http.response.body", "body": b"{}\n", "more_body": True})
        finally:
            watching.cancel()
            writing.cancel()
            await asyncio.gather(watching, writing, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM_HEADERS})
        try:
            async with aclosing(self._updates) as updates:
                async for update in updates:
                    self._sending = True
                    line = {"type": "http.response.body", "body": _json(update) + b"\n", "more_body": True}
                    await in_time(send, line)
                    self._sending = False
                self._sending = True
            await in_time(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            return  # the client is gone, or reads no more
        except Exception:
            log.exception("a run's updates could not be sent")


async def in_time(send: Send, message: Message) -> None:
    """Raises TimeoutError where the client takes nothing."""
    async with asyncio.timeout(SEND_SECONDS):
        await send(message)


async def gone(receive: Receive) -> None:
    """Until the client is."""
    while (await receive())["type"] != "http.disconnect":
        pass
