"""The hosted tier through the real stand-in: real HTTP, the real client, the real gateway."""

from __future__ import annotations

import json
import math
import queue
import threading
from collections.abc import Iterator

import pytest

from playground.core.cancel import Cancel
from playground.core.events import LAST, Cancelled, Event, Partial
from playground.core.types import Request, Source
from playground.core.words import STAND_IN_NOTE
from playground.core.writing_types import TokenChoice, Writing, WrittenToken
from playground.gateway import LocalGateway, start_gateway
from playground.gateway.generalist import SCALE
from playground.tasks.generation import TASK as GENERATION
from tests.gateway.step_runtime import DECODER, WORDS, StepRuntime
from tests.gateway.word_runtime import ENCODER, WordRuntime, vector
from tests.tiers.hosted_helpers import TASK, run, settings, tier_for

TEXT = "what a happy happy day"


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[WordRuntime, LocalGateway]]:
    runtime = WordRuntime()
    gateway = start_gateway(runtime, ENCODER)
    yield runtime, gateway
    gateway.close()


@pytest.fixture
def runtime(shared: tuple[WordRuntime, LocalGateway]) -> WordRuntime:
    shared[0].reset()
    return shared[0]


@pytest.fixture
def gateway(shared: tuple[WordRuntime, LocalGateway], runtime: WordRuntime) -> LocalGateway:
    return shared[1]


def test_probabilities_survive_the_wire(gateway: LocalGateway) -> None:
    last = run(tier_for(settings(), gateway), TEXT, model=None).finished
    logits = {row.name: SCALE * float(vector(f"{row.name}: {row.description}") @ vector(TEXT)) for row in TASK.labels}
    total = sum(math.exp(value) for value in logits.values())
    assert last.output.score_source == "logprobs"
    assert {row.label: row.score for row in last.output.scores} == pytest.approx(
        {name: math.exp(value) / total for name, value in logits.items()}, rel=1e-4
    )
    assert last.output.label == "positive"
    stats = last.stats
    assert (stats.source, stats.model) == (Source.STAND_IN, "stand-in/word-hash")
    assert stats.revision.startswith("fp_")
    assert stats.tokens_in > 0
    assert stats.tokens_out > 0
    assert stats.time_to_first_token_seconds <= stats.latency_seconds
    assert gateway.token not in stats.request_json + stats.response_json + repr(last)
    assert json.loads(stats.response_json)["usage"]["completion_tokens"] == stats.tokens_out


def test_visitors_are_told_apart_for_fairness_and_not_named(gateway: LocalGateway, runtime: WordRuntime) -> None:
    tier = tier_for(settings(), gateway)
    run(tier, TEXT, model=None, session="one-secret-session")
    run(tier, "another " + TEXT, model=None, session="two")
    users = {call.user for call in runtime.calls}
    assert len(users) == 2
    assert "one-secret-session" not in users


def test_a_runtime_fault_reaches_the_card_as_its_own_sentence(gateway: LocalGateway, runtime: WordRuntime) -> None:
    from playground.core.errors import Busy

    runtime.fault = Busy("All places are taken: run again in a moment.")
    assert str(run(tier_for(settings(), gateway), TEXT, model=None).failed.error) == str(runtime.fault)


def test_stop_reaches_the_runtime_through_http(gateway: LocalGateway, runtime: WordRuntime) -> None:
    runtime.hold = threading.Event()
    ran = run(tier_for(settings(), gateway), TEXT, model=None, after_start=runtime.started)
    assert isinstance(ran.last, Cancelled)
    assert runtime.cancelled.wait(20)


def test_forty_at_once(gateway: LocalGateway) -> None:
    tier = tier_for(settings(hosted_timeout=20.0), gateway)
    results: list[str] = []

    def one(n: int) -> None:
        results.append(run(tier, f"{TEXT} {n}", model=None, session=str(n)).finished.output.label)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["positive"] * 40


@pytest.fixture
def writing() -> Iterator[tuple[StepRuntime, LocalGateway]]:
    runtime = StepRuntime()
    gateway = start_gateway(runtime, ENCODER, DECODER)
    yield runtime, gateway
    gateway.close()


def test_a_text_is_written_word_by_word_with_all_that_was_set(writing: tuple[StepRuntime, LocalGateway]) -> None:
    runtime, gateway = writing
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    task = GENERATION.bound({"details": "1", "length": "5", "seed": "7", "repetition_penalty": "1"})
    tier = tier_for(settings(), gateway)
    assert tier.supports(task)
    tier.start(task, Request(TEXT, None, "s"), events.put, Cancel())
    got: list[Event] = []
    for count in range(1, 6):
        runtime.steps.release()
        got.append(events.get(timeout=10))
        while not isinstance(got[-1], Partial):
            got.append(events.get(timeout=10))
        assert runtime.written == count
        assert got[-1].delta == WORDS[count - 1]
    while not isinstance(got[-1], LAST):
        got.append(events.get(timeout=10))
    last = got[-1]
    assert (last.output.text, last.output.ended) == ("".join(WORDS[:5]), "length")
    assert last.output.tokens[0] == WrittenToken(
        " and", pytest.approx(0.5), (TokenChoice(" and", pytest.approx(0.5)), TokenChoice(" the", pytest.approx(0.5)))
    )
    assert "".join(token.text for token in last.output.tokens) == last.output.text
    assert runtime.calls[0].writing == Writing(length=5, temperature=0.8, top_p=0.95, seed=7, details=True)
    assert runtime.calls[0].text == TEXT
    stats = last.stats
    assert (stats.source, stats.model, stats.note) == (Source.STAND_IN, "stand-in/steps", STAND_IN_NOTE)
    assert (stats.tokens_in, stats.tokens_out) == (5, 5)
    assert 0 < stats.time_to_first_token_seconds < stats.latency_seconds
    assert stats.tokens_per_second > 0


def test_stop_in_the_middle_ends_the_writing_within_a_word(writing: tuple[StepRuntime, LocalGateway]) -> None:
    runtime, gateway = writing
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    runtime.steps.release(2)
    handle = tier_for(settings(), gateway).start(GENERATION, Request(TEXT, None, "s"), events.put, Cancel())
    shown = 0
    while shown < 2:
        shown += isinstance(events.get(timeout=10), Partial)
    handle.cancel()
    assert isinstance(events.get(timeout=10), Cancelled)
    assert runtime.cancelled.wait(20)
    assert runtime.written == 2


def test_without_a_language_model_its_card_says_so(gateway: LocalGateway) -> None:
    tier = tier_for(settings(), gateway)
    assert "no language model on this machine" in tier.supports(GENERATION).reason
    failed = run(tier, TEXT, model=None, task=GENERATION).failed
    assert str(failed.error) == tier.supports(GENERATION).reason
