"""The panel of embeddings: whose can be looked at, the text's tokens on a map, a token's neighbours."""

from __future__ import annotations

from playground.ui.actions import Asked, Reply, action
from playground.ui.tokens_asked import order
from playground.views.tokens import embeddings as view


@action
def tokens_places(asked: Asked) -> Reply:
    """`row`: the tokenizer that was chosen before, or is pinned."""
    places = asked.service.embeddings.places(order(asked).rows, asked.session)
    return {"html": view.places(places, asked.text("row"))}


@action
def tokens_map(asked: Asked) -> Reply:
    """Points for the page's script to draw, and what is to be said of them."""
    sent = order(asked)
    found = asked.service.embeddings.spread(sent.text, asked.text("row"), asked.session, **sent.options)
    return {"points": view.points(found), "html": view.about(found)}


@action
def tokens_neighbours(asked: Asked) -> Reply:
    found = asked.service.embeddings.near(asked.text("row"), asked.number("token"), asked.session)
    return {"html": view.neighbours(found)}
