"""The page on a port, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from playground.service import Playground
from playground.ui import launch_options
from playground.ui.session import pages_of

log = logging.getLogger(__name__)


def serve(demo: Any, service: Playground) -> None:
    """Blocks. Models are loaded in the background once the page answers; Ctrl+C or SIGTERM ends everything cleanly."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    demo.launch(**launch_options(service), prevent_thread_lock=True)
    try:
        tell_owner(service, demo.local_url)
        if service.settings.warm_up:
            service.warm_up()
        stop.wait()
    finally:
        pages_of(service).close_all()  # else the server's own end would wait for the lines of runs in flight
        demo.close(verbose=False)
        service.close()


def tell_owner(service: Playground, local_url: str) -> None:
    """On a public server, once: how its owner is known. A token that the settings gave is not repeated."""
    owner = service.owner
    if owner.weak:
        log.warning(
            "The owner's token is short enough to be guessed: give PLAYGROUND_OWNER_TOKEN 16 characters or more."
        )
    if owner.made:
        address = next(iter(service.server_urls()), local_url).rstrip("/")
        log.warning("The owner's address: %s/#page=status&owner=%s", address, owner.token.get_secret_value())
