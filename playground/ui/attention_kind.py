"""What kind of head is this: the page's questions about the chosen head, and the test with random tokens that are said twice."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from playground.core.attention_types import Side
from playground.core.calls import Repeat
from playground.core.errors import InputError
from playground.ui.actions import Asked, Reply, waiting_action
from playground.ui.attention_look import order
from playground.views.attention import kinds


@waiting_action
async def attention_kind(asked: Asked) -> Reply:
    looked = await asked.service.attention.look(order(asked), asked.session)
    one = looked.map.part(asked.text("part"))
    layer, head = asked.number("layer"), asked.number("head")
    if one is None or not 0 <= layer < one.part.layers or not 0 <= head < one.part.heads:
        raise InputError("This model has no such head: choose one of the overview.")
    repeated = repeats_itself(looked.map.sides[one.part.queries])
    return {"html": await run_in_threadpool(kinds.kind_of_head, one, layer, head, repeated)}


def repeats_itself(side: Side) -> bool:
    """Whether some token that is no special one stands in the text twice."""
    ids = [number for number, special in zip(side.ids, side.special, strict=True) if not special]
    return len(set(ids)) < len(ids)


@waiting_action
async def attention_repeats(asked: Asked) -> Reply:
    """Of the model, whatever text is looked at."""
    desk = asked.service.attention
    found = await desk.ask(Repeat(desk.ref(asked.text("model")), asked.session), asked.session)
    return {"html": await run_in_threadpool(kinds.repeats, found)}
