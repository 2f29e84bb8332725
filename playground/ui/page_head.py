"""Our head in the page as it leaves the server.

Gradio hands a `head` over in its config and adds it by script, after the first paint and in no certain order. Written into the
HTML itself, the theme is there before the first pixel, the styles before the first box, the scripts before the first component.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing is ever fetched from elsewhere. Gradio's templates are compiled in the browser, hence unsafe-eval.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; base-uri 'self'"
_FOREIGN_IMAGE = re.compile(rb'<meta\s+property="og:image"\s+content="https://[^"]*"\s*/?>')


class PageHead:
    """ASGI middleware: puts `head` before `</head>` of every HTML page, and the policy into its headers."""

    def __init__(self, app: ASGIApp, head: str) -> None:
        self._app = app
        self._head = head.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: MutableMapping[str, Any] | None = None
        body = bytearray()

        async def rewritten(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif start is not None and message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._finish(start, bytes(body), send)
            else:
                await send(message)

        await self._app(scope, receive, rewritten)

    async def _finish(self, start: MutableMapping[str, Any], body: bytes, send: Send) -> None:
        body = _FOREIGN_IMAGE.sub(b"", body).replace(b"</head>", self._head + b"\n</head>", 1)
        headers = [
            (name, value) for name, value in start["headers"] if name.lower() not in (b"content-length", b"etag")
        ]
        headers += [(b"content-length", str(len(body)).encode()), (b"content-security-policy", POLICY.encode())]
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _is_html(message: Message) -> bool:
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in message["headers"])
