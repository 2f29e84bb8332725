"""A real HTTP server on loopback that does to a client whatever a test scripts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

ANSWER = {"label": "positive", "confidence": 0.9}


@dataclass
class Seen:
    """One request as it came, and the connection to answer on."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    writer: asyncio.StreamWriter = field(repr=False)
    gone: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    async def send(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await self.writer.drain()

    async def json(self, status: int, value: Any, **headers: str) -> None:
        await self.send(status, json.dumps(value).encode(), **headers)

    async def error(self, status: int, message: str, **headers: str) -> None:
        await self.json(status, {"error": {"message": message, "type": "x", "param": None, "code": None}}, **headers)

    async def begin_events(self) -> None:
        self.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await self.writer.drain()

    async def event(self, value: Any) -> None:
        data = f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def end_events(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def abort(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Seen], Awaitable[None]]
Serve = Callable[..., "ScriptedServer"]  # the fixture `serve`: starts a server with these scripts


class ScriptedServer:
    """`scripts` are used one per request; the last one for all that follow. `port`: a free one, or the one named."""

    def __init__(self, *scripts: Script, port: int = 0) -> None:
        self.scripts = list(scripts)
        self.seen: list[Seen] = []
        self.client_left = threading.Event()
        self.arrived = threading.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", port), self._loop
        ).result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"

    @property
    def asked(self) -> list[Any]:
        """The bodies of the chat requests."""
        return [seen.body for seen in self.seen if seen.path == "/v1/chat/completions"]

    def close(self) -> None:
        async def stop() -> None:
            self._server.close()
            # Again and again: a connection that was accepted meanwhile has a task of its own.
            while tasks := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for writer in self._writers:  # a loop that ends before they are closed leaves their sockets open
                with suppress(ConnectionError):
                    await writer.wait_closed()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {
                    name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
                }
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                seen = Seen(method, path, headers, json.loads(raw) if raw else None, writer)
                self.seen.append(seen)
                script = self.scripts[0] if len(self.scripts) == 1 else self.scripts.pop(0)
                self.arrived.set()
                await self._watched(script(seen), reader)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _watched(self, answering: Awaitable[None], reader: asyncio.StreamReader) -> None:
        """Answers, and notes when the client leaves meanwhile."""
        task = asyncio.ensure_future(answering)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=0.01)
                if reader.at_eof():
                    self.client_left.set()
                    task.cancel()
                    break
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(result, ConnectionError):
                self.client_left.set()
            elif isinstance(result, Exception):
                raise result
        finally:
            task.cancel()


# -- scripts


def completion(content: str | None = json.dumps(ANSWER), finish: str = "stop", **more: Any) -> dict[str, Any]:
    """A chat completion. `more`: `refusal`, `logprobs`, `model`, `usage`."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": more.get("model", "gpt-test-2026"),
        "system_fingerprint": "fp_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": more.get("refusal")},
                "logprobs": more.get("logprobs"),
                "finish_reason": finish,
            }
        ],
        "usage": more.get("usage", {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}),
    }


def chunk(content: str | None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": more.get("model", "gpt-test-2026"),
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": more.get("logprobs")}],
    }


def whole(content: str | None = json.dumps(ANSWER), finish: str = "stop", **more: Any) -> Script:
    """Replies in one piece, also to a client that asked for a stream."""

    async def script(seen: Seen) -> None:
        await seen.json(200, completion(content, finish, **more))

    return script


def streamed(pieces: Sequence[str] = ('{"label": "', "positive", '", "confidence": 0.9}'), **more: Any) -> Script:
    """Replies in pieces with the usage at the end. `logprobs`: one list of token dictionaries per piece."""

    async def script(seen: Seen) -> None:
        logprobs = more.pop("logprobs", [None] * len(pieces))
        await seen.begin_events()
        for piece, row in zip(pieces, logprobs, strict=True):
            await seen.event(chunk(piece, logprobs=None if row is None else {"content": row}, **more))
        await seen.event(chunk(None, "stop", **more))
        if seen.body.get("stream_options", {}).get("include_usage"):
            usage = {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60}
            await seen.event({**chunk(None, **more), "choices": [], "usage": usage})
        await seen.event("[DONE]")
        await seen.end_events()

    return script


def refuses(status: int, message: str, param: str | None = None, **headers: str) -> Script:
    async def script(seen: Seen) -> None:
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
        await seen.json(status, {"error": error}, **headers)

    return script


async def hangs(seen: Seen) -> None:
    await asyncio.sleep(3600)
