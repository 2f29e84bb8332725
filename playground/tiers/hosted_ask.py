"""One question over the wire: sends it, leaves out what the endpoint refuses, waits where a short wait was asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground.core.errors import BadReply
from playground.core.events import Event, Progress
from playground.core.task import Task
from playground.core.types import Source
from playground.tiers.hosted_endpoints import Endpoint
from playground.tiers.hosted_errors import Scrubber, cut, message_of, retry_after, translated
from playground.tiers.hosted_http import Clients, ReplyTooLong
from playground.tiers.hosted_reply import Reply
from playground.tiers.hosted_request import Features, KnownFeatures, answer_tokens, arguments, most_output_tokens
from playground.tiers.hosted_writing import Written

if TYPE_CHECKING:
    import openai

LONGEST_WAIT = 2.0  # seconds; a longer Retry-After is told to the user instead
_MOST_REFUSALS = 8
# How OpenAI refuses a limit within which a model had not done with thinking.
_NO_ROOM = re.compile(r"could not finish.*(max_tokens|output limit)", re.DOTALL | re.IGNORECASE)
_REFUSALS = (400, 403, 404, 415, 422, 501)  # 403 and 404: some endpoints say so that a model has no logprobs


@dataclass
class Exchange:
    """What was sent, and what came back of it. `latency` and `first_token`: seconds, of the attempt that answered."""

    body: dict[str, Any]
    reply: Reply = field(default_factory=Reply)
    written: Written | None = None  # of a plain text
    earlier: list[Reply] = field(default_factory=list)  # that were billed too
    latency: float | None = None
    first_token: float | None = None
    left_out: list[str] = field(default_factory=list)
    sent: bool = False  # whether the endpoint may have begun to work, and so to bill

    def take(self, data: Any) -> bool:
        """A chunk or a whole completion. True where it brought some of the answer. Raises BadReply."""
        said = self.reply.add(data)
        return bool(said) if self.written is None else self.written.take(said)


class Asker:
    """Lives in the shared loop. What an endpoint was found to refuse is remembered. `max_new_tokens`: of one answer, where the
    text does not ask for a longer one.
    """

    def __init__(self, clients: Clients, max_new_tokens: int) -> None:
        self._clients = clients
        self._max_new_tokens = max_new_tokens
        self._known = KnownFeatures()

    async def ask(
        self, task: Task, text: str, endpoint: Endpoint, emit: Callable[[Event], object], exchange: Exchange
    ) -> None:
        """Fills `exchange`, also on the way to an error. Emits what is being waited for, and a plain text as it comes.

        Raises EndpointError, CredentialError or UnknownName.
        """
        import openai

        client = self._clients.client(endpoint.base_url, endpoint.api_key, owners_key=endpoint.owners_key)
        scrub = Scrubber(endpoint.api_key)
        host = host_of(endpoint)
        features = self._known.get(endpoint.base_url, endpoint.model)
        answer = answer_tokens(task, text, self._max_new_tokens)
        ours = endpoint.source is Source.STAND_IN
        waited = reconnected = False
        refusals = 0
        while True:
            most_tokens = most_output_tokens(answer, thinks=features.thinks if task.writing else not ours)
            exchange.body = arguments(task, text, endpoint.model, features, most_tokens)
            exchange.reply = Reply()
            if task.writing is not None:
                plain = scrub.exact if endpoint.source is Source.LIVE else str  # elsewhere a key is no secret
                exchange.written = Written(emit, plain, details=task.writing.details)
            exchange.sent = True
            try:
                await self._once(client, endpoint, exchange)
            except openai.APIStatusError as error:
                exchange.sent = bool(exchange.earlier)  # an endpoint that answers with an error has not worked for it
                less = None if ours else _less(features, error, task)
                if less is not None and refusals < _MOST_REFUSALS:
                    exchange.left_out += _difference(features, less)
                    features, refusals = less, refusals + 1
                    continue
                wait = retry_after(error.response.headers)
                if error.status_code == 429 and wait is not None and wait <= LONGEST_WAIT and not waited:
                    emit(Progress(what=f"{host} asked to wait {wait:g} s"))
                    waited = True
                    await asyncio.sleep(wait)
                    continue
                raise translated(error, host, endpoint.model, scrub, ours=ours) from None
            except openai.APIConnectionError as error:
                if exchange.reply.chunks:
                    raise cut(host) from None
                if _dropped(error) and not reconnected:  # a kept-alive connection that the server had given up
                    reconnected = True
                    continue
                exchange.sent = not _never_connected(error)
                raise translated(error, host, endpoint.model, scrub) from None
            except openai.APIError as error:
                raise translated(error, host, endpoint.model, scrub) from None
            except ReplyTooLong:
                raise BadReply(f"The reply of {host} is far longer than an answer: choose another model.") from None
            if exchange.reply.choices and exchange.reply.finish_reason is None and "stream" in exchange.body:
                raise cut(host)
            if exchange.written is not None and not ours and not features.thinks:
                nothing = exchange.reply.finish_reason == "length" and not exchange.written.begun
                if nothing or exchange.reply.thought or exchange.written.thought:
                    features = dataclasses.replace(features, thinks=True)
                if nothing and features.limit != "none":
                    emit(Progress(what="the model thinks first, and is asked again with room for it"))
                    exchange.earlier.append(exchange.reply)
                    continue
            self._known.put(endpoint.base_url, endpoint.model, features)
            if exchange.written is not None:
                exchange.written.end()
            return

    async def _once(self, client: openai.AsyncOpenAI, endpoint: Endpoint, exchange: Exchange) -> None:
        headers = {"X-Playground-User": endpoint.user} if endpoint.user else None
        started = time.perf_counter()
        create: Any = client.chat.completions.with_streaming_response.create
        async with create(**exchange.body, extra_headers=headers) as response:
            kind = response.headers.get("content-type", "")
            try:
                if "stream" in exchange.body and "json" not in kind and "html" not in kind:
                    async for chunk in await response.parse():
                        if exchange.take(_plain(chunk)) and exchange.first_token is None:
                            exchange.first_token = time.perf_counter() - started
                else:
                    exchange.take(json.loads(await response.read()))
            except (ValueError, TypeError, AttributeError, RecursionError):  # not JSON, or JSON of another shape
                host = host_of(endpoint)
                raise BadReply(
                    f"The reply of {host} is not in OpenAI's format: check the base URL, or choose another model."
                ) from None
            except Exception as error:
                raise _as_connection_error(error, response) from None
        exchange.latency = time.perf_counter() - started


def host_of(endpoint: Endpoint) -> str:
    """As a sentence names it."""
    if endpoint.source is Source.STAND_IN:
        return "the stand-in"
    if endpoint.source is Source.LOCAL_SERVER:
        return f"the local server {urlsplit(endpoint.base_url).netloc}"
    return urlsplit(endpoint.base_url).netloc


def _plain(chunk: Any) -> Any:
    dump = getattr(chunk, "to_dict", None)
    return chunk if dump is None else dump(mode="python", warnings=False)


def _less(features: Features, error: openai.APIStatusError, task: Task) -> Features | None:
    if error.status_code not in _REFUSALS:
        return None
    body = error.body if isinstance(error.body, dict) else {}
    message = message_of(error.body)[:2000]
    if error.status_code in (403, 404) and "logprob" not in message.lower():
        return None
    if task.writing is not None and not features.thinks and _NO_ROOM.search(message):
        return dataclasses.replace(features, thinks=True)
    return features.without(str(body.get("param") or ""), message)


def _difference(before: Features, after: Features) -> list[str]:
    """What was left out; nothing where the request only got more room."""
    if before.format != after.format:
        return [before.format]
    if before.limit != after.limit:
        return [before.limit]
    changed = {
        "logprobs": "logprobs",
        "temperature": "temperature",
        "top_p": "top_p",
        "seed": "seed",
        "stream_usage": "stream_options",
        "stream": "stream",
    }
    return [word for name, word in changed.items() if getattr(before, name) != getattr(after, name)]


def _as_connection_error(error: Exception, response: Any) -> Exception:
    """httpx2's errors while a body is read, as openai's errors while it is asked for; others unchanged."""
    import httpx2
    import openai

    if isinstance(error, httpx2.TimeoutException):
        converted: Exception = openai.APITimeoutError(request=response.http_request)
    elif isinstance(error, httpx2.TransportError):
        converted = openai.APIConnectionError(request=response.http_request)
    else:
        return error
    converted.__cause__ = error
    return converted


def _dropped(error: Exception) -> bool:
    import httpx2

    return isinstance(error.__cause__, httpx2.RemoteProtocolError | httpx2.ReadError | httpx2.WriteError)


def _never_connected(error: Exception) -> bool:
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol)
