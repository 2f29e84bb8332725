"""What one warm Run costs the page's server: its CPU time per run, runs a second, latency, with many clients at once.

    python -m tests.benchmarks.page [--clients 32] [--seconds 5] [--delay 0]

The tiers are fakes that answer after DELAY seconds, so that what is measured is the page: request, service, rendering, response.
The client speaks HTTP/1.1 over sockets of its own, kept open, in a process of its own; each client is a page and runs one after
another. CPU time is the server process's own, user and system, over all runs: it does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.startup import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = "ngl the queue was brutal but that show slapped, would stand in the rain again and again until the morning comes"


@dataclass
class Tally:
    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    bytes: int = 0


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Client:
    """One page: its own connection, its own id."""

    def __init__(self, port: int, tiers: list[str] | None) -> None:
        self._port, self._tiers, self._runs = port, tiers, 0
        self._page = secrets.token_urlsafe(24)

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)

    async def run(self, tally: Tally) -> None:
        self._runs += 1
        order = {"text": f"{TEXT} {self._runs}", "models": {}, "seed": 0, "lines": False, "number": self._runs}
        body = json.dumps(order if self._tiers is None else order | {"tiers": self._tiers}).encode()
        head = (
            "POST /playground/run/sentiment HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-Playground-Page: {self._page}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        self._writer.write(head.encode() + body)
        status = await self._reader.readuntil(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 200") or b"chunked" not in status.lower():
            raise SystemExit(f"the server refused: {status!r}")
        text = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            if not text:
                tally.first.append(time.perf_counter() - began)
            text += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        tally.seconds.append(time.perf_counter() - began)
        tally.bytes += len(text)
        last = json.loads(text.splitlines()[-1])
        if "data-running" in last["status"] or "data-error" in last["status"]:
            raise SystemExit(f"a run did not end well: {last['status']}")


async def drive(port: int, clients: int, seconds: float, tiers: list[str] | None, tally: Tally) -> None:
    pages = [Client(port, tiers) for _ in range(clients)]
    for page in pages:
        await page.open()
    until = time.perf_counter() + seconds

    async def visit(page: Client) -> None:
        while time.perf_counter() < until:
            await page.run(tally)

    await asyncio.gather(*(visit(page) for page in pages))


def measure(port: int, pid: int, name: str, clients: int, seconds: float, tiers: list[str] | None) -> None:
    asyncio.run(drive(port, clients, min(1.0, seconds), tiers, Tally()))  # warm
    tally, before, began = Tally(), cpu_seconds(pid), time.perf_counter()
    asyncio.run(drive(port, clients, seconds, tiers, tally))
    took, cpu, n = time.perf_counter() - began, cpu_seconds(pid) - before, len(tally.seconds)
    cuts = statistics.quantiles(tally.seconds, n=20)
    print(
        f"{name:<10} {clients:>3} clients  n {n:>5}  CPU {1000 * cpu / n:6.2f} ms a run  {n / took:6.0f} runs/s  "
        f"p50 {1000 * cuts[9]:6.1f} ms  p95 {1000 * cuts[18]:6.1f} ms  first line {1000 * statistics.median(tally.first):6.1f} ms  "
        f"{tally.bytes / n / 1024:5.1f} kB",
        flush=True,
    )


def started(port: int, delay: float, root: Path = ROOT) -> subprocess.Popen[bytes]:
    """The page over fakes, in a process of its own, once it answers. `root`: the checkout that is served."""
    command = [sys.executable, "-m", "tests.fakes.service", str(port), "--delay", str(delay)]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/fake", timeout=5).close()
            return process
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    raise SystemExit("the page did not come up")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--clients", type=int, default=32)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--delay", type=float, default=0.0)
    chosen = options.parse_args()
    port = free_port()
    process = started(port, chosen.delay)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    try:
        for name, tiers in (("one tier", ["scratch"]), ("four tiers", None)):
            for clients in (1, chosen.clients):
                measure(port, process.pid, name, clients, chosen.seconds, tiers)
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    main()
