"""The load benchmark: this app beside `gr.Interface.from_pipeline` and beside transformers called directly, in one run.

    python -m tests.benchmarks.load [--clients 32] [--seconds 20] [--rounds 3] [--device cpu] [--json]

One configuration: a DistilBERT-sized classifier made here, texts of 32 tokens, two torch threads everywhere, limits off.
Peers are fresh processes, in turns (A B A B ...); figures are medians over the rounds, all raw ones are in the JSON.
Reading: `ours` and `gradio` by number of clients: requests/s, p50, p95, p99 in seconds, the server's CPU seconds per
request; `direct`: rows/s without any server, the ceiling. `checks` holds each of the promises against its figure.
Overheads are medians of the differences of two
requests that followed each other. Exits with 1 where a promise is missed.
On a machine that does other work too, believe the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.load_client import Connection, Job, Ours, timed
from tests.benchmarks.load_model import catalog, read_texts
from tests.benchmarks.startup import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
THREADS = "2"
WARM = 20  # requests before anything is measured
BATCHES = (1, 8, 32)


def percentile(values: list[float], share: float) -> float | None:
    """The nearest rank; None of nothing."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else None


def figures(latencies: list[float]) -> dict[str, Any]:
    points = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"n": len(latencies), **{name: percentile(latencies, share) for name, share in points.items()}}


def median(rows: list[Any]) -> float | None:
    numbers = [row for row in rows if row is not None]
    return statistics.median(numbers) if numbers else None


