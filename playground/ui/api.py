"""The endpoint for programs: what `python -m playground run --json` prints, through Gradio's own API and its clients.

>>> from gradio_client import Client                                             # doctest: +SKIP
>>> Client("http://127.0.0.1:7860").predict("sentiment", "I loved it", ["scratch"], api_name="/run")   # doctest: +SKIP
{'task': 'sentiment', 'input': 'I loved it', 'results': [{'tier': 'scratch', ...}]}
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import gradio as gr

from playground.core.errors import InputError, InternalError, PlaygroundError
from playground.core.run import RunRecord, TierEvent
from playground.service import Playground
from playground.service.run import RunHandle, events
from playground.ui.runs import Order

log = logging.getLogger(__name__)


def add_api(service: Playground) -> None:
    """To be called while the page's Blocks are open."""

    async def run(
        task: str,
        text: str,
        tiers: list[str] | None = None,
        models: dict[str, str] | None = None,
        values: dict[str, str] | None = None,
        request: gr.Request = None,  # Gradio gives it
    ) -> dict[str, Any]:
        """One input through the tiers, side by side.

        Args:
            task: The task's name, e.g. sentiment.
            text: The input.
            tiers: Only these: hosted, pretrained, finetuned, scratch. None: all four.
            models: By tier, a model it offers. None: each tier's first.
            values: Of the task's fields, e.g. {"labels": "refund\\ndelivery"} of zero-shot. None: their defaults.
        """
        session = (request.session_hash if request is not None else None) or "program"
        order = Order.of({"text": text, "tiers": tiers, "models": models, "values": values})
        try:
            if tiers is not None and order.tiers is None:
                raise InputError("“tiers” is not a list: send the tiers' names in a list, or leave it out.")
            return (await _finished(service, str(task), order, session)).json()
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception:
            log.exception("a program's run of %r failed", task)
            raise gr.Error(str(InternalError()), print_exception=False) from None

    gr.api(run, api_name="run", concurrency_limit=None)


async def _finished(service: Playground, task: str, order: Order, session: str) -> RunRecord:
    """The run's record once every tier has had its last word. Leaving early cancels it."""
    handles: list[RunHandle] = []

    def start(emit: Callable[[TierEvent], None]) -> RunHandle:
        handles.append(
            service.start(
                task,
                order.text,
                session=session,
                emit=emit,
                models=order.models,
                tiers=order.tiers,
                values=order.values,
            )
        )
        return handles[0]

    async with aclosing(events(start)) as heard:
        async for _ in heard:
            pass
    return handles[0].record()
