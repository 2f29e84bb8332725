"""The load benchmark's own client: closed loops over raw keep-alive connections, the same code for both peers.

    python -m tests.benchmarks.load_client      one job as a line of JSON on standard input, its figures on standard output

Imports the standard library alone, and parses as little as it can: what it costs is in its figures (`client_cpu`).
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import secrets
import sys
import time
from dataclasses import asdict, dataclass, field

REQUEST_LIMIT = 90.0  # seconds; a request that takes longer is an error


@dataclass
class Job:
    """What to do. `peer`: "ours" or "gradio". `first`: where in the texts to begin, so that rounds differ.

    Counted are the requests that end in `seconds` after `warm`; with `count`, that many in all, `warm` excluded before.
    """

    peer: str
    port: int
    texts: str
    clients: int = 1
    seconds: float = 10.0
    warm: float = 2.0
    count: int | None = None
    first: int = 0
    fn_index: int = 0
    together: bool = False  # one request each, all at once, nothing before


@dataclass
class Figures:
    """latencies: seconds, in the order the answers came. client_cpu: seconds of this process in the window."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu: float = 0.0


class Connection:
    """One keep-alive HTTP/1.1 connection to 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def send(self, method: str, path: str, headers: str = "", body: bytes = b"") -> int:
        """Sends and reads the reply's head. Returns its status; `parts` has the body."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}{length}\r\n"
        self._writer.write(head.encode() + body)
        assert self._reader is not None
        reply = await self._reader.readuntil(b"\r\n\r\n")
        lower = reply.lower()
        self._chunked = b"transfer-encoding: chunked" in lower
        found = re.search(rb"content-length: (\d+)", lower)
        self._length = int(found[1]) if found else 0
        return int(reply[9:12])

    async def parts(self):
        """The body, as it comes."""
        assert self._reader is not None
        if not self._chunked:
            yield await self._reader.readexactly(self._length)
            return
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)

    async def body(self) -> bytes:
        return b"".join([part async for part in self.parts()])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


class Ours:
    """As the page asks: one POST, a line of JSON for each update, to the end."""

    def __init__(self, connection: Connection, tiers: tuple[str, ...] = ("pretrained",)) -> None:
        self._connection, self._tiers = connection, tiers
        self.page = secrets.token_urlsafe(24)
        self._number = 0

    async def post(self, text: str, *, lines: bool = False) -> list[bytes]:
        """The updates of one run, each a line of JSON, read to the end."""
        self._number += 1
        order = {
            "text": text,
            "models": {},
            "seed": 0,
            "lines": lines,
            "number": self._number,
            "tiers": list(self._tiers),
        }
        status = await self._connection.send(
            "POST", "/playground/run/sentiment", f"X-Playground-Page: {self.page}\r\n", json.dumps(order).encode()
        )
        body = await self._connection.body()
        if status != 200:
            raise ValueError(f"{status}: {body[:200]!r}")
        return body.splitlines()

    async def ask(self, text: str) -> str:
        """The label that the card shows at the end."""
        updates = await self.post(text)
        cards = [update for update in updates if b'"card-pretrained"' in update]
        if not cards:
            raise ValueError(f"no card came: {updates[-1:]!r}"[:300])
        return label_of(json.loads(cards[-1])["card-pretrained"])


def label_of(card: str) -> str:
    """The answer on a finished card."""
    found = re.search(r'class="pg-headline"[^>]*>(negative|positive)<', card)
    if found is None:
        words = re.sub(r"<[^>]*>", " ", card)
        raise ValueError("no answer on the card: " + " ".join(words.split())[-200:])
    return found[1]


class Gradio:
    """As gradio's browser client asks (protocol sse_v3): a POST that joins the queue, then the session's event stream."""

    def __init__(self, connection: Connection, fn_index: int) -> None:
        self._connection, self._fn_index = connection, fn_index
        self._session = secrets.token_hex(6)

    async def ask(self, text: str) -> str:
        order = {
            "data": [text],
            "event_data": None,
            "fn_index": self._fn_index,
            "trigger_id": None,
            "session_hash": self._session,
        }
        status = await self._connection.send("POST", "/gradio_api/queue/join", body=json.dumps(order).encode())
        body = await self._connection.body()
        if status != 200:
            raise ValueError(f"{status}: {body[:200]!r}")
        event = json.loads(body)["event_id"]
        status = await self._connection.send("GET", f"/gradio_api/queue/data?session_hash={self._session}")
        answer, rest = None, b""
        async for part in self._connection.parts():
            *messages, rest = (rest + part).split(b"\n\n")
            for message in messages:
                if b'"process_completed"' in message:
                    answer = json.loads(message.removeprefix(b"data: "))
        if answer is None or answer["event_id"] != event or not answer["success"]:
            raise ValueError(f"{status}: no answer: {answer!r}"[:300])
        return answer["output"]["data"][0]["label"]


def asker(job: Job) -> tuple[Connection, Ours | Gradio]:
    connection = Connection(job.port)
    return connection, Ours(connection) if job.peer == "ours" else Gradio(connection, job.fn_index)


async def timed(ask, text: str, label: str) -> float:
    """Seconds to the right answer. Raises ValueError on a wrong one."""
    began = time.perf_counter()
    said = await asyncio.wait_for(ask(text), REQUEST_LIMIT)
    seconds = time.perf_counter() - began
    if said != label:
        raise ValueError(f"wrong answer: {said} for {label}")
    return seconds


async def run(job: Job, texts: list[tuple[str, str]]) -> Figures:
    figures = Figures()
    place = job.first

    def next_text() -> tuple[str, str]:
        nonlocal place
        place += 1
        return texts[place % len(texts)]

    start = time.perf_counter()
    begin, end = start + job.warm, start + job.warm + job.seconds
    cpu = 0.0

    async def client() -> None:
        connection, who = asker(job)
        try:
            while time.perf_counter() < end:
                try:
                    seconds = await timed(who.ask, *next_text())
                    now = time.perf_counter()
                    if job.together or begin <= now <= end:
                        figures.latencies.append(seconds)
                except (ValueError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                    figures.errors.append(f"{type(error).__name__}: {error}"[:300])
                    connection.close()
                    await asyncio.sleep(0.1)
                if job.together or (job.count is not None and len(figures.latencies) >= job.count):
                    return
        finally:
            connection.close()

    async def clock() -> None:
        nonlocal cpu
        await asyncio.sleep(job.warm)
        cpu = own_cpu()

    watch = asyncio.create_task(clock())
    await asyncio.gather(*(client() for _ in range(job.clients)))
    watch.cancel()
    figures.client_cpu = own_cpu() - cpu
    figures.seconds = time.perf_counter() - start if job.together or job.count else job.seconds
    return figures


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    with open(job.texts, encoding="utf-8") as file:
        texts = [(text, label) for text, label in json.load(file)]
    print(json.dumps(asdict(asyncio.run(run(job, texts)))))


if __name__ == "__main__":
    main()
