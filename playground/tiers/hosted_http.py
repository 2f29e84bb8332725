"""The HTTP clients under the hosted tier: shared pools that carry nothing from one visitor to another."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground.settings import is_loopback

if TYPE_CHECKING:
    import httpx2
    import openai

MAX_REPLY_BYTES = 4 * 2**20

# What a request on somebody else's key may carry. The owner's environment (OPENAI_ORG_ID, OPENAI_PROJECT_ID,
# OPENAI_CUSTOM_HEADERS, which openai reads by itself) stays with the owner's key.
_PLAIN_HEADERS = frozenset(
    ["host", "authorization", "accept", "accept-encoding", "connection", "content-type", "content-length",
     "transfer-encoding", "user-agent", "x-playground-user",
     "x-stainless-raw-response"]  # openai reads it back from the request to know what it was asked to return
)  # fmt: skip


class ReplyTooLong(Exception):
    """An endpoint sent more than any answer can need."""


class Clients:
    """One pool per (on this machine or not, the owner's key or not). Lives in the shared loop."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._pools: dict[tuple[bool, bool], httpx2.AsyncClient] = {}

    def client(self, base_url: str, api_key: str, *, owners_key: bool) -> openai.AsyncOpenAI:
        """A client for one run: the pool outlives it, the key does not."""
        import openai

        local = is_loopback(urlsplit(base_url).hostname or "")
        pool = self._pools.get((local, owners_key))
        if pool is None:
            pool = self._pools[local, owners_key] = _pool(self._timeout, local, owners_key)
        return openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            http_client=pool,
            timeout=pool.timeout,
            max_retries=0,  # whether a request is sent again is our decision, which the card shows
            # Said outright, because an Authorization in OPENAI_CUSTOM_HEADERS would win over `api_key`.
            default_headers={"Authorization": f"Bearer {api_key}"},
        )

    async def close(self) -> None:
        """Closes what is kept alive."""
        pools = list(self._pools.values())
        self._pools.clear()
        for pool in pools:
            await pool.aclose()


def _pool(timeout: float, local: bool, owners_key: bool) -> httpx2.AsyncClient:
    import httpx2

    for name in ("openai", "httpx2", "httpcore2"):  # at DEBUG they would log what visitors typed
        logger = logging.getLogger(name)
        logger.setLevel(max(logging.INFO, logger.level))
    pool = httpx2.AsyncClient(
        timeout=httpx2.Timeout(timeout, connect=min(5.0, timeout)),
        follow_redirects=False,
        trust_env=not local,  # a proxy of the environment is for other machines
        headers={"accept-encoding": "identity"},  # so that the limit below counts what we would hold
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0),
        event_hooks={"request": [] if owners_key else [_only_plain_headers], "response": [_limited]},
    )
    pool.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # no cookie is kept
    return pool


async def _only_plain_headers(request: httpx2.Request) -> None:
    for name in [name for name in request.headers if name.lower() not in _PLAIN_HEADERS]:
        del request.headers[name]


async def _limited(response: httpx2.Response) -> None:
    import httpx2

    class Limited(httpx2.AsyncByteStream):
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for chunk in self._inner:
                seen += len(chunk)
                if seen > MAX_REPLY_BYTES:
                    raise ReplyTooLong
                yield chunk

        async def aclose(self) -> None:
            await self._inner.aclose()

    response.stream = Limited(response.stream)
