"""The chat-completions request for a task, and which of its optional parts an endpoint takes."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from playground.core.task import Task
from playground.core.writing_types import Writing
from playground.tiers.hosted_logprobs import choice_field

ROOM_TO_THINK = 1488  # tokens; a model that thinks first is charged for them within the same limit as for its answer
TOP_LOGPROBS = 10
MOST_ANSWER = (
    16_384 - ROOM_TO_THINK
)  # small models write no more in one reply; a longer one is cut, and its card says so


@dataclass(frozen=True)
class Features:
    """The optional parts of a request. We begin with all; what an endpoint refuses is left out from then on. And what else was
    found out about it.
    """

    format: Literal["json_schema", "json_object", "none"] = "json_schema"
    logprobs: bool = True
    temperature: bool = True
    top_p: bool = True
    seed: bool = True
    stream: bool = True
    stream_usage: bool = True
    limit: Literal["max_completion_tokens", "max_tokens", "none"] = "max_completion_tokens"
    thinks: bool = False  # found out: the model thinks within the same limit as it writes

    def without(self, param: str, message: str) -> Features | None:
        """What to try after a refusal that names a part; None where it names none of ours."""
        for text in (param, message):
            less = self._without(text.lower())
            if less is not None:
                return less
        return None

    def _without(self, text: str) -> Features | None:
        if self.logprobs and "logprob" in text:
            return dataclasses.replace(self, logprobs=False)
        if self.top_p and "top_p" in text:  # first: some models take either, and the temperature says more
            return dataclasses.replace(self, top_p=False)
        if self.temperature and "temperature" in text:
            return dataclasses.replace(self, temperature=False)
        if self.seed and re.search(r"\bseed\b", text):
            return dataclasses.replace(self, seed=False)
        if self.stream_usage and self.stream and ("stream_options" in text or "include_usage" in text):
            return dataclasses.replace(self, stream_usage=False)
        if self.limit != "none" and self.limit in text:
            return dataclasses.replace(self, limit="max_tokens" if self.limit == "max_completion_tokens" else "none")
        if self.format != "none" and re.search(
            r"response_format|json_schema|json_object|structured|grammar|guided", text
        ):
            return dataclasses.replace(self, format="json_object" if self.format == "json_schema" else "none")
        if self.stream and re.search(r"\bstream", text):
            return dataclasses.replace(self, stream=False)
        return None


class KnownFeatures:
    """What each (base URL, model) was found to take. Thread-safe, bounded."""

    def __init__(self, most: int = 256) -> None:
        self._lock = threading.Lock()
        self._most = most
        self._known: dict[tuple[str, str], Features] = {}

    def get(self, base_url: str, model: str) -> Features:
        with self._lock:
            return self._known.get((base_url, model), Features())

    def put(self, base_url: str, model: str, features: Features) -> None:
        with self._lock:
            if len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)))
            self._known[base_url, model] = features


def messages(task: Task, text: str, features: Features) -> list[dict[str, str]]:
    """The schema is said in words where the endpoint does not hold the model to it; of a plain text there is none."""
    instruction, schema = task.instruction, task.schema()
    if schema and features.format != "json_schema":
        said = json.dumps(schema, ensure_ascii=False)
        instruction += f"\n\nReply with one JSON object and nothing else. It must follow this JSON schema:\n{said}"
    return [{"role": "system", "content": instruction}, {"role": "user", "content": task.prompt(text)}]


def arguments(task: Task, text: str, model: str, features: Features, most_tokens: int) -> dict[str, Any]:
    """The body of POST /chat/completions. `most_tokens`: see `most_output_tokens`."""
    body: dict[str, Any] = {"model": model, "messages": messages(task, text, features)}
    body |= _form(task, features) if task.writing is None else _settings(task.writing, features)
    if features.limit != "none":
        body[features.limit] = most_tokens
    if features.stream:
        body["stream"] = True
        if features.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body


def _form(task: Task, features: Features) -> dict[str, Any]:
    """Of an answer that follows a schema. Probabilities are asked for where it is one choice: of a list of words they would tell
    about its spelling.
    """
    schema = task.schema()
    body: dict[str, Any] = {}
    if features.format == "json_schema":
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", task.name)[:64]
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": schema},
        }
    elif features.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if features.temperature:
        body["temperature"] = 0
    if features.logprobs and choice_field(schema) is not None:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return body


def _settings(writing: Writing, features: Features) -> dict[str, Any]:
    """Of a plain text: what OpenAI's API has of the settings. Some servers take more, and each calls it otherwise."""
    body: dict[str, Any] = {
        name: getattr(writing, name) for name in ("temperature", "top_p", "seed") if getattr(features, name)
    }
    if features.logprobs and writing.details:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    return body


# What each setting of a text is called, and the value with which it changes nothing: an API's default, or no such rule at all.
_NEUTRAL = {
    "temperature": ("temperature", 1.0),
    "top_k": ("top-k", 0),
    "top_p": ("top-p", 1.0),
    "repetition_penalty": ("repetition penalty", 1.0),
    "beams": ("beams", 1),
    "seed": ("seed", 0),
}


def not_taken(writing: Writing, body: Mapping[str, Any]) -> list[str]:
    """The settings of a text that were to change something, and that the request did not carry."""
    length = [] if {"max_completion_tokens", "max_tokens"} & body.keys() else ["length"]
    return length + [
        words for name, (words, neutral) in _NEUTRAL.items() if getattr(writing, name) != neutral and name not in body
    ]


def answer_tokens(task: Task, text: str, at_least: int) -> int:
    """How long the answer to this text may be: of a plain text as long as was asked for; else `at_least`, or what a list of its
    words takes, within bounds.
    """
    if task.writing is not None:
        return min(task.writing.length, MOST_ANSWER)
    return max(at_least, min(task.longest_reply(text), MOST_ANSWER))


def most_output_tokens(answer: int, *, thinks: bool = True) -> int:
    """What a request may generate so that its answer may have `answer` tokens. `thinks`: the model may think before it
    answers, as nobody but the stand-in is known not to; both count against one limit, and a limit that cuts the thinking
    short leaves no answer at all. A plain text would fill the room itself: its model is given none until it was seen to think.
    """
    return answer + (ROOM_TO_THINK if thinks else 0)


def most_input_tokens(task: Task, text: str) -> int:
    """An upper bound: a byte-level tokenizer makes at most one token of a byte; 64 for the frame of a chat."""
    said = "".join(message["content"] for message in messages(task, text, Features(format="none")))  # with the schema
    return len(said.encode("utf-8", "replace")) + 64


def most_tokens(task: Task, text: str, at_least: int) -> tuple[int, int]:
    """In and out, that one run may be billed for at most. A plain text may be asked for twice: see `Features.thinks`."""
    answer, read = answer_tokens(task, text, at_least), most_input_tokens(task, text)
    if task.writing is None:
        return read, most_output_tokens(answer)
    return 2 * read, answer + most_output_tokens(answer)
