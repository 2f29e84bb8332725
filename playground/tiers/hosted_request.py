"""The chat-completions request for a task, and which of its optional parts an endpoint takes."""

from __future__ import annotations

import dataclasses
import json
import re
import threading
from dataclasses import dataclass
from typing import Any, Literal

from playground.core.task import Task
from playground.tiers.hosted_logprobs import choice_field

ROOM_TO_THINK = 1488  # tokens; a model that thinks first is charged for them within the same limit as for its answer
TOP_LOGPROBS = 10
MOST_ANSWER = (
    16_384 - ROOM_TO_THINK
)  # small models write no more in one reply; a longer one is cut, and its card says so


@dataclass(frozen=True)
class Features:
    """The optional parts of a request. We begin with all; what an endpoint refuses is left out from then on."""

    format: Literal["json_schema", "json_object", "none"] = "json_schema"
    logprobs: bool = True
    temperature: bool = True
    stream: bool = True
    stream_usage: bool = True
    limit: Literal["max_completion_tokens", "max_tokens", "none"] = "max_completion_tokens"

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
        if self.temperature and "temperature" in text:
            return dataclasses.replace(self, temperature=False)
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
    """The schema is said in words where the endpoint does not hold the model to it."""
    instruction = task.instruction
    if features.format != "json_schema":
        schema = json.dumps(task.schema(), ensure_ascii=False)
        instruction += f"\n\nReply with one JSON object and nothing else. It must follow this JSON schema:\n{schema}"
    return [{"role": "system", "content": instruction}, {"role": "user", "content": task.prompt(text)}]


def arguments(task: Task, text: str, model: str, features: Features, most_tokens: int) -> dict[str, Any]:
    """The body of POST /chat/completions. `most_tokens`: see `most_output_tokens`. Probabilities are asked for where the answer
    is one choice: of a list of words they would tell about its spelling.
    """
    body: dict[str, Any] = {"model": model, "messages": messages(task, text, features)}
    if features.format == "json_schema":
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", task.name)[:64]
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": name, "strict": True, "schema": task.schema()},
        }
    elif features.format == "json_object":
        body["response_format"] = {"type": "json_object"}
    if features.temperature:
        body["temperature"] = 0
    if features.logprobs and choice_field(task.schema()) is not None:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if features.limit != "none":
        body[features.limit] = most_tokens
    if features.stream:
        body["stream"] = True
        if features.stream_usage:
            body["stream_options"] = {"include_usage": True}
    return body


def answer_tokens(task: Task, text: str, at_least: int) -> int:
    """How long the answer to this text may be: `at_least`, or what a list of its words takes, within bounds."""
    return max(at_least, min(task.longest_reply(text), MOST_ANSWER))


def most_output_tokens(answer: int, *, thinks: bool = True) -> int:
    """What a request may generate so that its answer may have `answer` tokens. `thinks`: the model may think before it
    answers, as nobody but the stand-in is known not to; both count against one limit, and a limit that cuts the thinking
    short leaves no answer at all.
    """
    return answer + (ROOM_TO_THINK if thinks else 0)


def most_input_tokens(task: Task, text: str) -> int:
    """An upper bound: a byte-level tokenizer makes at most one token of a byte; 64 for the frame of a chat."""
    said = "".join(message["content"] for message in messages(task, text, Features(format="none")))  # with the schema
    return len(said.encode("utf-8", "replace")) + 64
