"""A reply made whole and read: from the wire's events to JSON, from JSON to the task's output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.core.errors import BadReply, Refused
from playground.core.task import Task
from playground.core.types import Answer, Labels
from playground.tiers.hosted_logprobs import choice_field, label_scores, tokens_from

MAX_REPLY_CHARS = 400_000  # far above what the most tokens of an answer spell
_THOUGHTS = ("reasoning_content", "reasoning")  # where servers send them that keep them out of the answer
_MOST_OBJECTS = 50  # of an endless reply, so many beginnings of an object are tried


@dataclass(frozen=True)
class Said:
    """What one chunk brought of the answer. `logprobs`: OpenAI's rows for its tokens, where they were sent."""

    content: str = ""
    refusal: str = ""
    logprobs: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.content or self.refusal)


@dataclass
class Reply:
    """A chat completion as it grows. `finish_reason` None: it has not ended. `thought`: whether thoughts came beside the answer."""

    id: str | None = None
    created: int | None = None
    model: str | None = None
    fingerprint: str | None = None
    content: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    logprobs: list[Any] = field(default_factory=list)
    usage: Mapping[str, Any] | None = None
    choices: int = 0
    chunks: int = 0
    thought: bool = False

    def add(self, data: Any) -> Said:
        """Takes in a chunk or a whole completion, as parsed JSON. Raises BadReply."""
        if not isinstance(data, Mapping):
            raise BadReply("The reply is not in OpenAI's format: check the base URL, or choose another model.")
        self.chunks += 1
        self.id = _text(data.get("id")) or self.id
        created = data.get("created")
        self.created = created if isinstance(created, int) else self.created
        self.model = _text(data.get("model")) or self.model
        self.fingerprint = _text(data.get("system_fingerprint")) or self.fingerprint
        if isinstance(data.get("usage"), Mapping):
            self.usage = data["usage"]
            details = self.usage.get("completion_tokens_details")
            self.thought = self.thought or bool(isinstance(details, Mapping) and details.get("reasoning_tokens"))
        choices = data.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            return Said()
        self.choices += 1
        choice = choices[0]
        self.finish_reason = _text(choice.get("finish_reason")) or self.finish_reason
        said = choice.get("delta") or choice.get("message")
        said = said if isinstance(said, Mapping) else {}
        content, refusal = _content(said.get("content")), _text(said.get("refusal")) or ""
        self.content += content
        self.refusal += refusal
        logprobs = choice.get("logprobs")
        rows = logprobs.get("content") if isinstance(logprobs, Mapping) else None
        rows = rows if isinstance(rows, list) else []
        self.logprobs.extend(rows)
        if not content and any(isinstance(said.get(name), str) and said[name] for name in _THOUGHTS):
            self.thought = True
            rows = []  # they are the thought's
        if len(self.content) > MAX_REPLY_CHARS:
            raise BadReply("The reply is far longer than an answer: choose another model.")
        return Said(content, refusal, tuple(rows))

    def tokens(self) -> tuple[int | None, int | None, int]:
        """Tokens in, tokens out, and how many of those in came from the endpoint's cache."""
        usage = self.usage or {}
        details = usage.get("prompt_tokens_details")
        cached = _count(details.get("cached_tokens")) if isinstance(details, Mapping) else None
        return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")), cached or 0

    def json(self) -> dict[str, Any]:
        """As one chat completion, whether it came whole or in pieces."""
        message = {"role": "assistant", "content": self.content or None, "refusal": self.refusal or None}
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": {"content": self.logprobs} if self.logprobs else None,
                    "finish_reason": self.finish_reason,
                }
            ],
            "usage": self.usage,
            "system_fingerprint": self.fingerprint,
        }


def answered(reply: Reply) -> None:
    """Raises Refused or BadReply where there is no answer to read."""
    if reply.refusal:
        raise Refused("The model declined to answer this text: change the text or choose another model.")
    if reply.finish_reason == "content_filter":
        raise Refused("The endpoint's content filter stopped the answer: change the text or choose another model.")
    if not reply.choices:
        raise BadReply("The endpoint sent no answer: run again or choose another model.")


def output_of(task: Task, reply: Reply, text: str) -> Answer:
    """The task's answer to this text; label probabilities from logprobs where they can be read. Raises Refused or BadReply."""
    answered(reply)
    if reply.finish_reason == "length":
        raise BadReply(
            "The reply was cut at its length limit before the answer was whole: shorten the text, or choose another model."
        )
    output = _parsed(task, reply.content, text)
    found = choice_field(task.schema()) if isinstance(output, Labels) else None
    scores = label_scores(tokens_from(reply.logprobs), *found) if found is not None else None
    return Labels(output.label, scores, "logprobs") if isinstance(output, Labels) and scores is not None else output


def _parsed(task: Task, content: str, text: str) -> Answer:
    """The first JSON object in the text that the task takes; else the reason why the last was not taken."""
    problem = BadReply("The model did not answer with JSON: run again or choose another model.")
    for candidate in json_objects(content):
        try:
            return task.parse(candidate, text)
        except BadReply as error:
            problem = error
    raise problem


def json_objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text, outermost first: bare, in code fences, or among other words; thoughts are skipped."""
    text = re.sub(r"(?s)^.*</think(?:ing)?>", "", text).strip()
    decoder = json.JSONDecoder()
    at = 0
    for _ in range(_MOST_OBJECTS):
        at = text.find("{", at)
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        yield value
        at = end


def _content(value: Any) -> str:
    """Text, or the texts of a list of parts, which some servers send."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) or "" for part in value if isinstance(part, Mapping))
    return _text(value) or ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
