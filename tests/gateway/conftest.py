"""One gateway over the word runtime for a module's tests, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from playground.gateway import LocalGateway, start_gateway
from tests.gateway.word_runtime import ENCODER, WordRuntime


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[WordRuntime, LocalGateway]]:
    runtime = WordRuntime()
    gateway = start_gateway(runtime, ENCODER, deadline=5)
    yield runtime, gateway
    gateway.close()


@pytest.fixture
def runtime(shared: tuple[WordRuntime, LocalGateway]) -> WordRuntime:
    shared[0].reset()
    return shared[0]


@pytest.fixture
def gateway(shared: tuple[WordRuntime, LocalGateway], runtime: WordRuntime) -> LocalGateway:
    return shared[1]


@pytest.fixture
def client(gateway: LocalGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=10) as client:
        yield client
