"""Events to screen updates: gathered for a moment, so that a fast stream is a few updates and not a flood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from playground.ui.session import RunToken

T = TypeVar("T")
GRACE = 0.008  # seconds for which an urgent event waits for others of its kind: half a frame of a screen


async def batches(
    events: AsyncIterator[T], token: RunToken, interval: float, urgent: Callable[[T], bool] = lambda event: False
) -> AsyncGenerator[list[T], None]:
    """What has come since the last batch: at most once in `interval` seconds, but at once what is urgent, and the end.

    Ends when `events` ends, with its exception where it has one, or as soon as the token is superseded.
    Leaving early cancels `events`. A reader who takes his time gets fewer, larger batches.
    """
    loop = asyncio.get_running_loop()
    pending: list[T] = []
    due = asyncio.Event()
    timer: asyncio.TimerHandle | None = None
    last = loop.time()

    def heard(event: T) -> None:
        nonlocal timer
        pending.append(event)
        when = loop.time() + GRACE if urgent(event) else last + interval
        if timer is None or when < timer.when():
            if timer is not None:
                timer.cancel()
            timer = loop.call_at(when, due.set)

    async def pump() -> None:
        try:
            async for event in events:
                heard(event)
        finally:
            due.set()

    task = asyncio.create_task(pump())

    def wake() -> None:
        loop.call_soon_threadsafe(task.cancel)

    token.wake = wake
    try:
        while True:
            await due.wait()
            due.clear()
            if token.superseded:
                return
            if timer is not None:
                timer.cancel()
                timer = None
            if pending:
                batch, pending[:] = list(pending), []
                yield batch
                last = loop.time()
            if task.done() and not pending:
                if not task.cancelled():  # only a newer run or our own end cancels it
                    task.result()
                return
            if task.done():
                due.set()
    finally:
        token.wake = lambda: None  # this loop may be gone when a later run asks
        if timer is not None:
            timer.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