class Bench:
    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.model = folder / "distilbert"
        self.place = 0  # in the texts, so that no two phases ask the same
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PLAYGROUND_", "OPENAI_"))}
        self.environment = clean | {
            "HF_HUB_OFFLINE": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
            "TOKENIZERS_PARALLELISM": "false",
            "OMP_NUM_THREADS": THREADS,
            "MKL_NUM_THREADS": THREADS,
            "PLAYGROUND_THREADS": THREADS,
            "PLAYGROUND_DEVICE": options.device,
            "PLAYGROUND_OFFLINE": "1",
            "PLAYGROUND_CATALOG": str(folder / "catalog.toml"),
            "PLAYGROUND_TRAINED": str(folder / "trained"),
            "PLAYGROUND_REQUESTS_PER_MINUTE": "0",
            "PLAYGROUND_MAX_REQUESTS": "100000",
            "PLAYGROUND_MAX_SESSION_REQUESTS": "100000",
        }

    # -- processes

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        log = (self.folder / f"{arguments[0]}.log").open("a")
        return subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.load_servers", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

    @contextmanager
    def server(self, peer: str, **environment: str):
        """A fresh one that answers. Yields its process and its port."""
        port = free_port()
        if peer == "ours":
            process = self.start("ours", GRADIO_SERVER_PORT=str(port), **environment)
        else:
            process = self.start("gradio", str(self.model), str(port), self.options.device)
        try:
            self._wait_for(process, port)
            yield process, port
        finally:
            end(process)

    def _wait_for(self, process: subprocess.Popen[str], port: int) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
                    if reply.status == 200:
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if process.poll() is not None:
                    break
                time.sleep(0.05)
        raise SystemExit(f"a server did not start: {self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(path.read_text()[-1500:] for path in sorted(self.folder.glob("*.log")))

    @contextmanager
    def direct(self):
        """The pipeline in a process of its own. Yields a function: texts, batch -> its figures."""
        process = self.start("direct", str(self.model), self.options.device)
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout
        try:
            if json.loads(stdout.readline() or "null") != "ready":
                raise SystemExit(f"the direct pipeline did not start: {self._last_words()}")

            def call(texts: list[str], batch: int) -> dict[str, Any]:
                stdin.write(json.dumps({"texts": texts, "batch": batch}) + "\n")
                stdin.flush()
                return json.loads(stdout.readline())

            call([text for text, _ in self.texts[:WARM]], 1)
            yield call
        finally:
            end(process)

    def client(self, **job: Any) -> dict[str, Any]:
        """One job, in a client process of its own."""
        order = Job(texts=str(self.model / "texts.json"), first=self.place, **job)
        self.place += 97 if order.together else 500
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load_client"],
            cwd=ROOT,
            input=json.dumps(asdict(order)),
            capture_output=True,
            text=True,
            timeout=order.warm + order.seconds + 240,
        )
        if done.returncode:
            raise SystemExit(f"the client failed: {done.stderr[-1500:]}")
        return json.loads(done.stdout)

    # -- what is measured

    def prepare(self) -> None:
        count = max(300, 60 * self.options.seconds)
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load_servers", "make", str(self.model), str(count)],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        (self.folder / "catalog.toml").write_text(catalog(self.model, ROOT / "assets"), encoding="utf-8")
        self.texts = read_texts(self.model)

    def closed_loop(self, peer: str, process: subprocess.Popen[str], port: int, clients: int) -> dict[str, Any]:
        fn_index = gradio_function(port) if peer == "gradio" else 0
        target = psutil.Process(process.pid)
        seconds = self.options.seconds
        self.client(peer=peer, port=port, fn_index=fn_index, count=WARM, seconds=60, warm=0.0)
        before = cpu_of(target)
        warm = min(3.0, seconds / 4)
        found = self.client(peer=peer, port=port, fn_index=fn_index, clients=clients, seconds=float(seconds), warm=warm)
        # The server's CPU covers the warm-up too; per second it is the same work.
        used = (cpu_of(target) - before) * seconds / (seconds + warm)
        latencies = found["latencies"]
        answered = len(latencies)
        return {
            "clients": clients,
            "rps": answered / found["seconds"],
            **figures(latencies),
            "errors": len(found["errors"]),
            "first_error": next(iter(found["errors"]), None),
            "server_cpu_per_request": used / answered if answered else None,
            "client_cpu_share": found["client_cpu"] / found["seconds"],
            "load": os.getloadavg()[0],
        }

    def peer_round(self, peer: str) -> dict[str, Any]:
        steps = sorted({1, 8, self.options.clients})
        with self.server(peer) as (process, port):
            if peer == "ours":
                settle(process)
            return {str(clients): self.closed_loop(peer, process, port, clients) for clients in steps}

    def direct_round(self) -> dict[str, Any]:
        """Rows per second and seconds per call, singly and in batches."""
        found = {}
        with self.direct() as call:
            for batch in BATCHES:
                rows = 32 if batch == 1 else 8 * batch if batch == 8 else 3 * batch
                texts = self.texts[:rows]
                seen = call([text for text, _ in texts], batch)
                assert seen["labels"] == [label for _, label in texts], "transformers itself answers otherwise"
                found[str(batch)] = {"rows_per_second": rows / sum(seen["seconds"]), **figures(seen["seconds"])}
        return found

    def browser_overhead(self, count: int) -> dict[str, Any]:
        """One client, warm: the page's request and the direct call in turns."""
        with self.server("ours") as (process, port), self.direct() as call:
            settle(process)
            ours, theirs = asyncio.run(self._in_turns(port, call, count))
        over = statistics.median(mine - other for mine, other in zip(ours, theirs, strict=True))
        both = {"ours": figures(ours), "direct": figures(theirs)}
        return both | {"median_of_differences": over, "difference_of_medians": median(ours) - median(theirs)}

    async def _in_turns(self, port: int, call: Any, count: int) -> tuple[list[float], list[float]]:
        connection = Connection(port)
        page = Ours(connection)
        ours, theirs = [], []
        for turn in range(count + WARM):
            text, label = self.texts[turn % len(self.texts)]
            mine = await timed(page.ask, text, label)
            other = call([text], 1)["seconds"][0]
            if turn >= WARM:
                ours.append(mine)
                theirs.append(other)
        connection.close()
        return ours, theirs

    def service_overhead(self, count: int) -> dict[str, Any]:
        process = self.start("service", str(self.model), self.options.device, str(count))
        out, _ = process.communicate(timeout=300)
        if process.returncode:
            raise SystemExit(f"the service's process failed: {self._last_words()}")
        found = json.loads(out)
        ours, direct = found.pop("ours"), found.pop("direct")
        gap = median(ours) - median(direct)
        return found | {"ours": figures(ours), "direct": figures(direct), "difference_of_medians": gap}

    def fairness(self, count: int) -> dict[str, Any]:
        """A second user's single request: alone, and while another page runs tables of 200 lines without a pause."""
        with self.server("ours") as (process, port):
            settle(process)
            return asyncio.run(self._fairness(port, count))

    async def _fairness(self, port: int, count: int) -> dict[str, Any]:
        connection, others = Connection(port), Connection(port)
        second, first = Ours(connection), Ours(others)
        table = "\n".join(text for text, _ in self.texts[:200])

        async def ask(number: int, pause: float) -> list[float]:
            found = []
            for turn in range(number):
                found.append(await timed(second.ask, *self.texts[200 + turn % (len(self.texts) - 200)]))
                await asyncio.sleep(pause)
            return found

        await ask(WARM, 0.0)
        idle = await ask(count, 0.05)
        tables: list[float] = []

        async def loop() -> None:
            while True:
                began = time.perf_counter()
                await first.post(table, lines=True)
                tables.append(time.perf_counter() - began)

        busy = asyncio.create_task(loop())
        await asyncio.sleep(2.0)
        loaded = await ask(count, 0.17)  # another rhythm than the table's
        alive = not busy.done()
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        connection.close()
        others.close()
        quiet, loud = figures(idle), figures(loaded)
        return {
            "idle": quiet,
            "loaded": loud,
            "worst": max(loaded),
            "ratio_p50": loud["p50"] / quiet["p50"],
            "ratio_p95": loud["p95"] / quiet["p95"],
            "tables": len(tables),
            "table_seconds": median(tables),
            "table_ran_throughout": alive,
        }

    def cold(self) -> dict[str, Any]:
        """As many first requests at once as there are clients, for a model that nobody has loaded."""
        with self.server("ours", PLAYGROUND_WARM_UP="0") as (process, port):
            before = report(process)
            found = self.client(
                peer="ours", port=port, clients=self.options.clients, seconds=120.0, warm=0.0, together=True
            )
            after = report(process)
            loads = {row["model"]: row["loads"] for row in after}
            return {
                "requests": self.options.clients,
                "answered": len(found["latencies"]),
                "errors": found["errors"][:3],
                "resident_before": len(before),
                "loads": loads.get("load/distilbert", 0),
                "loads_in_metrics": loads_in_metrics(port),
                "leases_after": sum(row["leases"] for row in after),
                **figures(found["latencies"]),
            }


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def cpu_of(process: psutil.Process) -> float:
    return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))


