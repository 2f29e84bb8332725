"""The hosted tier through the stand-in over a language model itself, of random weights: from the card to the weights and back."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.core.calls import Generate
from playground.core.cancel import Cancel
from playground.core.events import LAST, Cancelled, Event, Partial
from playground.core.types import ModelRef, Request
from playground.engine.runtime_local import LocalRuntime
from playground.gateway import start_gateway
from playground.settings import Settings
from playground.tasks.generation import TASK
from playground.tiers.hosted import HostedTier
from tests.gateway.word_runtime import ENCODER
from tests.tiers.hosted_helpers import Ran, run, settings, tier_for

TEXT = "It was a cold morning in March, and the café had not"


@pytest.fixture(scope="module")
def written_by(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalRuntime, ModelRef, HostedTier]]:
    import torch

    from playground.scratch.gpt import GPT, GPTConfig
    from playground.scratch.tokenizer import Tokenizer

    folder: Path = tmp_path_factory.mktemp("decoder")
    torch.manual_seed(0)
    tokenizer = Tokenizer.train([TEXT] * 3, 300)
    config = GPTConfig(vocabulary=len(tokenizer), context=64, dim=32, layers=2, heads=2, hidden=64)
    GPT(config).save(folder)
    tokenizer.save(folder / "tokenizer.json")
    decoder = ModelRef("test/random", "scratch-decoder", str(folder))
    runtime = LocalRuntime(Settings(threads=1))
    gateway = start_gateway(runtime, ENCODER, decoder)
    yield runtime, decoder, tier_for(settings(hosted_timeout=60.0), gateway)
    gateway.close()
    runtime.close()


def directly(runtime: LocalRuntime, call: Generate) -> Ran:
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    runtime.submit(call, events.put, Cancel())
    got = [events.get(timeout=60)]
    while not isinstance(got[-1], LAST):
        got.append(events.get(timeout=60))
    return Ran(got)


def test_the_card_has_the_text_tokens_and_counts_that_the_model_gave(
    written_by: tuple[LocalRuntime, ModelRef, HostedTier],
) -> None:
    runtime, decoder, tier = written_by
    task = TASK.bound({"length": "40", "seed": "7", "details": "1", "temperature": "0.9", "repetition_penalty": "1"})
    own = directly(runtime, Generate(decoder, text=TEXT, writing=task.writing)).finished
    card = run(tier, TEXT, task=task, model=None).finished
    assert card.output.text == own.output.text
    assert card.output.ended == own.output.ended == "length"
    assert [token.text for token in card.output.tokens] == [token.text for token in own.output.tokens]
    told, known = card.output.tokens, own.output.tokens
    assert [token.probability for token in told] == pytest.approx([token.probability for token in known])
    assert (card.stats.tokens_in, card.stats.tokens_out) == (own.stats.tokens_in, own.stats.tokens_out)
    assert run(tier, TEXT, task=task, model=None).finished.output == card.output
    other = TASK.bound({"length": "40", "seed": "8", "temperature": "0.9", "repetition_penalty": "1"})
    assert run(tier, TEXT, task=other, model=None).finished.output.text != card.output.text


def test_stop_in_the_middle_frees_the_models_lease(written_by: tuple[LocalRuntime, ModelRef, HostedTier]) -> None:
    runtime, _, tier = written_by
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    long = TASK.bound({"length": "512"})
    handle = tier.start(long, Request(TEXT, None, "s"), events.put, Cancel())
    while not isinstance(events.get(timeout=60), Partial):
        pass
    assert [row.leases for row in runtime.status()] == [1]
    handle.cancel()
    left = [events.get(timeout=10)]
    while not isinstance(left[-1], LAST):
        left.append(events.get(timeout=10))
    assert isinstance(left[-1], Cancelled)
    until = time.monotonic() + 20
    while runtime.status()[0].leases and time.monotonic() < until:
        time.sleep(0.01)
    assert [row.leases for row in runtime.status()] == [0]
