"""Which models an endpoint lists. Asked in the background, at most 2 s; the page never waits for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import secrets
import threading
import time
from typing import Any

from playground.tiers.hosted_http import Clients
from playground.tiers.hosted_loop import LOOP

TIMEOUT = 2.0  # seconds
_FRESH = 30.0  # seconds a list is used before it is asked for again
_MOST_MODELS = 100
_MOST_LISTS = 64

DEFAULT = "default"  # a picker row for "whatever the endpoint lists first", until its list is known


class ModelLists:
    """By base URL and key; of the key only a salted digest is kept. Thread-safe."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._salt = secrets.token_bytes(16)
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._asking: dict[str, concurrent.futures.Future[tuple[str, ...]]] = {}

    def cached(self, base_url: str, api_key: str, *, owners_key: bool) -> tuple[str, ...]:
        """What is known now, at once; asks for more in the background where that is old."""
        name = self._name(base_url, api_key)
        with self._lock:
            at, models = self._lists.get(name, (-_FRESH, ()))
            if time.monotonic() - at >= _FRESH and name not in self._asking:
                asking = LOOP.submit(self._ask(name, base_url, api_key, owners_key))
                self._asking[name] = asking
                asking.add_done_callback(lambda _: self._asking.pop(name, None))
        return models

    async def get(self, base_url: str, api_key: str, *, owners_key: bool) -> tuple[str, ...]:
        """In the shared loop: the list, asked for where it is not known. Empty where the endpoint gives none in time."""
        name = self._name(base_url, api_key)
        with self._lock:
            _, models = self._lists.get(name, (0.0, ()))
        return models or await self._ask(name, base_url, api_key, owners_key)

    async def _ask(self, name: str, base_url: str, api_key: str, owners_key: bool) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(TIMEOUT):
                client = self._clients.client(base_url, api_key, owners_key=owners_key)
                page: Any = await client.models.list()
                rows = page.data if isinstance(page.data, list) else []
        except Exception:  # unreachable, or no such list: a run will say what is wrong, in its own words
            rows = []
        found = tuple(row.id for row in rows if isinstance(getattr(row, "id", None), str))[:_MOST_MODELS]
        with self._lock:
            if len(self._lists) >= _MOST_LISTS:
                self._lists.pop(next(iter(self._lists)))
            self._lists[name] = (time.monotonic(), found)
        return found

    def _name(self, base_url: str, api_key: str) -> str:
        return hashlib.sha256(self._salt + base_url.encode() + b"\0" + api_key.encode()).hexdigest()
