"""Which tokenizers can write a conversation, and one as they write it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.errors import EmptyInput, InputError, InputTooLong, PlaygroundError
from playground.core.token_panels import Offer, Shares
from playground.core.token_types import Conversation, Message, TokenizerRef
from playground.service.tokens import MOST_CHARS, TokenDesk

ROLES = ("system", "user", "assistant", "tool")
MOST_MESSAGES = 40
_TRIAL = (Message("user", "Hello"),)


def choices(desk: TokenDesk, names: Sequence[str], session: str = "") -> list[Offer]:
    """The hosted ones and those of `names`, each tried on one short message. In the order of the tiers."""
    wanted = set(names)
    refs = [ref for ref in desk.choices(session) if ref.tier == "hosted" or ref.id in wanted]
    listed = {ref.id for ref in refs}
    refs += [ref for name in names if name not in listed and (ref := desk.known(name, session))]
    return [Offer(ref, _why_not(desk, ref, session)) for ref in refs]


def _why_not(desk: TokenDesk, ref: TokenizerRef, session: str) -> str:
    try:
        desk.converse(_TRIAL, ref.id, session)
    except PlaygroundError as error:
        return str(error)
    return ""


def converse(desk: TokenDesk, messages: Sequence[Message], name: str, session: str = "") -> Conversation:
    """Raises InputError for what no conversation is, and what the tokenizer raises."""
    if not messages or not any(message.text for message in messages):
        raise EmptyInput()
    if len(messages) > MOST_MESSAGES:
        raise InputError(f"A conversation has at most {MOST_MESSAGES} messages here: remove some.")
    if strange := next((one.role for one in messages if one.role not in ROLES), None):
        raise InputError(f"“{strange[:20]}” is no role: choose {', '.join(ROLES[:-1])} or {ROLES[-1]}.")
    length = sum(len(message.text) for message in messages)
    if length > MOST_CHARS:
        raise InputTooLong(length, MOST_CHARS)
    checked = [Message(one.role, desk.check(one.text) if one.text else "") for one in messages]
    return desk.converse(checked, name, session)


def shares(conversation: Conversation) -> Shares:
    owners = conversation.owners
    counted = np.bincount(owners[owners >= 0], minlength=len(conversation.messages))
    return Shares(tuple(int(many) for many in counted), int((owners < 0).sum()))
