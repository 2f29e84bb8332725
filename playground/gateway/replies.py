"""Replies in OpenAI's own types, whole and as server-sent events. Importing `openai` takes 0.8 s: import this late."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openai.types import CompletionUsage, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, ChatCompletionTokenLogprob
from openai.types.chat import chat_completion as whole
from openai.types.chat import chat_completion_chunk as chunked
from openai.types.chat.chat_completion_token_logprob import TopLogprob
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
    response_output_text,
    response_text_delta_event,
    response_text_done_event,
)
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import BaseModel

from playground.gateway.generalist import Piece, Reply

_FLOOR = 1e-300  # the logarithm of 0 is no JSON number


@dataclass(frozen=True)
class Speaker:
    """Who answers: the model's name, and the fingerprint of its weights."""

    model: str
    fingerprint: str
    created: int


def models_json(names: Sequence[str], created: int) -> dict[str, Any]:
    rows = [Model(id=name, created=created, object="model", owned_by="playground") for name in names]
    return {"object": "list", "data": [row.model_dump() for row in rows]}


# -- /v1/chat/completions


def chat_json(speaker: Speaker, reply: Reply, top: int | None) -> str:
    """`top`: how many alternatives per token, None for no logprobs."""
    message = ChatCompletionMessage(role="assistant", content=reply.text, refusal=None)
    logprobs = None if top is None else whole.ChoiceLogprobs(content=_tokens(reply.pieces, top), refusal=None)
    completion = ChatCompletion(
        id=_id("chatcmpl"),
        object="chat.completion",
        created=int(time.time()),
        model=speaker.model,
        system_fingerprint=speaker.fingerprint,
        choices=[whole.Choice(index=0, message=message, finish_reason="stop", logprobs=logprobs)],
        usage=_usage(reply),
    )
    return _dump(completion)


def chat_events(speaker: Speaker, reply: Reply, top: int | None, include_usage: bool) -> Iterator[str]:
    """A role, the pieces, the end; then the usage where it was asked for; then [DONE]."""
    about: dict[str, Any] = {
        "id": _id("chatcmpl"),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": speaker.model,
        "system_fingerprint": speaker.fingerprint,
    }

    def event(choices: list[chunked.Choice], usage: CompletionUsage | None = None) -> str:
        extra: dict[str, Any] = {"usage": usage} if include_usage else {}
        return f"data: {_dump(ChatCompletionChunk(**about, choices=choices, **extra))}\n\n"

    yield event([chunked.Choice(index=0, delta=chunked.ChoiceDelta(role="assistant", content=""), finish_reason=None)])
    for piece in reply.pieces:
        logprobs = None if top is None else chunked.ChoiceLogprobs(content=_tokens([piece], top), refusal=None)
        delta = chunked.ChoiceDelta(content=piece.text)
        yield event([chunked.Choice(index=0, delta=delta, finish_reason=None, logprobs=logprobs)])
    yield event([chunked.Choice(index=0, delta=chunked.ChoiceDelta(), finish_reason="stop")])
    if include_usage:
        yield event([], _usage(reply))
    yield "data: [DONE]\n\n"


def _tokens(pieces: Sequence[Piece], top: int) -> list[ChatCompletionTokenLogprob]:
    return [
        ChatCompletionTokenLogprob(
            token=piece.text,
            bytes=list(piece.text.encode()),
            logprob=_log(piece.alternatives[0][1]) if piece.alternatives else 0.0,
            top_logprobs=[
                TopLogprob(token=token, bytes=list(token.encode()), logprob=_log(probability))
                for token, probability in (piece.alternatives or ((piece.text, 1.0),))[:top]
            ],
        )
        for piece in pieces
    ]


def _usage(reply: Reply) -> CompletionUsage:
    return CompletionUsage(
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        total_tokens=reply.prompt_tokens + reply.completion_tokens,
    )


# -- /v1/responses


def response_json(speaker: Speaker, reply: Reply, top: int | None) -> str:
    return _dump(_response(speaker, _id("resp"), _message(_id("msg"), reply, top), reply))


