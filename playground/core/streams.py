"""A handle's events as an iterator or an async iterator; no thread is parked for either."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncGenerator, Callable, Iterator

from playground.core.events import LAST, Emit, Event
from playground.core.protocols import Handle

Start = Callable[[Emit], Handle]


def iterate(start: Start) -> Iterator[Event]:
    """Blocks the caller's own thread between events. Leaving the loop early cancels the run."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    handle = start(events.put)
    last = False
    try:
        while not last:
            event = events.get()
            last = isinstance(event, LAST)
            yield event
    finally:
        if not last:
            handle.cancel()


async def aiterate(start: Start) -> AsyncGenerator[Event, None]:
    """As `iterate`, waiting in the running event loop. Events may be emitted from any thread."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[Event] = asyncio.Queue()

    def emit(event: Event) -> None:
        if not loop.is_closed():  # the visitor's loop may be gone before the device thread notices
            loop.call_soon_threadsafe(events.put_nowait, event)

    handle = start(emit)
    last = False
    try:
        while not last:
            event = await events.get()
            last = isinstance(event, LAST)
            yield event
    finally:
        if not last:
            handle.cancel()
