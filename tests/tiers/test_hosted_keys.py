"""A key is in no error, log, stats or repr, whatever an endpoint sends back."""

from __future__ import annotations

import logging

import pytest

from tests.tiers.hosted_helpers import KEY, live, run, settings, tier_for, with_key
from tests.tiers.scripted_server import Serve, refuses, streamed, whole

ECHOES = [
    f"Incorrect API key provided: {KEY}.",
    f"Bearer {KEY}",
    f"your key {KEY[:16]}... is wrong",
    f"got {KEY.upper()}",
    f"key ends in {KEY[-12:]}",
    "another key sk-live-abcdefghijklmnop1234",
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_echoed_key_is_in_no_error_log_or_stats(
    serve: Serve, caplog: pytest.LogCaptureFixture, echo: str, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    ran = run(live(serve(refuses(status, echo)).base_url))
    _no_key_in(repr(ran.events) + str(ran.failed.error) + repr(ran.failed.error.__dict__) + caplog.text)


def test_a_key_echoed_in_the_answer_is_not_shown(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    content = f'{{"label": "positive", "confidence": 0.9, "key": "{KEY}"}}'
    ran = run(live(serve(whole(content, model=f"model-{KEY}")).base_url))
    _no_key_in(repr(ran.events) + caplog.text)
    assert ran.finished.output.label == "positive"


def test_an_unforeseen_error_is_logged_without_the_key(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"a bug that quotes {KEY}")

    monkeypatch.setattr("playground.tiers.hosted.output_of", broken)
    ran = run(live(serve(streamed()).base_url))
    assert ran.failed.error.kind == "internal_error"
    assert "a bug that quotes [key]" in caplog.text
    _no_key_in(repr(ran.events) + caplog.text)


@pytest.mark.parametrize("key", ["with space", "ключ-ключ-ключ", "sk-line\nbreak", ""])
def test_a_key_that_no_header_can_carry(serve: Serve, key: str, caplog: pytest.LogCaptureFixture) -> None:
    server = serve(streamed())
    ran = run(tier_for(settings(), credentials=with_key(server.base_url, key=key)))
    assert ran.failed.error.kind == "credential_error"
    assert server.seen == []
    if key:
        assert key not in caplog.text + str(ran.failed.error)


def _no_key_in(text: str) -> None:
    folded = text.casefold()
    for start in range(len(KEY) - 8 + 1):
        assert KEY[start : start + 8].casefold() not in folded
    assert "sk-live-abcdefgh" not in folded
