"""What people do: some over the page's own HTTP routes, some at the service itself. Each checks every answer that it gets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import secrets
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from playground.core.errors import PlaygroundError
from playground.core.events import LAST, Failed, Finished
from tests.benchmarks.load_client import Connection
from tests.soak.models import FAILING, MODELS
from tests.soak.watch import Violations
from tests.soak.world import DEADLINE, World

LATE = DEADLINE + 15.0  # seconds; after them a card without its last word is lost
MOST_LINES = 12  # of a table; the stand-in is asked four at a time, each with its own deadline
LONGEST = MOST_LINES / 4 * DEADLINE + 20.0  # seconds of any action
TIERS = ("hosted", *MODELS)
TEXTS = (
    "a good film",
    "bad book and the plot was not good",
    "i loved every minute of it",
    "i hated it",
    "the film is very very very good and the book is not",
    "good",
    "not bad not bad not bad",
    "loved it and hated it",
)
BAD = {
    "empty": "",
    "blank": "  \n ",
    "too long": "good film " * 10_000,
    "binary": "good\x00\x01\x02\x7fELF",
    "rtl": "سيئ جدا \u202e good film שלום",
    "html": "<soak-tag onclick=x>good</soak-tag><script>alert(1)</script>",
}
PHASES = re.compile(r'data-tier="(\w+)" data-phase="(\w+)"')
HEADLINE = re.compile(r'class="pg-headline"[^>]*>(\w+)<')
NOT_SAID = ("Traceback (most", 'File "/', "as the soak wants it\n", "object at 0x")
Truth = dict[tuple[str, str, str], tuple[str, float]]  # (tier, model, text) -> label and its score, asked alone


@dataclass
class Count:
    """What was done, what came of it, and errors by kind."""

    done: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    worst: float = 0.0  # seconds to a card's last word


class Gate:
    """Closed: visitors stay where they are between two actions."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.over = False


class Visitor:
    def __init__(self, world: World, truth: Truth, count: Count, violation: Violations, gate: Gate, seed: int) -> None:
        self.world, self.truth, self.count, self.violation, self.gate = world, truth, count, violation, gate
        self.random = random.Random(seed)
        self.page = ""
        self.idle = True

    async def live(self) -> None:
        self.new_page()
        while not self.gate.over:
            await self.gate.open.wait()
            if self.gate.over:
                break
            self.idle = False
            action = self.random.choices(*zip(*self.actions().items(), strict=True))[0]
            name = action.__name__
            try:
                await asyncio.wait_for(action(), LONGEST)
                self.count.done[name] += 1
            except TimeoutError:
                self.violation(f"{type(self).__name__}.{name} did not end within {LONGEST:.0f} s")
            except (ConnectionError, asyncio.IncompleteReadError, OSError) as error:
                self.violation(f"{type(self).__name__}.{name}: the server hung up: {error!r}")
            except Exception as error:
                self.violation(f"{type(self).__name__}.{name} broke: {error!r}")
            self.idle = True
            await asyncio.sleep(self.random.uniform(0, 0.05))
        await self.leave()

    def actions(self) -> dict[Any, int]:
        raise NotImplementedError

    def new_page(self) -> None:
        self.page = secrets.token_urlsafe(24)

    async def leave(self) -> None:
        self.world.service.close_session(self.page)

    async def close(self) -> None:
        """The tab is closed, another is opened."""
        await self.leave()
        self.new_page()

    def models(self, *, failing: bool = True) -> dict[str, str | None]:
        return {
            tier: self.random.choice([name for name in names if failing or name not in FAILING])
            for tier, names in MODELS.items()
        }

    def some_tiers(self) -> list[str]:
        return [tier for tier in TIERS if self.random.random() < 0.5] or ["scratch"]

    def judge(self, tier: str, model: str, text: str, label: str, score: float | None = None) -> None:
        """The answer is the one that this model gave when it was asked alone."""
        true = self.truth.get((tier, model, text))
        if true is None:
            return
        clear = abs(true[1] - 0.5) > 1e-4
        if label != true[0] and clear:
            self.violation(f"wrong answer: {model} said {label} of “{text}”, alone {true[0]}")
        if score is not None and label == true[0] and abs(score - true[1]) > 1e-5:
            self.violation(f"wrong score: {model} said {score} of “{text}”, alone {true[1]}")

    def presentable(self, words: str) -> None:
        for sign in NOT_SAID:
            if sign in words:
                self.violation(f"a traceback in a reply: …{words[max(0, words.find(sign) - 100) :][:300]}")


