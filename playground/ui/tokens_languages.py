"""The panel of languages: its one question."""

from __future__ import annotations

from playground.service import token_languages
from playground.ui.actions import Asked, Reply, action
from playground.ui.tokens_asked import order
from playground.views.tokens import languages as view


@action
def tokens_languages(asked: Asked) -> Reply:
    found = token_languages.languages(asked.service.tokens, order(asked).rows, asked.session)
    return {"html": view.languages(found)}
