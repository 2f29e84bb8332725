"""What the attention page asks about switching off and about layers: answers that JSON can hold, whatever was sent."""

import asyncio
import json
import time
from contextlib import aclosing
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.core.attention_types import PartName
from playground.ui.actions import Asked
from playground.ui.attention_grid import grid_routes, updates
from playground.ui.routes import PAGE_HEADER
from playground.ui.session import PageStates
from tests.ui.looking import DECODER, ENCODER, EVIL, PAGE, REWRITER, TEXT, asking, fake_service

TAGGER, READER, VECTOR = "bundled/ner-general", "bundled/qa-general", "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def service():
    with fake_service() as service:
        yield service


@pytest.fixture(scope="module")
def ask(service):
    return asking(service, heads=[], tokens=[], instead="zero")


@pytest.fixture(scope="module")
def client(service):
    with TestClient(Starlette(routes=grid_routes(service, PageStates()))) as client:
        client.headers[PAGE_HEADER] = PAGE
        yield client


def grid(client, **data):
    sent = {"model": ENCODER, "text": TEXT, "part": "encoder", "instead": "zero", **data}
    answer = client.post("/playground/attention-grid", json=sent)
    return [json.loads(line) for line in answer.text.splitlines()]


# -- one answer


@pytest.mark.parametrize("model", [ENCODER, DECODER, REWRITER, TAGGER, READER, VECTOR])
def test_each_kind_of_model_answers_before_and_after(ask, model):
    part = {DECODER: "decoder", REWRITER: "cross"}.get(model, "encoder")
    target = ask("attention_look", model=model)["target"]
    found = ask("attention_ablate", model=model, target=target, heads=[[part, 0, 1]], tokens=[[0, 1]])
    assert found["said"].endswith(".")
    assert found["said"].split(";")[0].split("“")[0] in unescape(found["html"])
    nothing = ask("attention_ablate", model=model, target=target)
    assert nothing["said"] == ""
    assert "Nothing is off" in nothing["html"]
    layers = ask("attention_layers", model=model, target=target)
    assert "read downwards" in layers["html"]


def test_zero_and_the_mean_differ(ask):
    off = {"heads": [["encoder", 0, head] for head in range(4)]}
    zero, mean = (ask("attention_ablate", **off, instead=instead)["html"] for instead in ("zero", "mean"))
    assert zero != mean


def test_what_somebody_types_is_no_markup(ask):
    for model in (TAGGER, DECODER):
        for do in ("attention_ablate", "attention_layers"):
            found = ask(do, model=model, text=EVIL)
            assert "<img" not in found["html"]
            assert "<script" not in found["html"]


@pytest.mark.parametrize(
    "sent",
    [
        {"heads": "encoder"}, {"heads": {"0": 1}}, {"heads": None}, {"tokens": 7}, {"tokens": "0:1"},
        {"heads": [["encoder", 0, 0]] * 2},
    ],
)  # fmt: skip
def test_what_is_no_list_is_no_cut(ask, sent):
    assert "html" in ask("attention_ablate", **sent)


@pytest.mark.parametrize(
    "sent",
    [
        {"heads": ["encoder"]}, {"heads": [["encoder", -1, 0]]}, {"heads": [["encoder", 0, 400]]}, {"heads": [[0, 0, "encoder"]]},
        {"heads": [["encoder", 0, 0]] * 5000}, {"tokens": [[0, 0]] * 5000}, {"tokens": [[0, -1]]}, {"tokens": [["a", "b"]]},
        {"instead": "half"}, {"instead": 3}, {"text": ""}, {"model": "x/y"}, {"model": 3}, {"text": "nothing to show"},
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence(ask, sent):
    found = ask("attention_ablate", **sent)
    assert found["error"].endswith(".")
    assert "broke on our side" not in found["error"]


ANYTHING = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
LISTS = st.lists(ANYTHING | st.lists(ANYTHING, max_size=4), max_size=4)


@settings(max_examples=40)
@given(
    st.sampled_from(["attention_ablate", "attention_layers"]),
    st.fixed_dictionaries(
        dict.fromkeys(("heads", "tokens", "instead", "target"), ANYTHING | LISTS),
        optional=dict.fromkeys(("model", "text"), ANYTHING | LISTS),
    ),
)
def test_whatever_is_sent_there_is_an_answer(ask, do, data):
    assert "broke on our side" not in ask(do, **data).get("error", "")


# -- the grid


def test_a_grid_is_a_frame_then_rows_then_a_sentence(client):
    lines = grid(client)
    assert "<table" in lines[0]["table"]
    assert "−" in lines[0]["legend"]
    assert {"row-0", "row-1", "row-2"} <= set(lines[0])  # from the first line on there is a place for each
    assert all("table" not in line for line in lines[1:])
    assert [line["known"] for line in lines][-1] == lines[0]["heads"] == 12
    rows = {name: html for line in lines for name, html in line.items() if name.startswith("row-")}
    assert sum(html.count('data-act="abl-cell"') for html in rows.values()) == 12
    assert lines[-1]["summary"].endswith(".")
    assert sum("summary" in line for line in lines) == 1


def test_a_row_that_has_not_changed_is_not_sent_again(client, monkeypatch):
    monkeypatch.setattr("playground.service.attention_cuts.EVERY", 0.0)
    lines = grid(client)
    assert [sorted(name for name in line if name.startswith("row-")) for line in lines] == [
        ["row-0", "row-1", "row-2"], ["row-1"], ["row-2"], [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        {"part": "decoder"}, {"part": 7}, {"part": ""}, {"instead": "half"}, {"instead": None}, {"text": ""}, {"text": ["x"]},
        {"model": "x/y"}, {"text": "nothing to show"}, {"text": "x" * 30_000},
    ],
)  # fmt: skip
def test_a_grids_fault_is_one_sentence(client, sent):
    (line,) = grid(client, **sent)
    assert line["error"].endswith(".")
    assert "broke on our side" not in line["error"]


def test_the_route_serves_this_pages_questions_alone(client):
    address = "/playground/attention-grid"
    assert client.get(address).status_code == 405
    assert client.post(address, content=b"[]").status_code == 400
    assert client.post(address, content=b"{").status_code == 400
    assert client.post(address, json={}, headers={PAGE_HEADER: "short"}).status_code == 400
    assert client.post(address, json={}, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post(address, content=b"x", headers={"content-length": "99999999"}).status_code == 413


def test_who_leaves_ends_the_work_on_the_server(service):
    data = {"model": ENCODER, "text": "they hang about", "part": str(PartName.ENCODER), "instead": "zero"}

    async def leave():
        async with aclosing(updates(Asked(service, PageStates(), PAGE, data))) as found:
            first = await anext(found)
            assert service.inside.hanging.running == 1
            return first

    assert asyncio.run(leave())["known"] == 4
    deadline = time.monotonic() + 20
    while service.inside.hanging.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert service.inside.hanging.running == 0
