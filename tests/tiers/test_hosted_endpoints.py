"""Which endpoint answers and who pays: session keys, the owner's, budgets, local servers, the stand-in; public and offline."""

from __future__ import annotations

import time
from typing import Any

import pytest

from playground.core.credentials import Credential
from playground.core.errors import NotAllowed
from playground.core.types import Source
from playground.core.words import STAND_IN_NOTE
from playground.tiers.hosted_endpoints import base_url_of, normalized
from playground.tiers.hosted_models import DEFAULT
from tests.tiers.hosted_helpers import KEY, TASK, FixedGateway, rows, run, settings, tier_for, with_key
from tests.tiers.scripted_server import ScriptedServer, Seen, Serve, hangs, refuses, streamed


def gateway(server: ScriptedServer) -> FixedGateway:
    return FixedGateway(server.base_url, "token")


async def lists_two(seen: Seen) -> None:
    """A local server: /v1/models and an answer."""
    if seen.method == "GET":
        await seen.json(200, {"object": "list", "data": [{"id": "llama"}, {"id": "qwen"}]})
    else:
        await streamed()(seen)


# -- the order


def test_without_anything_the_stand_in_answers_and_says_so(serve: Serve) -> None:
    server = serve(streamed())
    tier = tier_for(settings(), gateway(server))
    stats = run(tier, model=None).finished.stats
    assert stats.source is Source.STAND_IN
    assert stats.note == STAND_IN_NOTE
    assert stats.cost_usd is None
    assert server.asked[0]["model"] == "stand-in"
    assert server.seen[0].headers["authorization"] == "Bearer token"
    assert rows(tier) == [("stand-in", Source.STAND_IN)]


def test_a_named_local_server_comes_before_the_stand_in(serve: Serve) -> None:
    local, stand_in = serve(lists_two), serve(streamed())
    tier = tier_for(settings(local_server_url=local.base_url), gateway(stand_in))
    stats = run(tier, model=None).finished.stats
    assert stats.source is Source.LOCAL_SERVER
    assert stats.cost_usd is None
    assert local.asked[0]["model"] == "llama"  # the first it lists
    assert KEY not in str(local.seen[0].headers)
    assert stand_in.seen == []


def test_the_owners_key_comes_before_a_local_server_and_never_goes_to_it(serve: Serve) -> None:
    live, local = serve(streamed()), serve(lists_two)
    tier = tier_for(settings(openai_api_key=KEY, openai_base_url=live.base_url, local_server_url=local.base_url))
    assert run(tier, model=None).finished.stats.source is Source.LIVE
    assert live.asked[0]["model"] == "gpt-5-mini"
    assert local.seen == []


def test_a_pasted_key_comes_before_the_owners(serve: Serve) -> None:
    mine, owners = serve(streamed()), serve(streamed())
    config = settings(openai_api_key="sk-owner-owner-owner-1", openai_base_url=owners.base_url)
    run(tier_for(config, credentials=with_key(mine.base_url)))
    assert mine.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert owners.seen == []


def test_a_pasted_key_without_an_address_goes_to_the_settings_endpoint(serve: Serve) -> None:
    server = serve(streamed())
    tier = tier_for(settings(openai_base_url=server.base_url), credentials=with_key(None))
    assert run(tier, model=None).finished.stats.source is Source.LIVE
    assert server.asked[0]["model"] == "gpt-5-mini"
    assert rows(tier) == [("gpt-5-mini", Source.LIVE), ("gpt-4.1-mini", Source.LIVE)]


def test_a_resolver_can_be_put_in_between(serve: Serve) -> None:
    local, stand_in = serve(lists_two), serve(streamed())
    tier = tier_for(settings(local_server_url=local.base_url), gateway(stand_in))
    seen: list[str] = []

    async def recordings(ask: Any) -> None:
        seen.append(ask.request.text)

    tier.endpoints.resolvers.insert(0, recordings)
    run(tier, "some text", model=None)
    assert seen == ["some text"]
    assert len(local.asked) == 1


def test_the_stand_in_can_be_asked_for_by_name(serve: Serve) -> None:
    server = serve(streamed())
    tier = tier_for(settings(openai_api_key=KEY), gateway(server))
    assert run(tier, model="stand-in").finished.stats.source is Source.STAND_IN


def test_nothing_at_all_says_what_to_do() -> None:
    tier = tier_for(settings())
    assert "paste an API key" in str(run(tier, model=None).failed.error)
    (row,) = tier.choices(TASK, "s")
    assert not row.available
    assert row.why_not


def test_a_live_model_without_a_key_says_that_it_needs_one(serve: Serve) -> None:
    server = serve(streamed())
    tier = tier_for(settings(), gateway(server))
    assert "gpt-5-mini needs an API key" in str(run(tier, model="gpt-5-mini").failed.error)
    assert run(tier, model="no-such").failed.error.kind == "unknown_name"
    assert server.seen == []


def test_a_dead_local_server_is_said_and_not_replaced(serve: Serve) -> None:
    local, stand_in = serve(refuses(500, "no")), serve(streamed())
    tier = tier_for(settings(local_server_url=local.base_url), gateway(stand_in))
    error = run(tier, model=None).failed.error
    assert error.kind == "endpoint_unreachable"
    assert "PLAYGROUND_LOCAL_SERVER_MODEL" in str(error)
    assert stand_in.seen == []


# -- the picker


