import asyncio
import threading
import time

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import EmptyInput, EndpointTimeout, InputTooLong, UnknownName
from playground.core.events import LAST, Cancelled, Failed, Finished
from playground.core.types import Source
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with

FOUR = ("hosted", "pretrained", "finetuned", "scratch")


def run(service, text="a sentence", **kwargs):
    events = []
    handle = service.start("sentiment", text, session="me", emit=events.append, **kwargs)
    assert handle.wait(5)
    return handle.record(), events


def test_four_tiers_answer_each_with_one_last_word():
    record, events = run(service_with(*map(FakeTier, FOUR)))
    assert [result.tier for result in record.results] == list(FOUR)
    for tier in FOUR:
        mine = [event.event for event in events if event.tier == tier]
        assert sum(isinstance(event, LAST) for event in mine) == 1
        assert isinstance(mine[-1], Finished)
        assert [event.seq for event in mine] == list(range(len(mine)))


def test_one_tier_failing_slow_or_raising_never_touches_the_others():
    service = service_with(
        FakeTier("hosted", error=EndpointTimeout("It took too long: run again.")),
        FakeTier("pretrained", raises=RuntimeError("a bug")),
        FakeTier("finetuned", delay=0.3),
        FakeTier("scratch"),
    )
    record, events = run(service)
    kinds = {result.tier: result.error and result.error.kind for result in record.results}
    assert kinds == {"hosted": "endpoint_timeout", "pretrained": "internal_error", "finetuned": None, "scratch": None}
    assert "a bug" not in str(record.result("pretrained").error)
    order = [event.tier for event in events if isinstance(event.event, LAST)]
    assert order[-1] == "finetuned"  # nobody waited for it


@pytest.mark.parametrize(("text", "error"), [("", EmptyInput), ("  \n", EmptyInput), ("x" * 100_000, InputTooLong)])
def test_bad_input_raises_before_any_tier_starts(text, error):
    tier = FakeTier("scratch")
    with pytest.raises(error):
        service_with(tier).start("sentiment", text, session="me", emit=lambda event: None)
    assert tier.seen == []


def test_unknown_names_are_said():
    service = service_with(FakeTier("scratch"))
    with pytest.raises(UnknownName):
        service.start("nothing", "text", session="me", emit=lambda event: None)
    with pytest.raises(UnknownName):
        service.start("sentiment", "text", session="me", emit=lambda event: None, tiers=["fifth"])


def test_stop_cancels_only_this_session():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(tier)
    mine, other = [], []
    first = service.start("sentiment", "mine", session="me", emit=mine.append)
    second = service.start("sentiment", "other", session="you", emit=other.append)
    service.stop("me")
    assert first.wait(20)
    assert isinstance(mine[-1].event, Cancelled)
    assert not second.done
    assert tier.running == 1
    service.close_session("you")
    assert tier.running == 0


def test_a_closed_page_leaves_nothing_behind():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(tier)
    service.set_key("me", "sk-secret")
    service.start("sentiment", "mine", session="me", emit=lambda event: None)
    service.close_session("me")
    assert tier.running == 0
    assert not service.has_key("me")
    assert service.history("me") == []


def test_history_is_newest_first_bounded_and_each_session_has_its_own():
    service = service_with(FakeTier("scratch"))
    for number in range(55):
        run(service, f"text {number}")
    history = service.history("me")
    assert len(history) == 50
    assert history[0].text == "text 54"
    assert service.history("you") == []
    assert service.record("me", history[3].id) is history[3]
    with pytest.raises(UnknownName):
        service.record("you", history[3].id)


def test_an_example_has_its_gold():
    service = service_with(FakeTier("scratch"))
    example = service.tasks.get("sentiment").examples[0]
    assert run(service, example.text)[0].gold == example.gold
    assert run(service, "something else")[0].gold is None


def test_two_sessions_run_at_once():
    service = service_with(FakeTier("scratch", delay=1.0))
    done = []
    threads = [
        threading.Thread(target=lambda name=name: done.append(run(service, name))) for name in ("one", "two", "three")
    ]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3
    assert time.monotonic() - start < 2.5  # one after another it would be 3


def test_run_events_ends_after_every_card_and_leaving_early_cancels():
    tier = FakeTier("scratch", hangs=True)
    service = service_with(FakeTier("hosted"), tier)

    async def leave():
        events = service.run_events("sentiment", "text", session="me")
        async for event in events:
            if isinstance(event.event, LAST):
                break
        await events.aclose()

    asyncio.run(leave())
    assert tier.running == 0

    async def collect():
        return [
            event
            async for event in service_with(FakeTier("hosted"), FakeTier("scratch", delay=0.1)).run_events(
                "sentiment", "text", session="me"
            )
        ]

    events = asyncio.run(collect())
    assert sum(isinstance(event.event, LAST) for event in events) == 2


def test_a_cancelled_token_starts_nothing():
    tier, token, events = FakeTier("scratch"), Cancel(), []
    token.set()
    handle = service_with(tier).start("sentiment", "text", session="me", emit=events.append, cancel=token)
    assert handle.wait(20)
    assert tier.seen == []
    assert isinstance(events[-1].event, Cancelled)


def test_the_documented_json():
    record, _ = run(
        service_with(
            FakeTier("hosted", source=Source.STAND_IN), FakeTier("scratch", error=EndpointTimeout("Late: retry."))
        )
    )
    document = record.json()
    assert list(document) == ["task", "input", "results"]
    good, bad = document["results"]
    assert set(good) == {"tier", "source", "model", "revision", "fingerprint", "output", "stats", "error"}
    assert good["output"]["label"] == "negative"
    assert good["output"]["scores"][0] == {"label": "negative", "score": 0.75}
    assert (good["source"], good["error"]) == ("stand-in", None)
    assert bad["error"] == {"kind": "endpoint_timeout", "message": "Late: retry."}
    assert bad["output"] is None
    assert not record.results[0].compared  # the stand-in is no rival


def test_failed_is_an_event_of_its_card():
    _, events = run(service_with(FakeTier("scratch", error=EndpointTimeout("Late: retry."))))
    assert isinstance(events[-1].event, Failed)


def test_the_end_of_the_service_closes_what_its_tiers_keep_open():
    tiers = [FakeTier(name) for name in FOUR]
    service = service_with(*tiers)
    service.close()
    assert all(tier.closed for tier in tiers)
    assert service.runtime.closed