class Direct(Visitor):
    """At the service, as a script would."""

    def actions(self) -> dict[Any, int]:
        return {
            self.run: 10,
            self.table: 3,
            self.stop: 3,
            self.leave_early: 3,
            self.bad: 1,
            self.close: 1,
            self.look: 1,
        }

    async def run(self, *, stop: bool = False) -> None:
        loop = asyncio.get_running_loop()
        text, models, tiers = self.random.choice(TEXTS), self.models(), self.some_tiers()
        events: list[Any] = []
        over = asyncio.Event()

        def heard(event: Any) -> None:
            events.append((time.monotonic(), event))
            if isinstance(event.event, LAST):
                loop.call_soon_threadsafe(over.set)

        began = time.monotonic()
        try:
            handle = self.world.service.start(
                "sentiment", text, session=self.page, models=models, tiers=tiers, emit=heard
            )
        except PlaygroundError as error:
            self.count.errors[error.kind] += 1
            self.presentable(str(error))
            return
        if stop:
            await asyncio.sleep(self.random.uniform(0, 0.1))
            if self.random.random() < 0.5:
                handle.cancel()
            else:
                self.world.service.stop(self.page)
        while not handle.done and time.monotonic() - began < LATE:
            over.clear()
            if not handle.done:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), 0.25)
        for tier in tiers:
            last = [(at, e.event) for at, e in events if e.tier == tier and isinstance(e.event, LAST)]
            if len(last) != 1:
                self.violation(f"{len(last)} last words of {tier} ({models.get(tier)}) after {LATE:.0f} s")
                continue
            self.count.worst = max(self.count.worst, last[0][0] - began)
            self.outcome(tier, models.get(tier) or "", text, last[0][1])

    def outcome(self, tier: str, model: str, text: str, event: Any) -> None:
        self.count.outcomes[type(event).__name__.lower()] += 1
        if isinstance(event, Failed):
            self.count.errors[event.error.kind] += 1
            self.presentable(str(event.error))
        if isinstance(event, Finished):
            output = event.output
            self.judge(tier, model, text, output.label, output.confidence)
            if model in FAILING:
                self.violation(f"{model} answered")

    async def stop(self) -> None:
        await self.run(stop=True)

    async def leave_early(self) -> None:
        """An iterator that is left in the middle."""
        text = self.random.choice(TEXTS)
        steps = self.random.randrange(4)
        try:
            async with aclosing(
                self.world.service.run_events("sentiment", text, session=self.page, models=self.models())
            ) as events:
                async for _ in events:
                    steps -= 1
                    if steps < 0:
                        break
        except PlaygroundError as error:
            self.count.errors[error.kind] += 1

    async def table(self) -> None:
        lines = [self.random.choice(TEXTS) for _ in range(self.random.randrange(2, MOST_LINES + 1))]
        models, tiers = self.models(failing=False), self.some_tiers()
        seen = []
        try:
            rows = self.world.service.run_table("sentiment", lines, session=self.page, models=models, tiers=tiers)
            async with aclosing(rows):
                async for row in rows:
                    seen.append(row.index)
                    for result in row.results:
                        if result.output is not None:
                            model = models.get(result.tier) or ""
                            self.judge(result.tier, model, row.text, result.output.label, result.output.confidence)
                        elif result.error is not None:
                            self.count.errors[result.error.kind] += 1
                            self.presentable(str(result.error))
        except PlaygroundError as error:
            self.count.errors[error.kind] += 1
            return
        if sorted(seen) != list(range(len(lines))):
            self.violation(f"a table of {len(lines)} lines gave the rows {sorted(seen)}")

    async def bad(self) -> None:
        kind = self.random.choice(list(BAD))
        try:
            handle = self.world.service.start(
                "sentiment", BAD[kind], session=self.page, tiers=["scratch"], emit=lambda event: None
            )
        except PlaygroundError as error:
            self.count.errors[error.kind] += 1
            self.presentable(str(error))
            return
        if kind not in ("rtl", "html"):
            self.violation(f"{kind} input was taken")
        await asyncio.to_thread(handle.wait, LATE)

    async def look(self) -> None:
        """What the Status tab, the metrics and a picker ask for."""
        service = self.world.service
        for call in (service.report, service.metrics, lambda: service.choices("sentiment", "pretrained", self.page)):
            await asyncio.to_thread(call)