def response_events(speaker: Speaker, reply: Reply, top: int | None) -> Iterator[str]:
    """The events that OpenAI sends for one message with one text part, in its order."""
    response_id, item_id = _id("resp"), _id("msg")
    where: dict[str, Any] = {"item_id": item_id, "output_index": 0, "content_index": 0}
    empty = ResponseOutputText(type="output_text", text="", annotations=[])
    opened = ResponseOutputMessage(id=item_id, type="message", role="assistant", status="in_progress", content=[])
    message = _message(item_id, reply, top)
    started = _response(speaker, response_id, None, None)
    done = _response(speaker, response_id, message, reply)
    events: list[Any] = [
        lambda n: ResponseCreatedEvent(type="response.created", response=started, sequence_number=n),
        lambda n: ResponseInProgressEvent(type="response.in_progress", response=started, sequence_number=n),
        lambda n: ResponseOutputItemAddedEvent(
            type="response.output_item.added", item=opened, output_index=0, sequence_number=n
        ),
        lambda n: ResponseContentPartAddedEvent(
            type="response.content_part.added", part=empty, sequence_number=n, **where
        ),
    ]
    for piece in reply.pieces:
        logprobs = [] if top is None else _event_tokens(response_text_delta_event, [piece], top)
        events.append(
            lambda n, piece=piece, logprobs=logprobs: ResponseTextDeltaEvent(
                type="response.output_text.delta", delta=piece.text, logprobs=logprobs, sequence_number=n, **where
            )
        )
    all_logprobs = [] if top is None else _event_tokens(response_text_done_event, reply.pieces, top)
    events += [
        lambda n: ResponseTextDoneEvent(
            type="response.output_text.done", text=reply.text, logprobs=all_logprobs, sequence_number=n, **where
        ),
        lambda n: ResponseContentPartDoneEvent(
            type="response.content_part.done", part=message.content[0], sequence_number=n, **where
        ),
        lambda n: ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=message, output_index=0, sequence_number=n
        ),
        lambda n: ResponseCompletedEvent(type="response.completed", response=done, sequence_number=n),
    ]
    for number, make in enumerate(events):
        event = make(number)
        yield f"event: {event.type}\ndata: {_dump(event)}\n\n"


def _response(
    speaker: Speaker, response_id: str, message: ResponseOutputMessage | None, reply: Reply | None
) -> Response:
    return Response(
        id=response_id,
        object="response",
        created_at=float(int(time.time())),
        status="in_progress" if message is None else "completed",
        model=speaker.model,
        output=[] if message is None else [message],
        parallel_tool_calls=False,
        tool_choice="none",
        tools=[],
        error=None,
        incomplete_details=None,
        instructions=None,
        metadata={},
        usage=None
        if reply is None
        else ResponseUsage(
            input_tokens=reply.prompt_tokens,
            input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
            output_tokens=reply.completion_tokens,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
            total_tokens=reply.prompt_tokens + reply.completion_tokens,
        ),
    )


def _message(item_id: str, reply: Reply, top: int | None) -> ResponseOutputMessage:
    tokens = [] if top is None else _tokens(reply.pieces, top)
    logprobs = [response_output_text.Logprob.model_validate(token.model_dump()) for token in tokens]
    part = ResponseOutputText(type="output_text", text=reply.text, annotations=[], logprobs=logprobs)
    return ResponseOutputMessage(id=item_id, type="message", role="assistant", status="completed", content=[part])


def _event_tokens(module: Any, pieces: Sequence[Piece], top: int) -> list[Any]:
    return [module.Logprob.model_validate(token.model_dump(exclude={"bytes"})) for token in _tokens(pieces, top)]


def _id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}" if prefix == "chatcmpl" else f"{prefix}_{uuid.uuid4().hex}"


def _log(probability: float) -> float:
    return math.log(max(probability, _FLOOR))


def _dump(model: BaseModel) -> str:
    return model.model_dump_json(exclude_unset=True)
