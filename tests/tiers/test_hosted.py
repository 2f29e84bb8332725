"""The hosted tier with the real openai client against a real server: answers and their numbers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from playground.core.types import Source
from playground.tiers.hosted_request import ROOM_TO_THINK
from tests.tiers.hosted_helpers import KEY, TASK, FixedGateway, live, run, settings, tier_for, with_key
from tests.tiers.scripted_server import Script, Serve, completion, refuses, streamed, whole


def row(token: str, probability: float, *others: tuple[str, float]) -> dict[str, Any]:
    top = [(token, probability), *others]
    return {
        "token": token,
        "bytes": list(token.encode()),
        "logprob": math.log(probability),
        "top_logprobs": [{"token": t, "bytes": list(t.encode()), "logprob": math.log(p)} for t, p in top],
    }


PIECES = ('{"label": "', "positive", '", "confidence": 0.9}')
LOGPROBS = ([row(PIECES[0], 1.0)], [row("positive", 0.6, ("negative", 0.2), ("Positive", 0.1))], [row(PIECES[2], 1.0)])


def test_label_probabilities_come_from_logprobs(serve: Serve) -> None:
    server = serve(streamed(PIECES, logprobs=LOGPROBS))
    last = run(live(server.base_url)).finished
    assert last.output.label == "positive"
    assert last.output.score_source == "logprobs"
    assert last.output.score_of("positive") == pytest.approx(0.7 / 0.9)
    assert last.output.score_of("negative") == pytest.approx(0.2 / 0.9)


@pytest.mark.parametrize("script", [streamed(), whole()])
def test_without_logprobs_the_confidence_is_the_models_own_statement(serve: Serve, script: Script) -> None:
    last = run(live(serve(script).base_url)).finished
    assert last.output.score_source == "stated"
    assert last.output.score_of("positive") == pytest.approx(0.9)
    assert last.output.score_of("negative") == pytest.approx(0.1)


def test_the_request_is_the_tasks(serve: Serve) -> None:
    server = serve(streamed())
    last = run(live(server.base_url)).finished
    body = server.asked[0]
    assert body["model"] == "gpt-test"
    assert body["messages"] == [
        {"role": "system", "content": TASK.instruction},
        {"role": "user", "content": "I loved every minute of it"},
    ]
    assert body["response_format"]["json_schema"]["schema"] == TASK.schema()
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["temperature"] == 0
    assert body["logprobs"] is True
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(last.stats.request_json) == body


def test_an_answer_is_limited_with_room_for_models_that_think_first(serve: Serve) -> None:
    server = serve(streamed())
    run(live(server.base_url))
    run(live(server.base_url, max_new_tokens=100))
    assert [body["max_completion_tokens"] for body in server.asked] == [512 + ROOM_TO_THINK, 100 + ROOM_TO_THINK]
    stand_in = serve(streamed())
    run(tier_for(settings(max_new_tokens=100), FixedGateway(stand_in.base_url, "token")), model=None)
    assert stand_in.asked[0]["max_completion_tokens"] == 100  # it does not think


def test_the_stats_are_what_was_measured(serve: Serve) -> None:
    stats = run(live(serve(streamed()).base_url)).finished.stats
    assert (stats.model, stats.revision, stats.source) == ("gpt-test-2026", "fp_1", Source.LIVE)
    assert (stats.tokens_in, stats.tokens_out) == (50, 10)
    assert 0 < stats.time_to_first_token_seconds <= stats.latency_seconds < 5
    assert stats.tokens_per_second == pytest.approx(10 / stats.latency_seconds)
    assert stats.cost_usd is None  # this address has no published price
    assert stats.queue_seconds is None
    assert stats.parameters is None
    reply = json.loads(stats.response_json)
    assert reply["choices"][0]["message"]["content"] == '{"label": "positive", "confidence": 0.9}'
    assert reply["usage"]["prompt_tokens"] == 50


def test_a_reply_in_one_piece_has_no_time_to_first_token(serve: Serve) -> None:
    assert run(live(serve(whole()).base_url)).finished.stats.time_to_first_token_seconds is None


def test_no_usage_is_none_and_not_zero(serve: Serve) -> None:
    stats = run(live(serve(whole(usage=None)).base_url)).finished.stats
    assert stats.tokens_in is stats.tokens_out is stats.tokens_per_second is None


REFUSALS = [
    ("logprobs", "'logprobs' is not supported with this model", "logprobs"),
    (None, "You are not allowed to request logprobs from this model", "logprobs"),
    ("temperature", "Unsupported value: 'temperature' does not support 0", "temperature"),
    ("stream_options", "Unknown parameter: 'stream_options'", "stream_options"),
    (None, "body.stream_options: Extra inputs are not permitted", "stream_options"),
    ("max_completion_tokens", "Unrecognized request argument", "max_completion_tokens"),
    ("response_format", "Invalid parameter: 'response_format' of type 'json_schema' is not supported", "json_schema"),
]


@pytest.mark.parametrize(("param", "message", "left_out"), REFUSALS)
def test_what_an_endpoint_refuses_is_left_out_and_remembered(
    serve: Serve, param: str | None, message: str, left_out: str
) -> None:
    status = 403 if "allowed to request" in message else 400
    server = serve(refuses(status, message, param), whole())
    tier = live(server.base_url)
    last = run(tier).finished
    assert left_out in last.stats.note
    assert len(server.asked) == 2
    run(tier)
    assert len(server.asked) == 3  # no second refusal
    assert server.asked[1] == server.asked[2]
    assert left_out not in server.asked[2] or left_out == "json_schema"
    run(tier, model="another")
    assert left_out in json.dumps(server.asked[3])  # remembered for that model alone


def test_an_endpoint_that_takes_no_schema_gets_it_in_words(serve: Serve) -> None:
    refusal = refuses(400, "response_format is not supported", "response_format")
    server = serve(refusal, refusal, whole())
    assert run(live(server.base_url)).finished.output.label == "positive"
    assert server.asked[1]["response_format"] == {"type": "json_object"}
    assert "response_format" not in server.asked[2]
    assert json.dumps(TASK.schema()) in server.asked[2]["messages"][0]["content"]


def test_an_endpoint_that_refuses_everything_is_not_asked_forever(serve: Serve) -> None:
    server = serve(refuses(400, "logprobs temperature stream_options stream max_tokens response_format no"))
    run(live(server.base_url)).failed  # noqa: B018
    assert len(server.asked) <= 9


def test_prices_are_published_ones() -> None:
    from playground.tiers.hosted_prices import cost

    found = cost("https://api.openai.com/v1", "gpt-4.1-mini", 1_000_000, 1_000_000)
    assert found is not None
    assert found.usd == pytest.approx(0.4 + 1.6)  # openai.com/api/pricing: $0.40 in, $1.60 out per million tokens
    assert "2026-01-01" < found.date < "2100"
    assert cost("https://api.openai.com/v1", "no-such-model", 1, 1) is None
    assert cost("http://127.0.0.1:1/v1", "gpt-4.1-mini", 1, 1) is None


def test_the_owners_environment_does_not_travel_with_a_visitors_key(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-owner")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-owner")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Owner: owner-secret\nAuthorization: Bearer owner-token")
    monkeypatch.setenv("OPENAI_API_KEY", "owner-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://owner.example/v1")
    server = serve(streamed())
    run(live(server.base_url)).finished  # noqa: B018
    assert "owner" not in json.dumps(server.seen[0].headers)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    run(tier_for(settings(openai_api_key=KEY, openai_base_url=server.base_url))).finished  # noqa: B018
    assert server.seen[1].headers["openai-organization"] == "org-owner"


@pytest.mark.parametrize("owners", [False, True])
def test_no_cookie_is_kept_between_visitors(serve: Serve, owners: bool) -> None:
    async def with_cookie(seen: Any) -> None:
        await seen.json(200, completion(), Set_Cookie="who=visitor-one; Path=/")

    server = serve(with_cookie, whole())
    config = settings(openai_api_key=KEY, openai_base_url=server.base_url)
    tier = tier_for(config) if owners else live(server.base_url)
    run(tier)
    run(tier)
    assert "cookie" not in server.seen[1].headers


def test_connections_are_shared_and_no_thread_is_parked_per_run(serve: Serve) -> None:
    import threading

    server = serve(streamed())
    tier = live(server.base_url)
    run(tier)
    before = threading.active_count()
    for _ in range(5):
        run(tier)
    assert threading.active_count() == before


def test_a_key_pasted_in_one_session_is_not_used_in_another(serve: Serve) -> None:
    server = serve(streamed())
    tier = tier_for(settings(), credentials=with_key(server.base_url, session="mine"))
    assert run(tier, session="mine").finished.stats.source is Source.LIVE
    assert run(tier, session="other", model=None).failed.error.kind == "credential_error"
    assert len(server.seen) == 1


def test_the_tier_supports_what_has_a_schema() -> None:
    assert tier_for(settings()).supports(TASK)
