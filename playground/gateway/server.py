"""Runs the gateway: its own thread, event loop and port on loopback.

The port is bound at once, so that the address is known and early requests wait in the backlog; everything heavy
(fastapi, uvicorn, openai's types) is imported on the gateway's own thread. Where that thread, its server or its socket has
died, the next look at `base_url` starts another, on another port: whoever asks reads the address anew for every request.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from playground.core.protocols import Runtime
from playground.core.types import ModelRef
from playground.gateway.schema import Unservable, read_schema

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

log = logging.getLogger("playground.gateway")

_BACKLOG = 128
_ROUNDS = 5  # of hanging up


class LocalGateway:
    """An OpenAI-compatible address on this machine. With `lazy`, the thread starts when `base_url` is first read."""

    def __init__(
        self,
        runtime: Runtime,
        encoder: ModelRef,
        decoder: ModelRef | None = None,
        *,
        deadline: float = 60.0,
        lazy: bool = False,
    ) -> None:
        self._runtime = runtime
        self._encoder = encoder
        self._decoder = decoder
        self._deadline = deadline
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._closed = False
        self._life = _Life(self._app)
        if not lazy:
            self.start()

    @property
    def base_url(self) -> str:
        self.start()
        return f"http://127.0.0.1:{self._life.port}/v1"

    @property
    def token(self) -> str:
        return self._token

    def serves(self, schema: Mapping[str, Any]) -> bool:
        if not schema:
            return self._decoder is not None
        try:
            read_schema(schema)
        except Unservable:
            return False
        return True

    def start(self) -> None:
        """Starts the thread, or another where it died. Returns at once; requests wait until the thread listens."""
        with self._lock:
            if self._closed:
                return
            if self._life.is_over:
                log.warning("the gateway had died and is started again")
                self._life.end()
                self._life = _Life(self._app)
            self._life.begin()

    def wait_ready(self, timeout: float) -> bool:
        """Whether requests are being answered, waiting up to `timeout` seconds."""
        return self._life.ready.wait(timeout)

    def close(self) -> None:
        """Stops answering; requests in flight get one second. Safe to call twice."""
        with self._lock:
            self._closed = True
            life = self._life
        life.end()
        life.join(3)

    def _app(self) -> ASGIApp:
        """Made on the gateway's thread."""
        from playground.gateway.app import create_app

        return create_app(self._runtime, self._encoder, self._decoder, self._token, self._deadline)


class _Life:
    """One socket, and one thread that serves on it until either is gone."""

    def __init__(self, app: Callable[[], ASGIApp]) -> None:
        self._app = app
        self._socket = _listening()
        self._server: uvicorn.Server | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self.port: int = self._socket.getsockname()[1]
        self.ready = threading.Event()

    @property
    def is_over(self) -> bool:
        """True also while it is still going down."""
        began, server = self._thread.ident is not None, self._server
        gone = self._socket.fileno() == -1 or (began and not self._thread.is_alive())
        return self._ended or gone or (server is not None and server.should_exit)

    def begin(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def end(self) -> None:
        """Asks the thread to stop. Returns at once."""
        self._ended = True
        if self._server is not None:
            self._server.should_exit = True
        else:
            self._socket.close()

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        self._socket.close()

    def _run(self) -> None:
        started = time.perf_counter()
        try:
            import uvicorn

            logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # its coming and going is said below
            config = uvicorn.Config(
                self._app(),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
            self._server = uvicorn.Server(config)
            if self._ended:
                return
            self.ready.set()
            log.info("listening on 127.0.0.1:%d after %.0f ms", self.port, 1000 * (time.perf_counter() - started))
            with asyncio.Runner() as runner:
                try:
                    runner.run(self._server.serve(sockets=[self._socket]))
                finally:
                    runner.run(_hang_up(self._server))
        except BaseException:  # whatever it is: the next look at the address begins another life
            log.exception("the gateway stopped")
        finally:
            self._ended = True
            self._socket.close()  # whoever still waits is refused instead of hanging


async def _hang_up(server: uvicorn.Server) -> None:
    """Ends what a server that broke off has left: its requests, each of which says so to its client, and its connections.

    In several rounds: while some end, others may just have been accepted.
    """
    for accepting in getattr(server, "servers", ()):  # there are none before it listens
        with suppress(ValueError):  # its socket is gone
            accepting.close()
    for _ in range(_ROUNDS):
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)  # in which they are closed


def _listening() -> socket.socket:
    """A free port of loopback, and no other interface.

    The protocol is named because asyncio turns Nagle's algorithm off only where it is: with it, a reply in several
    writes waits 40 ms for the client's delayed acknowledgement.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(_BACKLOG)
    return listening


def start_gateway(
    runtime: Runtime,
    encoder: ModelRef,
    decoder: ModelRef | None = None,
    *,
    deadline: float = 60.0,
    lazy: bool = False,
) -> LocalGateway:
    """The stand-in over a runtime. `encoder`: the bundled sentence encoder; `decoder`: a language model to go on with texts, where
    there is one; `deadline`: seconds per request.
    """
    return LocalGateway(runtime, encoder, decoder, deadline=deadline, lazy=lazy)
