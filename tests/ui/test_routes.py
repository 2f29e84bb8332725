"""The page's routes over real HTTP: streams, refusals, clients that leave, clients that read slowly."""

import asyncio
import json
import socket
import threading
import time

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from playground.ui import routes
from playground.ui.session import PageStates
from tests.fakes.service import FakePlayground, toy_task

PAGE = "abcdefghijklmnopqrstuv"
HEADERS = {"X-Playground-Page": PAGE}


class Server:
    """The routes alone, on a port, in a thread."""

    def __init__(self, service):
        self.service, self.pages = service, PageStates()
        app = Starlette(routes=routes.page_routes(service, self.pages))
        config = uvicorn.Config(app, port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1, ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/playground/", headers=HEADERS, timeout=20)

    def post(self, path, data=None, **options):
        content = options.pop("content", None)
        return self.client.post(path, content=json.dumps(data or {}) if content is None else content, **options)

    def raw(self, data, path="run/sentiment", page=PAGE):
        """A socket on which this request went out."""
        body = json.dumps(data).encode()
        line = socket.create_connection(("127.0.0.1", self.port))
        head = f"POST /playground/{path} HTTP/1.1\r\nHost: x\r\nX-Playground-Page: {page}\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        return line

    @property
    def running(self):
        return sum(tier.running for tier in self.service.tiers)

    def close(self):
        self.client.close()
        self.server.should_exit = True
        self.thread.join(10)
        self.service.close()


@pytest.fixture
def server():
    server = Server(FakePlayground(max_input_chars=200, max_session_requests=1))
    yield server
    server.close()


@pytest.fixture(scope="module")
def shared():
    """For requests that leave nothing behind."""
    server = Server(FakePlayground(max_input_chars=200))
    yield server
    server.close()


def lines(reply):
    return [json.loads(line) for line in reply.text.splitlines()]


def ended(line):
    """Whether this stream comes to its end; closes it."""
    line.settimeout(20)
    found = b""
    with line:
        while not found.endswith(b"0\r\n\r\n") and (piece := line.recv(65536)):
            found += piece
    return found.endswith(b"0\r\n\r\n")


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_run_is_json_lines_that_nobody_keeps(server):
    reply = server.post("run/sentiment", {"text": "great", "number": 4})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.headers["cache-control"] == "no-cache, no-transform"
    assert reply.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in reply.headers
    updates = lines(reply)
    assert 'data-phase="waiting"' in updates[0]["card-scratch"]
    seen = {name: html for update in updates for name, html in update.items()}
    assert all('data-phase="done"' in seen[f"card-{tier.name}"] for tier in server.service.tiers)
    assert 'data-number="4"' in seen["status"]
    assert "data-running" not in seen["status"]


def test_updates_come_as_they_happen(server):
    line = server.raw({"text": "hang, great"})
    found = b""
    while b'data-phase=\\"done\\"' not in found:
        found += line.recv(65536)
    assert b'data-phase=\\"waiting\\"' in found
    assert server.running == 3  # the others still hang: nothing waited for them
    server.post("stop/sentiment")
    while not found.endswith(b"0\r\n\r\n"):
        found += line.recv(65536)
    assert b"stopped" in found
    line.close()
    assert server.running == 0


def test_a_client_that_leaves_ends_its_run(server):
    line = server.raw({"text": "hang"})
    assert until(lambda: server.running == 3)
    line.close()
    assert until(lambda: server.running == 0)


def test_a_client_that_leaves_before_its_body_is_complete_leaves_nothing(server):
    line = socket.create_connection(("127.0.0.1", server.port))
    line.sendall(
        f"POST /playground/ask HTTP/1.1\r\nHost: x\r\nX-Playground-Page: {PAGE}\r\nContent-Length: 99\r\n\r\n{{".encode()
    )
    time.sleep(0.05)
    line.close()
    assert server.post("ask", {"do": "key"}).status_code == 200


def test_a_newer_run_of_a_page_needs_no_second_place(server):
    """Even where a visitor may have one request in progress: the older one ends for it."""
    line = server.raw({"text": "hang", "number": 1})
    assert until(lambda: server.running == 3)
    updates = lines(server.post("run/sentiment", {"text": "great", "number": 2}))
    assert "data-error" not in updates[-1]["status"]
    assert server.running == 0
    assert ended(line)


def test_pages_do_not_see_one_another(server):
    server.post("run/sentiment", {"text": "great"})
    run = server.service.history(PAGE)[0].id
    opened = server.post("open/sentiment", {"run": run}).json()
    assert 'data-text="great"' in opened["status"]
    stranger = server.post("open/sentiment", {"run": run}, headers={"X-Playground-Page": "z" * 22}).json()
    assert list(stranger) == ["status"]
    assert "no run in this session" in stranger["status"]
    line = server.raw({"text": "hang"})
    assert until(lambda: server.running == 3)
    server.post("stop/sentiment", headers={"X-Playground-Page": "z" * 22})
    assert server.running == 3
    line.close()


class Updates:
    """An endless generator that knows how far it came and whether it was closed."""

    def __init__(self):
        self.made, self.closed = 0, False

    async def stream(self):
        try:
            while True:
                self.made += 1
                yield {"table": "x" * 1000}
        finally:
            self.closed = True


def sent(updates, send, receive=None):
    async def forever():
        await asyncio.Event().wait()

    asyncio.run(routes.Lines(updates.stream())({"type": "http"}, receive or forever, send))


def test_nothing_piles_up_for_a_client_that_reads_no_more_and_its_run_ends(monkeypatch):
    monkeypatch.setattr(routes, "SEND_SECONDS", 0.05)
    updates, taken = Updates(), []

    async def send(message):
        taken.append(message)
        if len(taken) > 3:  # the start and two updates
            await asyncio.Event().wait()

    sent(updates, send)
    assert updates.closed
    assert updates.made == 3


def test_a_line_that_breaks_while_it_is_written_closes_the_run():
    updates = Updates()

    async def send(message):
        if message["type"] == "http.response.body":
            raise OSError("gone")

    sent(updates, send)
    assert updates.closed


def test_silence_is_broken_by_an_empty_update(monkeypatch):
    monkeypatch.setattr(routes, "ALIVE_SECONDS", 0.02)
    taken = []

    async def quiet():
        yield {"status": "one"}
        await asyncio.sleep(0.09)
        yield {"status": "two"}

    async def send(message):
        taken.append(message.get("body"))

    async def forever():
        await asyncio.Event().wait()

    asyncio.run(routes.Lines(quiet())({"type": "http"}, forever, send))
    assert taken[:2] == [None, b'{"status":"one"}\n']
    assert 2 <= taken.count(b"{}\n") <= 4
    assert taken[-2:] == [b'{"status":"two"}\n', b""]


@pytest.mark.parametrize("path", ["run/sentiment", "stop/sentiment", "open/sentiment", "refresh/sentiment", "ask"])
@pytest.mark.parametrize(
    ("request_", "status", "sentence"),
    [
        ({"headers": {"X-Playground-Page": ""}}, 400, "which page it comes from"),
        ({"headers": {"X-Playground-Page": "short"}}, 400, "which page it comes from"),
        ({"headers": {"X-Playground-Page": "ü" * 22}}, 400, "which page it comes from"),
        ({"headers": {"X-Playground-Page": "a" * 65}}, 400, "which page it comes from"),
        ({"content": b"not json"}, 400, "not a JSON object"),
        ({"content": b"[1]"}, 400, "not a JSON object"),
        ({"content": b"[" * 10_000}, 400, "not a JSON object"),
        ({"content": b"\xff\xfe\x00"}, 400, "not a JSON object"),
        ({"content": b" " * 100_000}, 413, "more than this server takes"),
        ({"content": iter([b" " * 50_000] * 3)}, 413, "more than this server takes"),
        ({"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "Another site"),
        ({"headers": {"Sec-Fetch-Site": "same-site"}}, 403, "Another site"),
        ({"headers": {"Origin": "https://elsewhere.example"}}, 403, "Another site"),
        ({"headers": {"Origin": "null"}}, 403, "Another site"),
    ],
    ids=[
        *(
            "no page",
            "short page",
            "odd page",
            "long page",
            "no json",
            "no object",
            "deep",
            "no utf-8",
            "large",
            "chunked",
        ),
        *("cross-site", "same-site", "origin", "null origin"),
    ],
)
def test_a_refusal_is_a_status_and_one_sentence(shared, path, request_, status, sentence):
    request = dict(request_)
    if "headers" in request:
        request["headers"] = {name: value.encode() for name, value in request["headers"].items()}
    if not isinstance(request.get("content", b""), bytes):
        request["content"] = iter([b" " * 50_000] * 3)  # an iterator is used up once
    reply = shared.post(path, **request)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert sentence in reply.json()["error"]
    assert "Traceback" not in reply.text


def test_a_body_that_is_announced_as_too_large_is_not_waited_for(shared):
    line = socket.create_connection(("127.0.0.1", shared.port))
    line.settimeout(20)
    line.sendall(
        f"POST /playground/ask HTTP/1.1\r\nHost: x\r\nX-Playground-Page: {PAGE}\r\nContent-Length: 99999999\r\n\r\n".encode()
    )
    assert line.recv(65536).startswith(b"HTTP/1.1 413")
    line.close()


def test_a_body_that_never_comes_is_not_waited_for_for_ever(shared, monkeypatch):
    monkeypatch.setattr(routes, "BODY_SECONDS", 0.05)
    line = socket.create_connection(("127.0.0.1", shared.port))
    line.settimeout(20)
    line.sendall(
        f"POST /playground/ask HTTP/1.1\r\nHost: x\r\nX-Playground-Page: {PAGE}\r\nContent-Length: 9\r\n\r\n".encode()
    )
    assert line.recv(65536).startswith(b"HTTP/1.1 408")
    line.close()


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}])
def test_the_page_itself_and_programs_are_answered(shared, headers):
    assert shared.post("ask", {"do": "key"}, headers=headers).status_code == 200
    own = {"Origin": f"http://127.0.0.1:{shared.port}"}
    assert shared.post("ask", {"do": "key"}, headers=own).status_code == 200
    proxied = {"Origin": "http://playground.example", "X-Forwarded-Host": "playground.example"}
    assert shared.post("ask", {"do": "key"}, headers=proxied).status_code == 200


