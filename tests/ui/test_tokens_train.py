"""The route that takes a text to train on, and the questions about what came of it: whose they are, and what is refused."""

import base64
import time

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.scratch.tokenizer import Tokenizer
from playground.ui import tokens_train
from playground.ui.actions import answer
from playground.ui.session import PageStates
from tests.fakes.service import FakePlayground

PAGE, OTHER = "p" * 32, "o" * 32
TEXT = "the lower the slower, the slower the wider </script><img src=x onerror=alert(1)> 🙂 " * 4
DATA = TEXT.encode()


@pytest.fixture(scope="module")
def service():
    service = FakePlayground(max_upload_mb=1)
    yield service
    service.close_session(PAGE)


@pytest.fixture(scope="module")
def client(service):
    return TestClient(Starlette(routes=tokens_train.training_routes(service)))


def start(client, content=DATA, page=PAGE, headers=None, **asked):
    asked = {"kind": "scratch", "size": "300", "name": "mine", "source": "text"} | asked
    headers = {"x-playground-page": page} | (headers or {})
    return client.post("/playground/train-tokenizer", params=asked, content=content, headers=headers)


def ask(service, do: str, page: str = PAGE, **data):
    return answer(service, PageStates(), page, {"do": do, **data})


def test_a_text_is_trained_on_and_its_steps_and_file_are_that_pages(service, client):
    reply = start(client).json()
    assert reply["working"]["said"]
    deadline = time.monotonic() + 60
    while (state := ask(service, "train_state"))["working"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert state["failed"] == ""
    (own,) = state["kept"]
    assert (own["id"], own["title"], own["steps"], own["shared"]) == ("own/mine", "mine · yours", True, True)
    assert "own/mine" in [ref.id for ref in service.tokens.choices(PAGE)]
    assert "own/mine" not in [ref.id for ref in service.tokens.choices(OTHER)]

    expected = Tokenizer.train([TEXT], 300).merges
    steps = ask(service, "train_steps", id="own/mine")
    merges = np.frombuffer(base64.b64decode(steps["merges"]), "<i4").reshape(-1, 5)
    assert [tuple(row[:2]) for row in merges.tolist()] == expected
    assert steps["count"] == len(expected)
    rivals = ask(service, "train_rivals", id="own/mine", start=2)
    assert len(base64.b64decode(rivals["rivals"])) == 4 * 3 * rivals["each"] * (len(expected) - 2)
    assert Tokenizer.from_json(ask(service, "train_file", id="own/mine")["text"]).merges == expected
    assert '"ByteLevel"' in ask(service, "train_file", id="own/mine", shared=True)["text"]
    for do in ("train_steps", "train_rivals", "train_file", "train_remove"):
        assert "no tokenizer of this page" in ask(service, do, page=OTHER, id="own/mine")["error"]

    reading = service.tokens.read(TEXT, ["own/mine"], PAGE, special=False)[0]
    assert reading.ids.tolist() == Tokenizer(expected).encode(TEXT)
    assert ask(service, "train_remove", id="own/mine")["kept"] == []


@pytest.mark.parametrize("size", ["", "-1", "1e3", "９", "99999999999"])
def test_a_size_that_is_none_is_refused_in_a_sentence(client, size):
    assert "300 to 8,000" in start(client, size=size).json()["error"]


def test_what_is_refused_before_it_is_read(client):
    assert start(client, page="short").status_code == 400
    assert start(client, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert start(client, content=b"a" * 2_000_002).status_code == 413
    assert "limit is 1 MB" in start(client, content=b"a" * 1_000_001, source="file").json()["error"]
    assert "not text in UTF-8" in start(client, content=b"PK\0\0", source="file").json()["error"]
    assert "nothing in this text" in start(client, content=b"").json()["error"]
    assert "kind of tokenizer" in start(client, kind="<b>").json()["error"]
