"""One head, as large as the page is wide: what the page asks when another one is chosen, or shown otherwise."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool

from playground.core.attention_types import AttentionMap, PartMap
from playground.core.errors import InputError
from playground.ui.actions import Asked, Reply, waiting_action
from playground.ui.attention_look import order
from playground.views.attention.heatmap import figure, sentence
from playground.views.attention.shown import ALL, Choice, Combine, shown

LEAST_MASS = 30  # percent


@waiting_action
async def attention_head(asked: Asked) -> Reply:
    part, layer, head = asked.text("part"), asked.number("layer"), asked.number("head")
    choice = chosen(asked)
    looked, one = await asked.service.attention.layer(order(asked), part, layer, asked.session)
    return await run_in_threadpool(drawn, looked.map, one, layer, head, choice)


def chosen(asked: Asked) -> Choice:
    """mass: in whole percent. Raises InputError."""
    try:
        combine = Combine(asked.text("combine") or Combine.ONE)
    except ValueError:
        raise InputError("There is no such way to put heads together: choose one of the list.") from None
    mass = asked.number("mass")
    return Choice(
        combine,
        asked.yes("hide_special"),
        asked.yes("hide_first"),
        asked.yes("words"),
        ALL if mass < 0 or mass >= 100 else max(mass, LEAST_MASS) / 100,
    )


def drawn(found: AttentionMap, part: PartMap, layer: int, head: int, choice: Choice) -> dict[str, Any]:
    """rows, columns: the places of the tokens that each is made of, in the sides `queries` and `keys` of the look."""
    seen = shown(found, part, layer, head, choice)
    return {
        "figure": figure(seen),
        "rows": [list(places) for places in seen.rows],
        "columns": [list(places) for places in seen.columns],
        "row_names": list(seen.row_names),
        "column_names": list(seen.column_names),
        "queries": part.part.queries,
        "keys": part.part.keys,
        "hidden": seen.hidden,
        "blank": seen.blank,
        "sentence": sentence(seen),
    }
