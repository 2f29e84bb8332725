"""The panel of layers: what the model would say after each of them."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from playground.service import attention_cuts
from playground.ui.actions import Asked, Reply, waiting_action
from playground.ui.attention_look import order
from playground.views.attention import layers


@waiting_action
async def attention_layers(asked: Asked) -> Reply:
    found = await attention_cuts.layers(asked.service.attention, order(asked), asked.session)
    return {"html": await run_in_threadpool(layers.lens, found), "said": layers.sentence(found)}
