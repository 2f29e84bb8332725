"""The stand-in over the bundled encoder itself: the whole way from HTTP to the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import openai
import pytest

from playground.catalog import Catalog
from playground.engine.runtime_local import LocalRuntime
from playground.gateway import LocalGateway, start_gateway
from playground.settings import Settings
from playground.tasks.sentiment import TASK

FORMAT = {"type": "json_schema", "json_schema": {"name": "sentiment", "schema": TASK.schema(), "strict": True}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[LocalGateway]:
    settings = Settings(threads=1)
    catalog = Catalog.read(settings.catalog)
    runtime = LocalRuntime(settings)
    gateway = start_gateway(runtime, catalog.ref(catalog.encoder))
    yield gateway
    gateway.close()
    runtime.close()


def ask(gateway: LocalGateway, text: str) -> openai.types.chat.ChatCompletion:
    with openai.OpenAI(api_key=gateway.token, base_url=gateway.base_url, max_retries=0, timeout=60) as client:
        return client.chat.completions.create(
            model="stand-in",
            messages=[{"role": "system", "content": TASK.instruction}, {"role": "user", "content": text}],
            response_format=FORMAT,
            logprobs=True,
            top_logprobs=5,
        )


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I am so happy and grateful, this is wonderful.", "positive"),
        ("I am angry and sad, this is terrible.", "negative"),
    ],
)
def test_plain_feelings_are_told_apart(gateway: LocalGateway, text: str, label: str) -> None:
    reply = ask(gateway, text)
    assert TASK.parse(json.loads(reply.choices[0].message.content), text).label == label
    tokens = reply.choices[0].logprobs.content
    choice = next(token for token in tokens if token.token == label)
    assert sum(math.exp(row.logprob) for row in choice.top_logprobs) == pytest.approx(1)


def test_another_text_gives_other_scores_and_token_counts(gateway: LocalGateway) -> None:
    short, long = ask(gateway, "Fine."), ask(gateway, "Fine, but I would rather have had the other one, thank you.")
    assert short.choices[0].logprobs != long.choices[0].logprobs
    assert 5 < long.usage.prompt_tokens - short.usage.prompt_tokens < 20
    assert 5 < short.usage.completion_tokens < 40
    assert ask(gateway, "Fine.").choices == short.choices