class Browser(Visitor):
    """Over HTTP, as the page does."""

    def actions(self) -> dict[Any, int]:
        return {
            self.run: 10,
            self.table: 3,
            self.stop: 3,
            self.close_tab: 4,
            self.key: 1,
            self.bad: 1,
            self.unknown: 1,
            self.close: 1,
            self.look: 1,
            self.nonsense: 1,
        }

    @property
    def header(self) -> str:
        return f"X-Playground-Page: {self.page}\r\n"

    async def leave(self) -> None:
        status, body = await self.post("/playground/ask", {"do": "close"})
        if status != 200:
            self.violation(f"{status} for a page that closes: {body[:200]}")

    async def post(self, path: str, body: Any) -> tuple[int, str]:
        connection = Connection(self.world.port)
        try:
            status = await connection.send("POST", path, self.header, json.dumps(body).encode())
            # A 204 has no body, whatever its headers say.
            text = "" if status == 204 else (await connection.body()).decode()
        finally:
            connection.close()
        self.presentable(text)
        if status >= 500:
            self.violation(f"{status} for POST {path}: {text[:200]}")
        return status, text

    def order(self, text: str, **more: Any) -> dict[str, Any]:
        return {"text": text, "models": self.models(), "seed": 0, "lines": False, "number": 1, **more}

    async def run(self) -> None:
        text = self.random.choice(TEXTS)
        order = self.order(text)
        if self.random.random() < 0.5:
            order["tiers"] = self.some_tiers()
        began = time.monotonic()
        status, body = await self.post("/playground/run/sentiment", order)
        self.count.worst = max(self.count.worst, time.monotonic() - began)
        self.check_cards(status, body, order, text)

    def check_cards(self, status: int, body: str, order: dict[str, Any], text: str) -> None:
        updates = [json.loads(line) for line in body.splitlines() if line]
        if status != 200 or not updates:
            self.violation(f"{status} and {len(updates)} updates for a run: {body[:200]}")
            return
        last: dict[str, str] = {}
        for update in updates:
            last |= update
        refused = 'data-error="' in last.get("status", "")  # said beside the input, e.g. by a full server
        if refused:
            self.count.errors["refused"] += 1
        for tier in order.get("tiers", TIERS):
            card = last.get(f"card-{tier}", "")
            found = PHASES.search(card)
            phase = found[2] if found else "none"
            if refused and phase in ("none", "idle", "done"):  # done: what had been answered before stands again
                continue
            self.count.outcomes[phase] += 1
            if phase not in ("done", "failed", "stopped", "unsupported"):
                busy = [name for name in last if name.startswith("card-")]
                self.violation(f"a run over HTTP ended with {tier} in phase {phase}; cards: {busy}")
            if phase == "done":
                said = HEADLINE.search(card)
                self.judge(tier, order["models"].get(tier) or "", text, said[1] if said else "nothing")

    async def table(self) -> None:
        lines = [self.random.choice(TEXTS) for _ in range(self.random.randrange(2, MOST_LINES + 1))]
        order = self.order("\n".join(lines), lines=True, models=self.models(failing=False))
        if self.random.random() < 0.7:
            order["tiers"] = self.some_tiers()
        status, body = await self.post("/playground/run/sentiment", order)
        if status != 200:
            self.violation(f"{status} for a table: {body[:200]}")

    async def stop(self) -> None:
        """Stop is pressed in the middle; the run then ends by itself, with every card in its place."""
        text = self.random.choice(TEXTS)
        order = self.order(text)
        running = asyncio.create_task(self.post("/playground/run/sentiment", order))
        await asyncio.sleep(self.random.uniform(0, 0.15))
        status, _ = await self.post("/playground/stop/sentiment", {})
        if status != 204:
            self.violation(f"{status} for a stop")
        self.check_cards(*await running, order, text)

    async def close_tab(self) -> None:
        """The connection goes in the middle of the answer; half of the time the whole page goes."""
        connection = Connection(self.world.port)
        lines = self.random.random() < 0.4
        text = "\n".join(self.random.choices(TEXTS, k=MOST_LINES)) if lines else self.random.choice(TEXTS)
        order = json.dumps(self.order(text, lines=lines)).encode()
        try:
            await connection.send("POST", "/playground/run/sentiment", self.header, order)
            parts = self.random.randrange(3)
            async with aclosing(connection.parts()) as stream:
                async for part in stream:
                    self.presentable(part.decode(errors="replace"))
                    parts -= 1
                    if parts < 0:
                        break
        finally:
            connection.close()
        if self.random.random() < 0.5:
            await self.close()

    async def key(self) -> None:
        """A key is set, used and forgotten. The endpoint that it is for is a port where nobody listens."""
        key = f"sk-soak-{secrets.token_hex(12)}"
        replies = []
        for order in ({"do": "set_key", "key": key, "base_url": ""}, {"do": "key"}):
            replies.append(await self.post("/playground/ask", order))
        order = self.order(self.random.choice(TEXTS), tiers=["hosted", "scratch"])
        replies.append(await self.post("/playground/run/sentiment", order))
        replies.append(await self.post("/playground/ask", {"do": "forget_key"}))
        if any(key in text for _, text in replies):
            self.violation("a key came back in a reply")
        if any(status >= 500 for status, _ in replies):
            self.violation(f"keys: {[status for status, _ in replies]}")

    async def bad(self) -> None:
        kind = self.random.choice(list(BAD))
        status, body = await self.post("/playground/run/sentiment", self.order(BAD[kind]))
        if "<soak-tag" in body or "<script>alert" in body:
            self.violation("HTML of a visitor came back unescaped")
        if status not in (200, 413):
            self.violation(f"{status} for {kind} input: {body[:200]}")

    async def unknown(self) -> None:
        tiers = list(MODELS)
        order = self.order("a good film", models=dict.fromkeys(tiers, "nobody/nothing"), tiers=tiers)
        status, body = await self.post("/playground/run/sentiment", order)
        if 'data-phase="done"' in body:
            self.violation("a model that does not exist answered")
        status, _ = await self.post("/playground/run/no-such-task", order)
        if status != 404:
            self.violation(f"{status} for a task that does not exist")

    async def look(self) -> None:
        for path in ("/metrics", "/"):
            connection = Connection(self.world.port)
            try:
                status = await connection.send("GET", path)
                self.presentable((await connection.body()).decode())
            finally:
                connection.close()
            if status >= 500:
                self.violation(f"{status} for GET {path}")

    async def nonsense(self) -> None:
        for body in ([], "x", {"text": 7, "models": [], "lines": "yes", "tiers": "all"}, {"tiers": [1, None]}):
            status, _ = await self.post("/playground/run/sentiment", body)
            if status not in (200, 400):
                self.violation(f"{status} for {body!r}")
