"""Events to screen updates: gathered for a moment, so that a fast stream is a few updates and not a flood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from playground.ui.session import RunToken

T = TypeVar("T")


async def batches(events: AsyncIterator[T], token: RunToken, interval: float) -> AsyncGenerator[list[T], None]:
    """What has come since the last batch, at most once in `interval` seconds; the first comes at once, the last waits for nobody.

    Ends when `events` ends, with its exception where it has one, or as soon as the token is superseded.
    Leaving early cancels `events`.
    """
    pending: list[T] = []
    news = asyncio.Event()

    async def pump() -> None:
        try:
            async for event in events:
                pending.append(event)
                news.set()
        finally:
            news.set()

    task = asyncio.create_task(pump())
    loop = asyncio.get_running_loop()
    token.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
    try:
        while True:
            await news.wait()
            news.clear()
            if token.superseded:
                return
            if pending:
                batch, pending[:] = list(pending), []
                yield batch
            if task.done() and not pending:
                if not task.cancelled():  # only a newer run or our own end cancels it
                    task.result()
                return
            await asyncio.wait([task], timeout=interval)
            if task.done():
                news.set()
    finally:
        token.cancel = lambda: None  # this loop may be gone when a later run asks
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
