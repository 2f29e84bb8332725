"""What both of OpenAI's formats have in common: who answers, tokens, ids. Importing `openai` takes 0.8 s: import this late."""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from openai.types import Model
from openai.types.chat import ChatCompletionTokenLogprob
from openai.types.chat.chat_completion_token_logprob import TopLogprob
from pydantic import BaseModel

from playground.core.types import ModelRef
from playground.gateway.faults import GatewayFault
from playground.gateway.pieces import Piece, Reply

ALIAS = "stand-in"  # as gpt-4.1 is answered by gpt-4.1-2025-04-14, this is answered by `stand-in/<model>`
_FLOOR = 1e-300  # the logarithm of 0 is no JSON number


@dataclass(frozen=True)
class Speaker:
    """Who answers: the model's name, and the fingerprint of its weights."""

    model: str
    fingerprint: str
    created: int

    @classmethod
    def of(cls, model: ModelRef) -> Speaker:
        return cls(f"{ALIAS}/{model.id.rsplit('/', 1)[-1]}", _fingerprint(model), int(time.time()))


class Format(Protocol):
    """One reply as JSON: whole, or as server-sent events, of which each text here is one or several."""

    def whole(self, reply: Reply) -> str: ...

    def opening(self) -> Iterator[str]: ...

    def piece(self, piece: Piece) -> Iterator[str]: ...

    def closing(self, reply: Reply) -> Iterator[str]:
        """After the last piece of this reply."""

    def broken(self, fault: GatewayFault) -> Iterator[str]:
        """In the place of everything that was still to come."""


def models_json(names: Sequence[str], created: int) -> dict[str, Any]:
    rows = [Model(id=name, created=created, object="model", owned_by="playground") for name in names]
    return {"object": "list", "data": [row.model_dump() for row in rows]}


def tokens_json(pieces: Sequence[Piece], top: int | None) -> list[ChatCompletionTokenLogprob] | None:
    """`top`: how many alternatives per token, None for no logprobs. None also where a piece's probability is not told."""
    if top is None or any(piece.probability is None for piece in pieces):
        return None
    return [
        ChatCompletionTokenLogprob(
            token=piece.text,
            bytes=list(piece.text.encode()),
            logprob=_log(piece.probability or 0.0),
            top_logprobs=[
                TopLogprob(token=token, bytes=list(token.encode()), logprob=_log(probability))
                for token, probability in (piece.alternatives or ((piece.text, piece.probability or 0.0),))[:top]
            ],
        )
        for piece in pieces
    ]


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}" if prefix == "chatcmpl" else f"{prefix}_{uuid.uuid4().hex}"


def dump(model: BaseModel) -> str:
    return model.model_dump_json(exclude_unset=True)


def _log(probability: float) -> float:
    return math.log(max(probability, _FLOOR))


def _fingerprint(model: ModelRef) -> str:
    """As OpenAI's system_fingerprint: changes when the weights do."""
    known = "".join(f"{name}:{digest}" for name, digest in model.digests) or f"{model.id}@{model.revision}"
    return f"fp_{hashlib.sha256(known.encode()).hexdigest()[:10]}"
