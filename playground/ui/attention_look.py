"""The attention page's first questions: which models there are, what a card's link means, and a look."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from playground.core.errors import NotSupported
from playground.service.attention import Inspectable, Order
from playground.ui.actions import Asked, Reply, action, waiting_action
from playground.views.attention.look import look

FIRST = "bundled/sentiment-general"


def order(asked: Asked) -> Order:
    """What every question of the page says it is about."""
    return Order(asked.text("model"), asked.text("text"), asked.text("target"))


@action
def attention_models(asked: Asked) -> Reply:
    """By tier, in their order; those that serve no task come last."""
    rows = asked.service.attention.models()
    titles = asked.service.tier_titles
    groups: dict[str, list[Reply]] = {}
    for row in sorted(rows, key=lambda row: not row.tasks):
        group = titles.get(row.tier, row.tier) if row.tasks else "Made to be looked into"
        groups.setdefault(group, []).append(_model(asked, row))
    return {
        "groups": [{"title": title, "models": models} for title, models in groups.items()],
        "first": next((row.id for row in rows if row.id == FIRST and row.available), ""),
    }


def _model(asked: Asked, row: Inspectable) -> Reply:
    known = {task.name: task.title for task in asked.service.tasks}
    return {
        "id": row.id,
        "title": row.title,
        "tier": row.tier,
        "tasks": [known[name] for name in row.tasks if name in known],
        "asks": "question" if "qa" in row.tasks else "gap" if "fill-mask" in row.tasks else "",
        "writes": row.writes,
        "available": row.available,
        "why_not": row.why_not,
    }


@action
def attention_given(asked: Asked) -> Reply:
    """A card's input and model, as a look takes them. `hidden`: the sentence of a tier that cannot be looked into."""
    try:
        found = asked.service.attention.given(
            asked.text("task"), asked.text("tier"), asked.model, asked.text("text"), asked.values
        )
    except NotSupported as error:
        return {"hidden": str(error)}
    return {"model": found.model, "text": found.text}


@waiting_action
async def attention_look(asked: Asked) -> Reply:
    found = await asked.service.attention.look(order(asked), asked.session)
    reply = await run_in_threadpool(look, found.map, found.stats)
    return {**reply, "title": found.title, "target": found.order.target}