def test_what_is_not_there_is_said(shared):
    for path in ("run", "stop", "open", "refresh"):
        reply = shared.post(f"{path}/poetry", {"text": "x"})
        assert reply.status_code == 404
        assert "no task called “poetry”" in reply.json()["error"]
    assert shared.client.get("run/sentiment").status_code == 405


def test_a_lone_surrogate_that_was_sent_is_told_of_with_a_question_mark(shared):
    reply = shared.post("ask", {"do": "snippet", "task": "sent\ud800", "tier": "scratch"})
    assert reply.status_code == 200
    assert "“sent?”" in reply.json()["error"]


def test_so_is_one_in_a_line():
    taken = []

    async def broken():
        yield {"error": "There is no \ud800."}

    async def send(message):
        taken.append(message.get("body"))

    async def forever():
        await asyncio.Event().wait()

    asyncio.run(routes.Lines(broken())({"type": "http"}, forever, send))
    assert taken[1] == b'{"error":"There is no ?."}\n'


def test_a_fault_of_the_input_is_in_the_stream(shared):
    for data in ({"text": ""}, {"text": "x" * 201}, {"text": "x", "tiers": ["nobody"]}, {"text": None}):
        reply = shared.post("run/sentiment", data)
        assert reply.status_code == 200
        assert len(lines(reply)) == 1
        assert "data-error" in lines(reply)[0]["status"]


def test_a_bug_is_one_sentence_and_in_the_log(server, monkeypatch, caplog):
    monkeypatch.setattr(server.service, "stop", lambda session: 1 / 0)
    reply = server.post("stop/sentiment")
    assert reply.status_code == 500
    assert "Something broke on our side" in reply.json()["error"]
    assert "ZeroDivisionError" in caplog.text
    assert "ZeroDivisionError" not in reply.text


def test_a_page_that_is_closed_leaves_nothing(server):
    server.post("ask", {"do": "set_key", "key": "sk-1"})
    line = server.raw({"text": "hang"})
    assert until(lambda: server.running == 3)
    assert server.post("ask", {"do": "close"}).json() == {"done": True}
    assert server.running == 0
    assert not server.service.has_key(PAGE)
    assert server.service.history(PAGE) == []
    line.close()


def test_a_server_that_ends_waits_for_no_open_run(server):
    line = server.raw({"text": "hang"})
    assert until(lambda: server.running == 3)
    server.pages.close_all()
    assert server.running == 0
    assert ended(line)


def test_a_task_that_is_added_later_has_its_routes(server):
    server.service.tasks.add("weather", toy_task())
    assert "data-error" not in lines(server.post("run/weather", {"text": "great"}))[-1]["status"]
