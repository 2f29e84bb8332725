"""The panel of numbers: its two questions."""

from __future__ import annotations

from playground.core.token_panels import Numbers
from playground.service import token_numbers
from playground.ui.actions import Asked, Reply, action
from playground.ui.tokens_asked import order
from playground.views.tokens import numbers as view


@action
def tokens_numbers(asked: Asked) -> Reply:
    return {"html": view.numbers(_found(asked))}


@action
def tokens_numbers_csv(asked: Asked) -> Reply:
    return {"file": "tokens.csv", "text": token_numbers.csv(_found(asked))}


def _found(asked: Asked) -> Numbers:
    sent, service = order(asked), asked.service
    return token_numbers.numbers(service.tokens, service.settings, sent.text, sent.rows, asked.session, **sent.options)
