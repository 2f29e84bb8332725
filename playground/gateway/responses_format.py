"""Replies of /v1/responses, in OpenAI's own types."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseErrorEvent,
    ResponseIncompleteEvent,
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
from openai.types.responses.response import IncompleteDetails
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails
from pydantic import BaseModel

from playground.gateway.faults import GatewayFault
from playground.gateway.pieces import Piece, Reply
from playground.gateway.replies import Speaker, dump, new_id, tokens_json


class ResponsesFormat:
    """`top`: how many alternatives per token, None for no logprobs. A stream is the events that OpenAI sends for one message with
    one text part, in its order.
    """

    def __init__(self, speaker: Speaker, top: int | None) -> None:
        self._speaker = speaker
        self._top = top
        self._id, self._item_id = new_id("resp"), new_id("msg")
        self._where: dict[str, Any] = {"item_id": self._item_id, "output_index": 0, "content_index": 0}
        self._number = 0

    def whole(self, reply: Reply) -> str:
        return dump(self._response(self._message(reply), reply))

    def opening(self) -> Iterator[str]:
        started = self._response(None, None)
        item = ResponseOutputMessage(
            id=self._item_id, type="message", role="assistant", status="in_progress", content=[]
        )
        part = ResponseOutputText(type="output_text", text="", annotations=[])
        yield self._event(ResponseCreatedEvent, "response.created", response=started)
        yield self._event(ResponseInProgressEvent, "response.in_progress", response=started)
        yield self._event(ResponseOutputItemAddedEvent, "response.output_item.added", item=item, output_index=0)
        yield self._event(ResponseContentPartAddedEvent, "response.content_part.added", part=part, **self._where)

    def piece(self, piece: Piece) -> Iterator[str]:
        logprobs = self._tokens(response_text_delta_event, [piece])
        delta: dict[str, Any] = {"delta": piece.text, "logprobs": logprobs}
        yield self._event(ResponseTextDeltaEvent, "response.output_text.delta", **delta, **self._where)

    def closing(self, reply: Reply) -> Iterator[str]:
        message = self._message(reply)
        text: dict[str, Any] = {"text": reply.text, "logprobs": self._tokens(response_text_done_event, reply.pieces)}
        part = message.content[0]
        yield self._event(ResponseTextDoneEvent, "response.output_text.done", **text, **self._where)
        yield self._event(ResponseContentPartDoneEvent, "response.content_part.done", part=part, **self._where)
        yield self._event(ResponseOutputItemDoneEvent, "response.output_item.done", item=message, output_index=0)
        kind = ResponseIncompleteEvent if reply.ended == "length" else ResponseCompletedEvent
        yield self._event(kind, f"response.{_status(reply)}", response=self._response(message, reply))

    def broken(self, fault: GatewayFault) -> Iterator[str]:
        yield self._event(
            ResponseErrorEvent, "error", code=fault.code or str(fault.status), message=str(fault), param=fault.param
        )

    def _event(self, kind: type[BaseModel], name: str, **values: Any) -> str:
        event = kind(type=name, sequence_number=self._number, **values)
        self._number += 1
        return f"event: {name}\ndata: {dump(event)}\n\n"

    def _response(self, message: ResponseOutputMessage | None, reply: Reply | None) -> Response:
        cut = reply is not None and reply.ended == "length"
        return Response(
            id=self._id,
            object="response",
            created_at=float(int(time.time())),
            status="in_progress" if reply is None else _status(reply),
            model=self._speaker.model,
            output=[] if message is None else [message],
            parallel_tool_calls=False,
            tool_choice="none",
            tools=[],
            error=None,
            incomplete_details=IncompleteDetails(reason="max_output_tokens") if cut else None,
            instructions=None,
            metadata={},
            usage=None if reply is None else _usage(reply),
        )

    def _message(self, reply: Reply) -> ResponseOutputMessage:
        tokens = tokens_json(reply.pieces, self._top) or []
        logprobs = [response_output_text.Logprob.model_validate(token.model_dump()) for token in tokens]
        part = ResponseOutputText(type="output_text", text=reply.text, annotations=[], logprobs=logprobs)
        return ResponseOutputMessage(
            id=self._item_id, type="message", role="assistant", status=_status(reply), content=[part]
        )

    def _tokens(self, module: Any, pieces: Sequence[Piece]) -> list[Any]:
        tokens = tokens_json(pieces, self._top) or []
        return [module.Logprob.model_validate(token.model_dump(exclude={"bytes"})) for token in tokens]


def _status(reply: Reply) -> Any:
    return "incomplete" if reply.ended == "length" else "completed"


def _usage(reply: Reply) -> ResponseUsage | None:
    if reply.prompt_tokens is None or reply.completion_tokens is None:
        return None
    return ResponseUsage(
        input_tokens=reply.prompt_tokens,
        input_tokens_details=InputTokensDetails(cached_tokens=0, cache_write_tokens=0),
        output_tokens=reply.completion_tokens,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        total_tokens=reply.prompt_tokens + reply.completion_tokens,
    )
