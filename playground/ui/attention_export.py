"""What can be taken from the attention page: its weights as a file, and the code that makes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from playground.core.errors import InternalError, PlaygroundError
from playground.service import Playground
from playground.service.attention import Order
from playground.service.attention_weights import npz
from playground.ui.actions import Asked, Reply, action
from playground.ui.attention_look import order
from playground.ui.routes import Refusal, checked_data, gone, in_time, json_reply
from playground.views import dialogs

log = logging.getLogger(__name__)

_HEADERS = [
    (b"content-type", b"application/x-npz"),
    (b"content-disposition", b'attachment; filename="attention.npz"'),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-content-type-options", b"nosniff"),
]


def export_routes(service: Playground) -> list[Route]:
    """`POST playground/attention-npz`: JSON with `model`, `text`, `target`, as the page's questions have them -> the NPZ file."""
    limit = 16 * service.settings.max_input_chars + 65_536  # two texts, six bytes a character at most

    async def weights(request: Request) -> Response:
        try:
            page, data = await checked_data(request, limit)
            looked = await service.attention.look(_order(data), page)
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            return Response(status_code=400)
        except PlaygroundError as error:
            return json_reply({"error": str(error)}, 400)
        except Exception:
            log.exception("the weights could not be had")
            return json_reply({"error": str(InternalError())}, 500)
        return Pieces(npz(service.attention, looked, page))

    return [Route("/playground/attention-npz", weights, methods=["POST"])]


def _order(data: dict[str, Any]) -> Order:
    model, text, target = (
        value if isinstance(value, str) else "" for value in map(data.get, ("model", "text", "target"))
    )
    return Order(model, text, target)


class Pieces(Response):
    """Bytes as they come. While a slow client takes one piece the next is not made. What fails on the way breaks the connection: a
    file that is not whole must not look whole.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        both = (asyncio.create_task(self._write(send)), asyncio.create_task(gone(receive)))
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await in_time(send, {"type": "http.response.body", "body": piece, "more_body": True})
            await in_time(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError):
            return  # the client is gone, or reads no more
        except PlaygroundError as error:
            log.warning("a file of weights was left unfinished: %s", error)
        except Exception:
            log.exception("a file of weights was left unfinished")


@action
def attention_code(asked: Asked) -> Reply:
    """`part`, `layer`, `head`: what is chosen, counted from 0."""
    wanted = order(asked)
    code = asked.service.attention.code(wanted, asked.text("part"), asked.number("layer"), asked.number("head"))
    title = asked.service.attention.of_model(wanted.model).title
    return {
        "html": dialogs.snippet(
            title, code, "A whole Python file: save it and run it. It makes the weights that are shown."
        )
    }
