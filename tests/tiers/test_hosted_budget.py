"""What visitors may spend of the owner's key, and who pays for a call that failed."""

from __future__ import annotations

import threading
import time

import pytest

from playground.core.errors import NotAllowed
from playground.core.types import Source
from playground.tiers.hosted import HostedTier
from playground.tiers.hosted_budget import Budget
from playground.tiers.hosted_request import most_input_tokens, most_output_tokens
from tests.tiers.hosted_helpers import KEY, TASK, FixedGateway, rows, run, settings, tier_for
from tests.tiers.scripted_server import Script, ScriptedServer, Serve, hangs, refuses, streamed, whole


def public(server: ScriptedServer, each: float, in_all: float, stand_in: ScriptedServer | None = None) -> HostedTier:
    config = settings(
        space_id="who/what",
        openai_api_key=KEY,
        openai_base_url=server.base_url,
        visitor_budget_usd=each,
        visitors_budget_usd=in_all,
    )
    return tier_for(config, None if stand_in is None else FixedGateway(stand_in.base_url, "token"))


# What a call is reserved at under `priced`; it then costs 0.6.
MOST = 0.01 * (most_input_tokens(TASK, "I loved every minute of it") + most_output_tokens(512))


@pytest.mark.usefixtures("priced")
def test_a_budget_lets_visitors_in_until_it_is_used_up(serve: Serve) -> None:
    live, stand_in = serve(streamed()), serve(streamed())
    tier = public(live, each=MOST + 1, in_all=1000.0, stand_in=stand_in)
    assert rows(tier) == [("gpt-5-mini", Source.LIVE)]  # gpt-4.1-mini has no price here
    first = run(tier, model=None).finished.stats
    assert first.source is Source.LIVE
    assert first.cost_usd == pytest.approx(0.6)  # 60 tokens
    assert first.price_date == "2026-11-01"
    assert tier.endpoints.budget.left("s") == pytest.approx(MOST + 1 - 0.6)
    answers = [run(tier, model=None).finished.stats for _ in range(3)]
    assert {stats.source for stats in answers} == {Source.LIVE, Source.STAND_IN}
    assert "used up" in answers[-1].note
    assert tier.endpoints.budget.left("s") >= 0
    assert run(tier, model=None, session="other").finished.stats.source is Source.LIVE  # each has a budget
    assert "used up" in str(run(tier, model="gpt-5-mini").failed.error)


@pytest.mark.usefixtures("priced")
def test_the_budget_of_all_binds_everybody(serve: Serve) -> None:
    tier = public(serve(streamed()), each=1000.0, in_all=MOST + 1, stand_in=serve(streamed()))
    sources = [run(tier, model=None, session=f"visitor-{n}").finished.stats.source for n in range(3)]
    assert sources[0] is Source.LIVE
    assert sources[-1] is Source.STAND_IN


@pytest.mark.usefixtures("priced")
def test_a_model_without_a_price_is_refused_to_visitors(serve: Serve) -> None:
    live = serve(streamed())
    error = run(public(live, 1000.0, 1000.0), model="gpt-4.1-mini").failed.error
    assert error.kind == "not_allowed"
    assert "no known price" in str(error)
    assert live.seen == []


@pytest.mark.usefixtures("priced")
def test_only_the_owners_models_are_paid_for(serve: Serve) -> None:
    live = serve(streamed())
    assert run(public(live, 1000.0, 1000.0), model="gpt-test-2026").failed.error.kind == "unknown_name"
    assert live.seen == []


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize(
    ("script", "charged"), [(refuses(500, "no"), False), (refuses(429, "no"), False), (hangs, True)]
)
def test_a_failed_call_costs_only_where_the_endpoint_may_have_worked(
    serve: Serve, script: Script, charged: bool
) -> None:
    server = serve(script)
    config = settings(
        space_id="x", openai_api_key=KEY, openai_base_url=server.base_url, hosted_timeout=0.3 if charged else 20.0,
        visitor_budget_usd=100.0, visitors_budget_usd=100.0,
    )  # fmt: skip
    tier = tier_for(config)
    run(tier, model="gpt-5-mini").failed  # noqa: B018
    time.sleep(0.05)  # the account is settled after the last word
    assert (tier.endpoints.budget.left("s") < 100.0) is charged


@pytest.mark.usefixtures("priced")
def test_a_reply_without_usage_is_charged_at_its_most(serve: Serve) -> None:
    tier = public(serve(whole(usage=None)), 100.0, 100.0)
    assert run(tier, model="gpt-5-mini").finished.stats.cost_usd is None
    time.sleep(0.05)
    assert tier.endpoints.budget.left("s") < 100.0 - 20.0  # 2000 tokens out at the least


def test_reservations_hold_money_until_they_are_settled() -> None:
    budget = Budget(1.0, 1.5)
    first = budget.reserve("a", 0.8)
    with pytest.raises(NotAllowed):
        budget.reserve("a", 0.3)
    second = budget.reserve("b", 0.6)
    with pytest.raises(NotAllowed):
        budget.reserve("c", 0.2)
    first.charge(0.1)
    first.charge(0.8)  # the first word counts
    assert budget.left("a") == pytest.approx(0.8)
    second.release()
    assert budget.left("b") == pytest.approx(1.0)
    budget.reserve("c", 0.5).charge(None)
    assert budget.left("c") == pytest.approx(0.5)


def test_reservations_hold_under_many_threads() -> None:
    budget = Budget(100.0, 1.0)
    granted: list[int] = []

    def spend(n: int) -> None:
        for _ in range(50):
            try:
                budget.reserve(str(n), 0.01).charge(None)
                granted.append(n)
            except NotAllowed:
                return

    threads = [threading.Thread(target=spend, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) in (99, 100)  # 100 times 0.01, as floats add up
