"""The panel of conversations: which tokenizers can write one, and one as they write it."""

from __future__ import annotations

from playground.core.token_types import Message
from playground.service import token_chat
from playground.ui.actions import Asked, Reply, action
from playground.ui.tokens_asked import order
from playground.views.tokens import chat as view


@action
def tokens_chat_choices(asked: Asked) -> Reply:
    found = token_chat.choices(asked.service.tokens, order(asked).rows, asked.session)
    return {"html": view.choices(found, asked.text("tokenizer"))}


@action
def tokens_chat(asked: Asked) -> Reply:
    messages = [Message(one.get("role", ""), one.get("text", "")) for one in asked.mappings("messages")]
    found = token_chat.converse(asked.service.tokens, messages, asked.text("tokenizer"), asked.session)
    return {"html": view.conversation(found, token_chat.shares(found))}
