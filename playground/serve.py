"""The page on a port, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from playground.service import Playground
from playground.ui import launch_options

log = logging.getLogger(__name__)


def serve(demo: Any, service: Playground) -> None:
    """Blocks. Models are loaded in the background once the page answers; Ctrl+C or SIGTERM ends everything cleanly."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    demo.launch(**launch_options(service), prevent_thread_lock=True)
    try:
        if service.settings.warm_up:
            service.warm_up()
        stop.wait()
    finally:
        demo.close(verbose=False)
        service.close()
