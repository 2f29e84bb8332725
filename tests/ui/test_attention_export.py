"""bertviz' documents, the file of weights and the code, as the page asks for them: over a runtime that is scripted."""

import asyncio
import io
import json

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from playground.core.errors import Busy
from playground.settings import ROOT
from playground.ui import attention_export
from playground.ui.actions import reply
from playground.ui.session import PageStates
from tests.service.made_looks import ADAPTER, ENCODER, THREE, TRANSLATOR, made
from tests.service.service_helpers import service_with

PAGE = "p" * 32
HEADERS = {"x-playground-page": PAGE}
CHOSEN = {"part": "encoder", "layer": 1, "head": 1}


@pytest.fixture
def service():
    service = service_with()
    yield service
    service.close()


@pytest.fixture
def client(service):
    return TestClient(Starlette(routes=attention_export.export_routes(service)))


def ask(service, do, **data):
    found = asyncio.run(reply(service, PageStates(), PAGE, {"do": do, **data}))
    return json.loads(json.dumps(found))


def draw(service, view, **more):
    return ask(
        service, "attention_bertviz", **{"model": ADAPTER, "text": "abcd", "target": "", "view": view} | CHOSEN | more
    )


def drawn(answer):
    (line,) = [line for line in answer["document"].split("\n") if "const params = " in line]
    found, _ = json.JSONDecoder().raw_decode(line, line.index("{"))
    return found


def test_the_head_view_begins_with_the_chosen_head_and_has_every_layer(service):
    service.runtime.script(output=made("abcd"))
    answer = draw(service, "head")
    read = drawn(answer)
    assert (read["layer"], read["heads"], read["include_layers"]) == (2, [1], [1, 2, 3, 4, 5])
    np.testing.assert_allclose(read["attention"][0]["attn"], made("abcd").parts[0].stack(), atol=5.1e-5)
    assert answer["note"] == ""
    assert answer["mark"] in answer["document"]
    for address in answer["libraries"]:
        path, _, digest = address.partition("?")
        assert (ROOT / path).is_file()
        assert digest
    assert not draw(service, "model")["note"]
    assert len(service.runtime.calls) == 1


def test_of_a_long_text_the_head_view_has_the_chosen_layer_and_the_model_view_is_cut(service):
    text = "abcdefgh" * 9
    service.runtime.script(output=made(text, keep=[("encoder", 0)]))
    service.runtime.script(output=made(text, keep=[("encoder", 1)]))
    answer = draw(service, "head", text=text)
    read = drawn(answer)
    assert read["include_layers"] == [2]
    whole = made(text).parts[0].stack()
    np.testing.assert_allclose(read["attention"][0]["attn"], whole[1:2, :, :48, :48], atol=5.1e-5)
    assert "Layer 2 is sent alone" in answer["note"]
    assert "first 48 tokens of 72" in answer["note"]
    service.runtime.script(output=made(text, keep=[("encoder", layer) for layer in (0, 2, 3, 4)]))
    answer = draw(service, "model", text=text)
    np.testing.assert_allclose(drawn(answer)["attention"][0]["attn"], whole[:, :, :32, :32], atol=5.1e-5)
    assert "first 32 tokens of 72" in answer["note"]


def test_of_an_encoder_decoder_the_chosen_part_is_shown_with_those_like_it(service):
    service.runtime.script(output=made("abc", "xyzw", parts=THREE))
    given = {"model": TRANSLATOR, "text": "abc", "target": "xyzw"}
    read = drawn(draw(service, "head", **given, part="cross"))
    assert [one["name"] for one in read["attention"]] == ["decoder", "decoder to encoder"]
    assert read["default_filter"] == "1"
    assert [one["name"] for one in drawn(draw(service, "model", **given))["attention"]] == ["encoder"]


