"""The grid of what each head's removal does: a route of its own, for it fills line by line."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from playground.core.attention_types import AblationGrid
from playground.core.errors import InternalError, PlaygroundError
from playground.service import Playground, attention_cuts
from playground.ui.actions import Asked, Reply
from playground.ui.attention_look import order
from playground.ui.routes import Lines, Refusal, checked_data
from playground.ui.session import PageStates
from playground.views.attention import ablation_grid

log = logging.getLogger(__name__)


def grid_routes(service: Playground, pages: PageStates) -> list[Route]:
    """`POST playground/attention-grid`: a look's order, `part` and `instead`. Updates as lines, until the grid is full; who leaves
    early stops it.
    """
    limit = 16 * service.settings.max_input_chars + 65_536  # two texts, six bytes a character at most

    async def grid(request: Request) -> Response:
        try:
            page, data = await checked_data(request, limit)
        except Refusal as refusal:
            return refusal.response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Lines(updates(Asked(service, pages, page, data)))

    return [Route("/playground/attention-grid", grid, methods=["POST"])]


async def updates(asked: Asked) -> AsyncGenerator[Reply, None]:
    """`table`, the empty one, and `legend`, once; `row-LAYER`, the cells of a row, each time they change; `known` and `heads`, how
    many; at the end `summary`. Or `error`, a sentence.
    """
    sent: dict[int, str] = {}
    states = attention_cuts.each(
        asked.service.attention, order(asked), asked.text("part"), asked.text("instead"), asked.session
    )
    try:
        async with aclosing(states):
            async for state in states:
                rows = dict(enumerate(await run_in_threadpool(ablation_grid.rows, state.grid)))
                update: Reply = {} if sent else _frame(state.grid)
                update |= {f"row-{layer}": html for layer, html in rows.items() if sent.get(layer) != html}
                sent = rows
                update |= {"known": ablation_grid.known(state.grid), "heads": int(state.grid.effects.size)}
                if state.done:
                    update["summary"] = ablation_grid.summary(state.grid, state.changes)
                yield update
    except PlaygroundError as error:
        yield {"error": str(error)}
    except Exception:
        log.exception("a grid of heads failed")
        yield {"error": str(InternalError())}


def _frame(grid: AblationGrid) -> Reply:
    return {"table": ablation_grid.table(grid), "legend": ablation_grid.legend()}
