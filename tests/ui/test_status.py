"""`/metrics` and the questions of the Status tab, as they are asked."""

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.core.types import Resident
from playground.service.owner import WRONG
from playground.ui.actions import answer
from playground.ui.runs import Order, TaskRuns
from playground.ui.session import PageStates
from playground.ui.status_tab import status_routes
from tests.fakes.memory import MemoryRuntime
from tests.fakes.tier import FakeTier
from tests.service.service_helpers import service_with

TOKEN = "a-token-that-nobody-guesses"


def served(*residents, **settings):
    service = service_with(FakeTier("scratch"), **settings)
    service.runtime = MemoryRuntime(*([residents] if residents else []))
    return service


def public(**settings):
    return served(host="0.0.0.0", owner_token=TOKEN, **settings)


def client(service):
    return TestClient(Starlette(routes=status_routes(service)))


def ask(service, do, **data):
    reply = answer(service, PageStates(), "page", {"do": do, **data}, "1.2.3.4")
    return json.loads(json.dumps(reply))


def keys(service):
    return [row.key for row in service.runtime.residents]


# -- /metrics


def test_metrics_are_open_on_this_machines_own_server():
    reply = client(served()).get("/metrics")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'playground_model_resident_bytes{model="bundled/sentiment-scratch",state="ready"} 8.4e+06' in reply.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Bearer"},
        {"authorization": TOKEN},
        {"authorization": f"Basic {TOKEN}"},
    ],
)
def test_on_a_public_server_only_for_the_owner(headers):
    reply = client(public()).get("/metrics", headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "owner's token" in reply.text
    assert "playground_" not in reply.text


def test_the_owner_reads_them_and_guesses_are_counted():
    caller = client(public())
    right = {"authorization": f"bearer {TOKEN}"}
    assert caller.get("/metrics", headers=right).status_code == 200
    for number in range(WRONG):
        assert caller.get("/metrics", headers={"authorization": f"Bearer {number}"}).status_code == 401
    refused = caller.get("/metrics", headers=right)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60


def test_a_query_is_no_bearer():
    """A token in an address would be in every log on the way."""
    assert client(public()).get(f"/metrics?owner={TOKEN}&token={TOKEN}").status_code == 401


# -- the tab


def test_everybody_is_the_owner_on_this_machines_own_server():
    reply = ask(served(), "status")
    assert reply["owner"] is True
    assert list(reply["parts"]) == ["memory", "queue", "models", "events"]
    assert 'data-act="unload-idle"' in reply["parts"]["models"]


def test_a_visitor_sees_and_does_nothing():
    service = public()
    before = keys(service)
    for token in ("", "wrong"):
        reply = ask(service, "status", owner=token)
        assert reply["owner"] is False
        assert "<button" not in "".join(reply["parts"].values())
        for do in ("pin", "unload", "unload_idle"):
            refused = ask(service, do, model="scratch", pinned="yes", owner=token)
            assert "owner may do that" in refused["error"]
            assert "parts" not in refused
    assert keys(service) == before
    assert not any(row.pinned for row in service.runtime.residents)


def test_the_owner_pins_unpins_and_unloads():
    service = public()
    reply = ask(service, "pin", model="scratch", pinned="yes", owner=TOKEN)
    assert reply["said"] == "Pinned: it stays in memory."
    assert "stays: pinned" in reply["parts"]["models"]
    assert "in use or already gone" in ask(service, "unload", model="scratch", owner=TOKEN)["error"]
    assert ask(service, "pin", model="scratch", pinned="no", owner=TOKEN)["said"] == "No longer pinned."
    assert ask(service, "unload", model="scratch", owner=TOKEN)["said"] == "Unloaded."
    assert "scratch" not in keys(service)
    assert ask(service, "unload", model="encoder", owner=TOKEN)["said"] == "Unloaded, with 2 over it."
    assert "no longer in memory" in ask(service, "pin", model="encoder", pinned="yes", owner=TOKEN)["error"]


def test_everything_idle_at_once():
    service = served()
    assert ask(service, "unload_idle")["said"] == "4 models were unloaded."
    assert keys(service) == ["distilbert"]
    assert ask(service, "unload_idle")["said"] == "No model was idle."


def test_an_unload_that_names_no_model_is_not_all_of_them():
    service = served()
    before = keys(service)
    assert "error" in ask(service, "unload")
    assert "error" in ask(service, "unload", model=None)
    assert keys(service) == before


def test_a_models_name_is_text():
    hostile = Resident("<script>x()</script>", "ready", 5, 0, 0, 1, 0.1, key='"><script>')
    parts = ask(served(hostile), "status")["parts"]
    assert "<script" not in "".join(parts.values())


def test_no_input_key_or_session_is_shown():
    service = served()
    service.set_key("secret-session", "sk-secret-key")
    assert service.start("sentiment", "private words", session="secret-session", emit=lambda event: None).wait(5)
    said = json.dumps(ask(service, "status"))
    for word in ("private", "secret"):
        assert word not in said


# -- limits, as the page shows them


def test_a_full_server_says_so_beside_the_input_and_has_room_afterwards():
    service = service_with(FakeTier("scratch", hangs=True), max_requests=1)
    runs = TaskRuns(service, service.tasks.get("sentiment"), PageStates())

    async def said(page, **order):
        return [update async for update in runs.run(Order("some text", {}, **order), page)]

    elder = service.start("sentiment", "text", session="elder", emit=lambda event: None)
    for order in ({}, {"lines": True}):
        updates = asyncio.run(said("page", **order))
        assert "The server is full: a request is in progress. Run again in a little while." in updates[-1]["status"]
        assert not [name for name, html in updates[-1].items() if 'data-phase="waiting"' in html]
    elder.cancel()
    service.tiers.get("scratch")._hangs = False
    updates = asyncio.run(said("page"))
    assert "data-error" not in updates[-1]["status"]