def test_a_local_servers_models_are_listed_in_the_background(serve: Serve) -> None:
    server = serve(lists_two)
    tier = tier_for(settings(local_server_url=server.base_url))
    assert rows(tier) == [(DEFAULT, Source.LOCAL_SERVER)]
    deadline = time.monotonic() + 5
    while rows(tier) != [("llama", Source.LOCAL_SERVER), ("qwen", Source.LOCAL_SERVER)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(server.seen) == 1  # the list is kept
    run(tier, model=DEFAULT)
    assert server.asked[0]["model"] == "llama"


def test_listing_models_never_blocks(serve: Serve) -> None:
    tier = tier_for(settings(local_server_url=serve(hangs).base_url, local_server_model="named"))
    started = time.monotonic()
    assert rows(tier) == [("named", Source.LOCAL_SERVER)]
    assert time.monotonic() - started < 1.5  # a server that never lists is given up after 2


def test_a_server_that_never_lists_is_given_up_after_2_s(serve: Serve) -> None:
    tier = tier_for(settings(local_server_url=serve(hangs).base_url, hosted_timeout=60.0))
    started = time.monotonic()
    assert run(tier, model=None).failed.error.kind == "endpoint_unreachable"
    assert time.monotonic() - started < 30  # and not after the 60 s that an answer may take


def test_a_pasted_keys_own_endpoint_lists_its_models(serve: Serve) -> None:
    server = serve(lists_two)
    tier = tier_for(settings(), credentials=with_key(server.base_url))
    rows(tier)
    assert run(tier, model=None).finished.stats.source is Source.LIVE
    assert rows(tier)[0] == ("llama", Source.LIVE)
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"


# -- a public server


def test_visitors_cannot_use_the_owners_key(serve: Serve) -> None:
    live, stand_in = serve(streamed()), serve(streamed())
    config = settings(openai_api_key=KEY, openai_base_url=live.base_url, space_id="who/what")
    tier = tier_for(config, gateway(stand_in))
    assert run(tier, model=None).finished.stats.source is Source.STAND_IN
    assert run(tier, model="gpt-5-mini").failed.error.kind == "credential_error"
    assert live.seen == []
    assert rows(tier) == [("stand-in", Source.STAND_IN)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1", "https://evil.example/v1", "http://169.254.169.254/v1"])
def test_visitors_cannot_name_an_address(url: str) -> None:
    tier = tier_for(settings(host="0.0.0.0"), credentials=with_key(url))
    assert run(tier).failed.error.kind == "not_allowed"
    assert not tier.choices(TASK, "s")[0].available


def test_visitors_can_name_an_allowed_address(serve: Serve) -> None:
    server = serve(streamed())
    config = settings(host="0.0.0.0", allowed_base_urls=(server.base_url + "/",))
    assert run(tier_for(config, credentials=with_key(server.base_url.upper().replace("/V1", "/v1")))).finished
    near = with_key(server.base_url + "/../other")
    assert run(tier_for(config, credentials=near)).failed.error.kind == "not_allowed"


# -- offline


def test_offline_asks_only_this_machine(serve: Serve) -> None:
    stand_in = serve(streamed())
    config = settings(offline=True, openai_api_key=KEY)
    tier = tier_for(config, gateway(stand_in), with_key("https://api.example.com/v1"))
    stats = run(tier, model=None).finished.stats
    assert stats.source is Source.STAND_IN
    assert "api.example.com is not asked" in stats.note
    assert rows(tier) == [("stand-in", Source.STAND_IN)]
    assert "offline" in str(run(tier, model="gpt-5-mini").failed.error)


def test_offline_still_asks_a_local_server_and_a_key_for_this_machine(serve: Serve) -> None:
    local = serve(lists_two)
    assert run(tier_for(settings(offline=True, local_server_url=local.base_url)), model=None).finished
    assert run(tier_for(settings(offline=True), credentials=with_key(local.base_url))).finished
    away = tier_for(settings(offline=True, local_server_url="http://10.0.0.1/v1"), gateway(serve(streamed())))
    assert run(away, model=None).finished.stats.source is Source.STAND_IN


# -- addresses


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://API.OpenAI.com/v1/", "https://api.openai.com/v1"),
        ("https://x.y:443/v1", "https://x.y/v1"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        (" http://[::1]:8000/v1 ", "http://[::1]:8000/v1"),
        ("ftp://x.y/v1", None),
        ("file:///etc/passwd", None),
        ("https://user:secret@x.y/v1", None),
        ("https://x.y/v1?key=1", None),
        ("https://x.y/v1#a", None),
        ("https://x.y/a/../v1", None),
        ("https://x.y\\@evil.example/v1", None),
        ("https://x.y/v1\r\nHost: evil", None),
        ("https://x.y:99999/v1", None),
        ("https://", None),
        ("x.y/v1", None),
        ("", None),
        ("https://пример.рф/v1", None),
    ],
)
def test_addresses_are_normalized_or_refused(url: str, normal: str | None) -> None:
    assert normalized(url) == normal


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/v1", "http://api.openai.com/v1", "http://127.1/v1", "http://localhost.evil/v1"]
)
def test_a_key_never_travels_in_clear(url: str) -> None:
    with pytest.raises(NotAllowed, match="unencrypted"):
        base_url_of(settings(), Credential(KEY, url))
    error = run(tier_for(settings(openai_api_key=KEY, openai_base_url=url)), model=None).failed.error
    assert error.kind == "not_allowed"
