"""Replies of /v1/chat/completions, in OpenAI's own types."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat import chat_completion as whole
from openai.types.chat import chat_completion_chunk as chunked

from playground.gateway.faults import GatewayFault
from playground.gateway.pieces import Piece, Reply
from playground.gateway.replies import Speaker, dump, new_id, tokens_json


class ChatFormat:
    """`top`: how many alternatives per token, None for no logprobs. A stream is a role, the pieces, the end; then the usage where
    it was asked for; then [DONE].
    """

    def __init__(self, speaker: Speaker, top: int | None, *, include_usage: bool) -> None:
        self._top = top
        self._include_usage = include_usage
        self._about: dict[str, Any] = {
            "id": new_id("chatcmpl"),
            "created": int(time.time()),
            "model": speaker.model,
            "system_fingerprint": speaker.fingerprint,
        }

    def whole(self, reply: Reply) -> str:
        message = ChatCompletionMessage(role="assistant", content=reply.text, refusal=None)
        tokens = tokens_json(reply.pieces, self._top)
        logprobs = None if tokens is None else whole.ChoiceLogprobs(content=tokens, refusal=None)
        choice = whole.Choice(index=0, message=message, finish_reason=reply.ended or "stop", logprobs=logprobs)
        return dump(ChatCompletion(object="chat.completion", choices=[choice], usage=_usage(reply), **self._about))

    def opening(self) -> Iterator[str]:
        yield self._choice(chunked.ChoiceDelta(role="assistant", content=""))

    def piece(self, piece: Piece) -> Iterator[str]:
        tokens = tokens_json([piece], self._top)
        logprobs = None if tokens is None else chunked.ChoiceLogprobs(content=tokens, refusal=None)
        yield self._choice(chunked.ChoiceDelta(content=piece.text), logprobs=logprobs)

    def closing(self, reply: Reply) -> Iterator[str]:
        yield self._choice(chunked.ChoiceDelta(), finish_reason=reply.ended or "stop")
        if self._include_usage:
            yield self._event([], _usage(reply))
        yield "data: [DONE]\n\n"

    def broken(self, fault: GatewayFault) -> Iterator[str]:
        yield f"data: {json.dumps(fault.json())}\n\n"

    def _choice(self, delta: chunked.ChoiceDelta, **more: Any) -> str:
        return self._event([chunked.Choice(index=0, delta=delta, **{"finish_reason": None, **more})])

    def _event(self, choices: list[chunked.Choice], usage: CompletionUsage | None = None) -> str:
        extra: dict[str, Any] = {"usage": usage} if self._include_usage else {}
        chunk = ChatCompletionChunk(object="chat.completion.chunk", choices=choices, **self._about, **extra)
        return f"data: {dump(chunk)}\n\n"


def _usage(reply: Reply) -> CompletionUsage | None:
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        return None
    return CompletionUsage(
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        total_tokens=reply.prompt_tokens + reply.completion_tokens,
    )
