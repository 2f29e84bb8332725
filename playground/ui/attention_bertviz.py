"""The attention page's question for bertviz' views: a document for a frame, with the weights that are drawn in it."""

from __future__ import annotations

from contextlib import aclosing
from functools import cache

from starlette.concurrency import run_in_threadpool

from playground.core.attention_types import Head, Part
from playground.core.errors import InputError
from playground.service.attention import Looked
from playground.service.attention_weights import layers
from playground.ui.actions import Asked, Reply, waiting_action
from playground.ui.attention_look import order
from playground.ui.launch import ASSETS, asset_address
from playground.views.attention import bertviz
from playground.views.attention.bertviz import Drawn

_VENDOR = "vendor/"


@waiting_action
async def attention_bertviz(asked: Asked) -> Reply:
    """`view`: "head" or "model". `part`, `layer`, `head`: what is chosen, counted from 0."""
    found = await asked.service.attention.look(order(asked), asked.session)
    chosen = _chosen(asked, found)
    if asked.text("view") == "model":
        tokens, notes = bertviz.model_view_tokens(found.map), []
        drawn = await _all(asked, found, tokens)
        draw = bertviz.model_view
    else:
        tokens, draw = bertviz.head_view_tokens(found.map), bertviz.head_view
        whole = bertviz.all_layers(found.map, tokens)
        drawn = await _all(asked, found, tokens) if whole else [await _one(asked, found, chosen, tokens)]
        notes = (
            []
            if whole
            else [f"Layer {chosen.layer + 1} is sent alone: choose a head of another layer to draw that one."]
        )
    drawn = bertviz.alike(drawn, chosen)
    name = f"bertviz-{draw.__name__.replace('_', '-')}.js"
    document = await run_in_threadpool(draw, found.map, drawn, chosen, tokens, _script(name))
    return {
        "document": document,
        "mark": bertviz.LIBRARIES,
        "libraries": [asset_address("js", f"{_VENDOR}{name}.min.js") for name in ("jquery", "d3")],
        "note": " ".join(filter(None, [bertviz.cut_note(found.map, tokens), *notes])),
    }


def _chosen(asked: Asked, found: Looked) -> Head:
    """Raises InputError."""
    one, layer, head = found.map.part(asked.text("part")), asked.number("layer"), asked.number("head")
    if one is None or not (0 <= layer < one.part.layers and 0 <= head < one.part.heads):
        raise InputError("This model has no such head: choose one of the overview.")
    return Head(one.part.name, layer, head)


async def _all(asked: Asked, found: Looked, tokens: int) -> list[Drawn]:
    """Of every layer the first tokens."""
    kept: dict[Part, list] = {}
    async with aclosing(layers(asked.service.attention, found, asked.session)) as every:
        async for layer in every:
            kept.setdefault(layer.part, []).append(layer.weights[:, :tokens, :tokens].copy())
    return [Drawn(part, tuple(range(part.layers)), tuple(weights)) for part, weights in kept.items()]


async def _one(asked: Asked, found: Looked, chosen: Head, tokens: int) -> Drawn:
    _, one = await asked.service.attention.layer(found.order, chosen.part, chosen.layer, asked.session)
    return Drawn(one.part, (chosen.layer,), (one.weights[chosen.layer][:, :tokens, :tokens],))


@cache
def _script(name: str) -> str:
    return (ASSETS / "js" / _VENDOR / name).read_text(encoding="utf-8")
