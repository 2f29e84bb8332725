"""Training a tokenizer: the questions of its panel, and the route that takes a text as it is."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from playground.core.errors import NotSupported, PlaygroundError
from playground.core.token_training import MOST_TEXT
from playground.service import Playground
from playground.ui.actions import Asked, Reply, action
from playground.ui.routes import Refusal, asking_page, json_reply, read_body
from playground.views.tokens import train

CHUNK = 256  # merges whose rivals are sent at a time


def training_routes(service: Playground) -> list[Route]:
    """`POST playground/train-tokenizer?kind=&size=&name=&source=`: the body is the text in UTF-8, typed or of a file.

    Not as JSON: to read 10 MB of it would keep every other visitor waiting.
    """
    limit = max(MOST_TEXT, service.settings.max_upload_mb * 1_000_000) + 1

    async def start(request: Request) -> Response:
        try:
            page = asking_page(request)
            body = await read_body(request, limit)
            asked = request.query_params
            size = asked.get("size", "")
            await run_in_threadpool(
                service.training.start,
                page,
                body,
                asked.get("kind", ""),
                int(size) if size.isdecimal() and len(size) < 8 else 0,
                asked.get("name", ""),
                file=asked.get("source") == "file",
            )
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            return Response(status_code=400)
        except PlaygroundError as error:
            return json_reply({"error": str(error)})
        return json_reply(_state(service, page))

    return [Route("/playground/train-tokenizer", start, methods=["POST"])]


@action
def train_state(asked: Asked) -> Reply:
    return _state(asked.service, asked.session)


@action
def train_stop(asked: Asked) -> Reply:
    asked.service.training.stop(asked.session)
    return _state(asked.service, asked.session)


@action
def train_remove(asked: Asked) -> Reply:
    asked.service.training.remove(asked.session, asked.text("id"))
    return _state(asked.service, asked.session)


@action
def train_steps(asked: Asked) -> Reply:
    return train.steps(_steps(asked))


@action
def train_rivals(asked: Asked) -> Reply:
    return train.rivals(_steps(asked), asked.number("start"), CHUNK)


@action
def train_file(asked: Asked) -> Reply:
    """tokenizer.json; with `shared` the one that the package tokenizers reads."""
    trained = asked.service.training.get(asked.session, asked.text("id")).trained
    return {"file": "tokenizer.json", "text": (trained.shared if asked.yes("shared") else "") or trained.content}


def _steps(asked: Asked) -> train.MergeSteps:
    found = asked.service.training.get(asked.session, asked.text("id")).trained.steps
    if found is None:
        raise NotSupported("Only our own BPE tells its steps: train one of that kind.")
    return found


def _state(service: Playground, session: str) -> Reply:
    state = service.training.state(session)
    return {
        "working": train.working(state.progress, state.seconds) if state.progress else None,
        "failed": state.error,
        "kept": [train.own(one.ref.id, one.ref.title, one.trained, one.asked, one.text_bytes) for one in state.kept],
    }
