"""Runs the gateway: its own thread, event loop and port on loopback.

The port is bound at once, so that the address is known and early requests wait in the backlog; everything heavy
(fastapi, uvicorn, openai's types) is imported on the gateway's own thread.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING

from playground.core.protocols import Runtime
from playground.core.types import ModelRef

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger("playground.gateway")

_BACKLOG = 128


class LocalGateway:
    """An OpenAI-compatible address on this machine. With `lazy`, the thread starts when `base_url` is first read."""

    def __init__(self, runtime: Runtime, encoder: ModelRef, *, deadline: float = 60.0, lazy: bool = False) -> None:
        self._runtime = runtime
        self._encoder = encoder
        self._deadline = deadline
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None
        self._ready = threading.Event()
        self._closed = False
        self._socket = _listening()
        self._port: int = self._socket.getsockname()[1]
        if not lazy:
            self.start()

    @property
    def base_url(self) -> str:
        self.start()
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def token(self) -> str:
        return self._token

    def start(self) -> None:
        """Starts the thread, once. Returns at once; requests wait until the thread listens."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
                self._thread.start()

    def wait_ready(self, timeout: float) -> bool:
        """Whether requests are being answered, waiting up to `timeout` seconds."""
        return self._ready.wait(timeout)

    def close(self) -> None:
        """Stops answering; requests in flight get one second. Safe to call twice."""
        with self._lock:
            self._closed = True
            thread, server = self._thread, self._server
        if server is not None:
            server.should_exit = True
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=3)
        self._socket.close()

    def _run(self) -> None:
        started = time.perf_counter()
        try:
            import uvicorn

            logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # its coming and going is said below

            from playground.gateway.app import create_app

            config = uvicorn.Config(
                create_app(self._runtime, self._encoder, self._token, self._deadline),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
            server = uvicorn.Server(config)
            with self._lock:
                if self._closed:
                    return
                self._server = server
            self._ready.set()
            log.info("listening on 127.0.0.1:%d after %.0f ms", self._port, 1000 * (time.perf_counter() - started))
            asyncio.run(server.serve(sockets=[self._socket]))
        except Exception:
            log.exception("the gateway stopped")
        finally:
            self._socket.close()  # whoever still waits is refused instead of hanging


def _listening() -> socket.socket:
    """A free port of loopback, and no other interface.

    The protocol is named because asyncio turns Nagle's algorithm off only where it is: with it, a reply in several
    writes waits 40 ms for the client's delayed acknowledgement.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(_BACKLOG)
    return listening


def start_gateway(runtime: Runtime, encoder: ModelRef, *, deadline: float = 60.0, lazy: bool = False) -> LocalGateway:
    """The stand-in over a runtime. `encoder`: the bundled sentence encoder; `deadline`: seconds per request."""
    return LocalGateway(runtime, encoder, deadline=deadline, lazy=lazy)
