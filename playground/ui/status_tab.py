"""The Status tab and `/metrics`: the tab's place in the page, its questions, and the plain route."""

from __future__ import annotations

from datetime import UTC, datetime

import gradio as gr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from playground.core.errors import TooManyRequests
from playground.service import Playground
from playground.service.metrics import CONTENT_TYPE
from playground.ui.actions import Asked, Reply, action
from playground.ui.task_tab import part
from playground.views import status as views

UNAUTHORIZED = "This is for the server's owner: send “Authorization: Bearer” with the owner's token.\n"


def status_tab(service: Playground) -> gr.Column:
    """Empty places: the page's script fills them while the tab is shown."""
    with gr.Column(elem_id="pg-tab-status", elem_classes="pg-tab") as tab:
        part(views.head())
        part(views.board(), "pg-board-part")
    return tab


def status_routes(service: Playground) -> list[Route]:
    def metrics(
        request: Request,
    ) -> Response:  # not async: Starlette runs it in a thread, and it imports at its first call
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        address = request.client.host if request.client else None
        try:
            known = service.owner.knows(token.strip() if scheme.lower() == "bearer" else None, address)
        except TooManyRequests as error:
            return PlainTextResponse(f"{error}\n", 429, {"retry-after": str(round(error.retry_after))})
        if not known:
            return PlainTextResponse(UNAUTHORIZED, 401, {"www-authenticate": "Bearer"})
        return Response(service.metrics(), media_type=CONTENT_TYPE, headers={"cache-control": "no-store"})

    return [Route("/metrics", metrics, methods=["GET"])]


@action
def status(asked: Asked) -> Reply:
    """What the tab shows now. A visitor of a public server sees it without the owner's buttons; there is no input in it."""
    return _parts(asked, owner=asked.service.owner.knows(asked.text("owner"), asked.address))


@action
def pin(asked: Asked) -> Reply:
    pinned = asked.text("pinned") == "yes"
    asked.service.pin(asked.text("model"), pinned, token=asked.text("owner"), address=asked.address)
    return {**_parts(asked, owner=True), "said": "Pinned: it stays in memory." if pinned else "No longer pinned."}


@action
def unload(asked: Asked) -> Reply:
    gone = asked.service.unload(asked.text("model"), token=asked.text("owner"), address=asked.address)
    return {**_parts(asked, owner=True), "said": "Unloaded." if gone == 1 else f"Unloaded, with {gone - 1} over it."}


@action
def unload_idle(asked: Asked) -> Reply:
    gone = asked.service.unload(None, token=asked.text("owner"), address=asked.address)
    words = {0: "No model was idle.", 1: "1 model was unloaded."}.get(gone, f"{gone} models were unloaded.")
    return {**_parts(asked, owner=True), "said": words}


def _parts(asked: Asked, *, owner: bool) -> Reply:
    service = asked.service
    parts = views.parts(service.report(), service.work(), owner=owner, now=datetime.now(UTC))
    return {"parts": parts, "owner": owner}
