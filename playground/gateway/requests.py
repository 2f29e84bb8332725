"""What clients send, checked: the fields of OpenAI's two request bodies that this endpoint reads; others are ignored."""

from __future__ import annotations

import secrets
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from playground.core.writing_types import Writing
from playground.gateway.faults import GatewayFault
from playground.gateway.pieces import Prompt
from playground.gateway.schema import Form, Unservable, read_schema

MAX_BODY_BYTES = 2 * 2**20
LENGTH, MOST_LENGTH = 256, 2048  # tokens of a text where no length is said, and of any
_LEAST_TOP_P = 1e-6  # 0 is the likeliest token alone, as is this
_NEEDS_SCHEMA = "This model needs a schema to choose from: send type json_schema, not json_object."


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Part(_Body):
    type: str
    text: str | None = None


class Message(_Body):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None


class JsonSchema(_Body):
    name: str = "reply"
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class ResponseFormat(_Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(_Body):
    include_usage: bool = False


class _Sampled(_Body):
    """What both have of the settings of a text. What is not said is as in OpenAI's API: temperature 1, any seed."""

    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, ge=0, le=1)

    def _writing(self, length: int | None, seed: int | None, *, details: bool) -> Writing:
        return Writing(
            length=min(length or LENGTH, MOST_LENGTH),
            temperature=self.temperature,
            top_p=max(self.top_p, _LEAST_TOP_P),
            seed=secrets.randbelow(2**31) if seed is None else seed % 2**31,
            details=details,
        )


class ChatRequest(_Sampled):
    """POST /v1/chat/completions."""

    model: str
    messages: list[Message] = Field(min_length=1)
    response_format: ResponseFormat | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=20)
    n: Literal[1] | None = None
    max_completion_tokens: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=1)  # its older name
    seed: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        return {key: value for key, value in body.items() if value is not None} if isinstance(body, dict) else body

    def form(self) -> Form | None:
        if self.top_logprobs is not None and not self.logprobs:
            raise GatewayFault(400, "top_logprobs needs logprobs to be true.", param="top_logprobs")
        asked = self.response_format
        if asked is None or asked.type == "text":
            return None
        if asked.type == "json_object":
            raise GatewayFault(400, _NEEDS_SCHEMA, param="response_format")
        schema = None if asked.json_schema is None else asked.json_schema.schema_
        return _form(schema, "response_format")

    def prompt(self, user: str) -> Prompt:
        return _prompt(self.messages, "messages", user)

    def writing(self) -> Writing:
        return self._writing(self.max_completion_tokens or self.max_tokens, self.seed, details=self.logprobs)


class TextFormat(_Body):
    type: Literal["text", "json_object", "json_schema"]
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class TextConfig(_Body):
    format: TextFormat | None = None


class InputMessage(Message):
    type: Literal["message"] = "message"


class ResponsesRequest(_Sampled):
    """POST /v1/responses. `stream` is false when absent, as in OpenAI's API."""

    model: str
    input: str | list[InputMessage]
    instructions: str | None = None
    text: TextConfig | None = None
    stream: bool = False
    include: list[str] = []
    top_logprobs: int | None = Field(None, ge=0, le=20)
    max_output_tokens: int | None = Field(None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, body: Any) -> Any:
        return {key: value for key, value in body.items() if value is not None} if isinstance(body, dict) else body

    @property
    def logprobs(self) -> bool:
        return "message.output_text.logprobs" in self.include

    def form(self) -> Form | None:
        asked = None if self.text is None else self.text.format
        if asked is None or asked.type == "text":
            return None
        if asked.type == "json_object":
            raise GatewayFault(400, _NEEDS_SCHEMA, param="text.format")
        return _form(asked.schema_, "text.format")

    def prompt(self, user: str) -> Prompt:
        messages = [Message(role="system", content=self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            messages.append(Message(role="user", content=self.input))
        else:
            messages.extend(self.input)
        return _prompt(messages, "input", user)

    def writing(self) -> Writing:
        return self._writing(self.max_output_tokens, None, details=self.logprobs)


AnyRequest = ChatRequest | ResponsesRequest


def read_request(kind: type[ChatRequest] | type[ResponsesRequest], body: bytes) -> AnyRequest:
    """Raises GatewayFault 400 naming the field, 413 for a body that is too long."""
    if len(body) > MAX_BODY_BYTES:
        raise GatewayFault(413, f"The body is longer than {MAX_BODY_BYTES // 2**20} MiB: send less.")
    try:
        adapter: TypeAdapter[AnyRequest] = TypeAdapter(kind)
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise GatewayFault(400, f"{where or 'The body'}: {first['msg']}.", param=where or None) from None


def _form(schema: dict[str, Any] | None, param: str) -> Form:
    if schema is None:
        raise GatewayFault(400, "The type json_schema needs a schema.", param=param)
    try:
        return read_schema(schema)
    except Unservable as reason:
        message = f"This model cannot fill the schema: {reason}."
        raise GatewayFault(400, message, code="unservable_schema", param=param) from None


def _prompt(messages: list[Message], param: str, user: str) -> Prompt:
    texts = [(message.role, _text(message, param)) for message in messages]
    last = next((index for index in reversed(range(len(texts))) if texts[index][0] == "user"), None)
    if last is None or not texts[last][1].strip():
        raise GatewayFault(400, "There is no user message with a text to judge.", param=param)
    context = tuple(text for index, (_, text) in enumerate(texts) if index != last and text.strip())
    return Prompt(texts[last][1], context, user)


def _text(message: Message, param: str) -> str:
    if isinstance(message.content, str):
        return message.content
    for part in message.content or []:
        if part.type not in ("text", "input_text", "output_text"):
            raise GatewayFault(400, "This model reads text alone.", param=param)
    return "\n".join(part.text or "" for part in message.content or [])
