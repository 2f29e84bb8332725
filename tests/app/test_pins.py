"""Models that the settings pin: loaded at start-up, never evicted, and refused in one sentence where that cannot be."""

import time

import pytest

from playground.compose import compose
from playground.core.errors import TooLarge, UnknownName
from playground.settings import Settings


def settings(**changes):
    return Settings(**{"space_id": None, "openai_api_key": None, "local_server_url": None, "device": "cpu"} | changes)


def resident(service, name, seconds=60.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        row = next((row for row in service.runtime.status() if row.model == name), None)
        if row is not None and row.state == "ready":
            return row
        time.sleep(0.02)
    raise AssertionError(f"{name} is not in memory")


def test_a_pinned_model_is_there_before_anybody_asks_and_stays():
    service = compose(settings(pinned=("bundled/sentiment-scratch",)))
    try:
        row = resident(service, "bundled/sentiment-scratch")
        assert row.pinned
        assert service.runtime.unload() == 0
        assert service.runtime.unload(row.key) == 0
        assert service.runtime.pin(row.key, False)
        assert service.runtime.unload(row.key) == 1
        assert not service.runtime.pin("no such key", True)
    finally:
        service.close()


def test_an_unknown_name_is_one_sentence_that_names_the_setting():
    with pytest.raises(UnknownName) as caught:
        compose(settings(pinned=("bundled/sentiment-scratch", "no-such-model")))
    assert "PLAYGROUND_PINNED" in str(caught.value)
    assert "no-such-model" in str(caught.value)
    assert "bundled/sentiment-scratch" in str(caught.value)  # which there are


def test_pins_that_do_not_fit_are_refused_before_anything_is_loaded():
    with pytest.raises(TooLarge) as caught:
        compose(settings(pinned=("bundled/sentiment-general", "bundled/sentiment-scratch"), cache_budget_mb=20))
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