@pytest.mark.parametrize("view", ["head", "model"])
@pytest.mark.parametrize(
    "wrong", [{"layer": 5}, {"head": 2}, {"layer": -1}, {"part": "cross"}, {"layer": "1"}, {"head": None}, {"part": 3}]
)
def test_a_head_that_is_not_there_is_refused_in_a_sentence(service, view, wrong):
    service.runtime.script(output=made("abcd"))
    assert draw(service, view, **wrong)["error"].startswith("This model has no such head")


def test_the_file_is_streamed_to_the_page_that_asks(service, client):
    service.runtime.script(output=made("abcd"))
    answer = client.post("/playground/attention-npz", json={"model": ADAPTER, "text": "abcd"}, headers=HEADERS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-npz"
    assert "attachment" in answer.headers["content-disposition"]
    assert "no-store" in answer.headers["cache-control"]
    arrays = np.load(io.BytesIO(answer.content), allow_pickle=False)
    np.testing.assert_array_equal(arrays["attention"], made("abcd").parts[0].stack())
    assert arrays["tokens"].tolist() == list("abcd")
    assert service.runtime.calls[0].user == PAGE


def test_what_is_not_asked_by_the_page_is_refused(service, client):
    given = {"model": ADAPTER, "text": "abcd"}
    assert client.post("/playground/attention-npz", json=given).status_code == 400
    elsewhere = {**HEADERS, "sec-fetch-site": "cross-site"}
    assert client.post("/playground/attention-npz", json=given, headers=elsewhere).status_code == 403
    for body, status in ((b"[]", 400), (b"{", 400), (b"\xff", 400), (b"x" * 1_000_000, 413)):
        answer = client.post("/playground/attention-npz", content=body, headers=HEADERS)
        assert answer.status_code == status
        assert answer.json()["error"].endswith(".")
    for wrong in ({"model": "nobody/here"}, {"text": " "}, {"text": 3}, {"model": None}):
        answer = client.post("/playground/attention-npz", json=given | wrong, headers=HEADERS)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert not service.runtime.calls


def test_a_file_that_cannot_be_finished_does_not_look_finished(service):
    service.runtime.script(output=made("abcd", parts=ENCODER, keep=[("encoder", 0)]))
    service.runtime.script(error=Busy("No memory is free: try again."))
    sent = []

    async def asked():
        await asyncio.sleep(3600)

    async def serve():
        looked = await service.attention.look(attention_export.Order(ADAPTER, "abcd"), PAGE)

        async def send(message):
            sent.append(message)

        await attention_export.Pieces(attention_export.npz(service.attention, looked, PAGE))({}, asked, send)

    asyncio.run(serve())
    assert sent[0]["status"] == 200
    assert len(sent) == 2
    assert all(message["more_body"] for message in sent[1:])  # the end of it was never said: the connection breaks


def test_who_leaves_ends_it(service, monkeypatch):
    """The text would be read once more for each layer: nobody waits for them."""
    service.runtime.script(output=made("abcd", keep=[("encoder", 0)]))
    script = service.runtime.script(hold=True, output=made("abcd"))

    async def serve():
        looked = await service.attention.look(attention_export.Order(ADAPTER, "abcd"), PAGE)

        async def gone():
            while len(service.runtime.calls) < 2:
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        await asyncio.wait_for(
            attention_export.Pieces(attention_export.npz(service.attention, looked, PAGE))({}, gone, send), 10
        )

    asyncio.run(serve())
    script.release()
    assert not service._limits.in_progress()


def test_the_code_is_shown_as_text(service):
    answer = ask(
        service, "attention_code", model=ADAPTER, text="</code><img src=x onerror=alert(1)>", target="", **CHOSEN
    )
    assert "<img" not in answer["html"]
    assert "&lt;/code&gt;&lt;img" in answer["html"]
    assert "layer, head = 1, 1" in answer["html"]
    assert ask(service, "attention_code", model="nobody/here", text="x", **CHOSEN)["error"]
    assert not service.runtime.calls