def report(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("report\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def settle(process: subprocess.Popen[str]) -> None:
    """Waits until the warm-up's loads are over."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        rows = report(process)
        if any(row["model"] == "load/distilbert" for row in rows) and all(row["state"] == "ready" for row in rows):
            time.sleep(1.0)
            return
        time.sleep(0.2)
    raise SystemExit("the warm-up did not end")


def gradio_function(port: int) -> int:
    """The index of the function behind Submit."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=10) as reply:
        config = json.load(reply)
    return next(
        row["id"]
        for row in config["dependencies"]
        if row["queue"] and any(target[1] == "submit" for target in row["targets"])
    )


def loads_in_metrics(port: int) -> float | None:
    """The model's loads as GET /metrics counts them; None where it does not say."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            lines = reply.read().decode().splitlines()
    except (urllib.error.URLError, ValueError):
        return None
    for line in lines:
        if "loads_total" in line and 'model="load/distilbert"' in line:
            return float(line.rsplit(" ", 1)[1])
    return None


def over_rounds(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of each figure, by the first level's keys."""
    found = {}
    for name in rounds[0]:
        keys = [key for key, value in rounds[0][name].items() if isinstance(value, int | float)]
        found[name] = {key: median([row[name][key] for row in rounds]) for key in keys}
    return found


def checks(found: dict[str, Any], clients: str) -> dict[str, dict[str, Any]]:
    """Each promise of the house: its figure, its bound, whether it is kept."""
    rounds = found["rounds"]
    faster = median([row["ours"][clients]["rps"] / row["gradio"][clients]["rps"] for row in rounds])
    tail = median([row["ours"][clients]["p95"] / row["gradio"][clients]["p95"] for row in rounds])
    errors = sum(part["errors"] for row in rounds for peer in ("ours", "gradio") for part in row[peer].values())
    fair, cold = found["fairness"], found["cold"]
    rows = {
        "requests/s over from_pipeline's": (faster, ">=", 3.0),
        "p95 over from_pipeline's": (tail, "<=", 1 / 3),
        "errors and wrong answers": (float(errors), "<=", 0.0),
        "at service, over the direct call, ms": (1e3 * found["service"]["median_of_differences"], "<=", 5.0),
        "at the browser's request, over the direct call, ms": (
            1e3 * found["browser"]["median_of_differences"],
            "<=",
            40.0,
        ),
        "second user beside a table, p50 over idle": (fair["ratio_p50"], "<=", 5.0),
        "second user beside a table, p95 over idle": (fair["ratio_p95"], "<=", 5.0),
        "loads for concurrent first requests": (float(cold["loads"]), "==", 1.0),
        "concurrent first requests answered": (float(cold["answered"]), "==", float(cold["requests"])),
    }
    holds = {">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b, "==": lambda a, b: a == b}
    return {
        name: {"value": value, "bound": f"{sign} {bound:.3g}", "pass": holds[sign](value, bound)}
        for name, (value, sign, bound) in rows.items()
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        bench = Bench(Path(place), options)
        say(f"making the model (load {os.getloadavg()[0]:.1f})")
        bench.prepare()
        found: dict[str, Any] = {
            "configuration": {
                "model": "DistilBERT, 6 layers, 768, 12 heads, 3072, vocabulary 30522, random",
                "tokens": 32,
                "threads": int(THREADS),
                "cores": os.cpu_count(),
                "device": options.device,
                "seconds": options.seconds,
                "load_at_start": os.getloadavg(),
            },
            "rounds": [],
        }
        for number in range(options.rounds):
            row: dict[str, Any] = {}
            for peer in ("gradio", "ours") if number % 2 == 0 else ("ours", "gradio"):
                row[peer] = bench.peer_round(peer)
                for clients, part in row[peer].items():
                    say(f"round {number + 1} {peer:6} {clients:>3} clients: {line_of(part)}")
            row["direct"] = bench.direct_round()
            rates = ", ".join(f"{batch}: {part['rows_per_second']:.1f}" for batch, part in row["direct"].items())
            say(f"round {number + 1} direct, rows/s by batch: {rates} (load {os.getloadavg()[0]:.1f})")
            found["rounds"].append(row)
        for peer in ("ours", "gradio", "direct"):
            found[peer] = over_rounds([row[peer] for row in found["rounds"]])
        say("one client, in turns with the direct call")
        found["browser"] = bench.browser_overhead(options.turns)
        found["service"] = bench.service_overhead(options.turns)
        say("a second user beside a table")
        found["fairness"] = bench.fairness(options.singles)
        say("first requests for a cold model")
        found["cold"] = bench.cold()
        found["configuration"]["load_at_end"] = os.getloadavg()
        found["checks"] = checks(found, str(options.clients))
        return found


def line_of(part: dict[str, Any]) -> str:
    if not part["n"]:
        return f"no answer, {part['errors']} errors: {part['first_error']}"
    return (
        f"{part['rps']:6.1f}/s  p50 {1e3 * part['p50']:6.0f} ms  p95 {1e3 * part['p95']:6.0f} ms  n {part['n']:5}  "
        f"errors {part['errors']}  server {1e3 * part['server_cpu_per_request']:.1f} CPU ms each  "
        f"client {part['client_cpu_share']:.2f} cores  load {part['load']:.1f}"
    )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=200, help="of the single client, with the direct call")
    parser.add_argument("--singles", type=int, default=60, help="of the second user")
    parser.add_argument("--device", default="cpu", help="cpu or cuda, for all")
    parser.add_argument("--json", action="store_true", help="everything measured, on standard output")
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps(found, indent=1))
    for name, row in found["checks"].items():
        say(f"{'kept  ' if row['pass'] else 'MISSED'} {name}: {row['value']:.3g} ({row['bound']})")
    sys.exit(0 if all(row["pass"] for row in found["checks"].values()) else 1)


if __name__ == "__main__":
    main()
