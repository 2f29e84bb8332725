"""One soak from beginning to end: models, truth, visitors and faults, and what is left when all have gone."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from playground.core.errors import PlaygroundError
from playground.core.events import Finished
from tests.soak import models
from tests.soak.faults import KILLING, LOAD_FAULTS, STEP_FAULTS, Faults
from tests.soak.insiders import Insider
from tests.soak.visitors import LONGEST, TEXTS, Browser, Count, Direct, Gate, Truth, Visitor
from tests.soak.watch import Level, Sampler, Violations, eventually, new_threads, watch_memory
from tests.soak.world import World, open_world

QUIET = LONGEST + 10  # seconds in which everything must have ended once nobody asks any more
KEPT_ALIVE = 32  # connections to the stand-in that the hosted tier keeps, each with two ends in this process
KINDS = (Browser, Browser, Direct, Browser, Browser, Insider)  # of visitors, in turn
INSIDE = ("attend", "ablate", "grid", "leave_grid", "layers")
TOLERANCE = 1.10  # of RSS at the end over its level after the first tenth


@dataclass
class Found:
    seconds: float
    seed: int
    count: Count
    faults: Counter[str]
    totals: Any = None
    samples: int = 0
    most_leases: int = 0
    budget: int = 0
    measured_over: int = 0
    late_sessions: int = 0
    levels: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        done, totals = self.count.done, self.totals
        loads = "" if totals is None else f"{totals.loads} loads ({totals.failed_loads} failed), "
        gone = 0 if totals is None else sum(number for _, number in totals.evictions)
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(self.faults.items()))
        levels = "; ".join(f"{name}: {level}" for name, level in self.levels.items())
        return (
            f"soak: {self.seconds:.0f} s, seed {self.seed}, {done['run']} runs, {done['table']} tables, "
            f"{done['stop']} stops, {done['close_tab'] + done['leave_early']} left in the middle, {done['close']} pages "
            f"closed, {sum(done[name] for name in INSIDE)} looks inside; {loads}{gone} evictions, "
            f"{sum(self.faults.values())} faults ({kinds}); "
            f"slowest card {self.count.worst:.1f} s; {self.samples} looks at memory; {levels}; "
            f"{len(self.violations)} violations"
        )

    def json(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds,
            "done": dict(self.count.done),
            "outcomes": dict(self.count.outcomes),
            "errors": dict(self.count.errors),
            "faults": dict(self.faults),
            "levels": self.levels,
            "slowest_card": self.count.worst,
            "budget": self.budget,
            "measured_over": self.measured_over,
            "late_sessions": self.late_sessions,
            "violations": self.violations,
        }


def soak(seconds: float, seed: int = 0, visitors: int = 24) -> Found:
    violation = Violations()
    faults = Faults(seed, violation)
    found = Found(seconds, seed, Count(), faults.struck)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        models.make(folder, seed)
        _warm_libraries(folder)
        before = Level.now()
        _live(folder, faults, violation, found, visitors)
        if not eventually(lambda: not new_threads(before, Level.now()), 15):
            violation(f"threads that outlive the server: {new_threads(before, Level.now())}")
        eventually(lambda: Level.now().descriptors <= before.descriptors + 3, 5)
        after = Level.now()
        if after.descriptors > before.descriptors + 3:
            violation(f"{after.descriptors} descriptors are open and were {before.descriptors}: {_open()}")
        found.levels |= {"before the server": str(before), "after it": str(after)}
    internal = found.count.errors["internal_error"]
    if internal and not any(faults.struck[kind] for kind in KILLING):
        violation(f"{internal} internal errors without a fault that kills anything")
    found.violations = violation.said
    return found


def _live(folder: Path, faults: Faults, violation: Violations, found: Found, visitors: int) -> None:
    """Everything while the server is there. By itself, so that nothing of it is held afterwards."""
    with open_world(folder, faults) as world:
        truth = asyncio.run(_truth(world))
        _make_tight(world, found)
        watch_memory(world.cache, violation)
        sampler = Sampler(world, violation)
        asyncio.run(_Soak(world, truth, faults, violation, found, visitors).run())
        sampler.close()
        found.samples, found.most_leases = sampler.samples, sampler.most_leases
        found.totals = world.runtime.report().totals
        found.measured_over = world.cache._policy._measured_over


def _warm_libraries(folder: Path) -> None:
    """What they open and start once for the process is no leak of ours: one server's life before we count."""
    with open_world(folder, Faults(0, lambda what: None)) as world:
        asyncio.run(_truth(world))


async def _truth(world: World) -> Truth:
    """What each model says of each text when nobody else is there."""
    truth: Truth = {}
    for tier, names in {"hosted": (None,), **models.MODELS}.items():
        for model in names:
            if model in models.FAILING:
                continue
            for text in TEXTS:
                output = await _ask(world, tier, model, text)
                truth[tier, model or "", text] = (output.label, output.confidence)
    # The hosted tier rounds what it says, and the page does not name its model: only that it works counts.
    world.service.close_session("truth")
    return {key: value for key, value in truth.items() if key[0] != "hosted"}


async def _ask(world: World, tier: str, model: str | None, text: str) -> Any:
    chosen = {} if model is None else {tier: model}
    last: Any = None
    async for event in world.service.run_events("sentiment", text, session="truth", models=chosen, tiers=[tier]):
        last = event.event
    if not isinstance(last, Finished):
        raise AssertionError(f"{tier} {model} does not work: {last!r} {getattr(last, 'error', '')}")
    return last.output


def _make_tight(world: World, found: Found) -> None:
    """Room for about half of everything, once it is all measured."""
    world.resize(2**34)
    everything = sum(row.bytes for row in world.runtime.status())
    found.budget = int(everything * 0.55)
    world.resize(found.budget)


class _Soak:
    def __init__(
        self, world: World, truth: Truth, faults: Faults, violation: Violations, found: Found, visitors: int
    ) -> None:
        self.world, self.truth, self.faults, self.violation, self.found = world, truth, faults, violation, found
        self.number = visitors

    async def run(self) -> None:
        gate = Gate()
        people: list[Visitor] = [
            kind(self.world, self.truth, self.found.count, self.violation, gate, self.found.seed * 1000 + number)
            for number in range(self.number)
            for kind in (KINDS[number % len(KINDS)],)
        ]
        tasks = [asyncio.create_task(person.live()) for person in people]
        start = time.monotonic()
        tenth = self.found.seconds / 10
        await self._trouble(start + tenth)
        first = await self._level(gate, people, "after a tenth")
        await self._trouble(start + self.found.seconds)
        last = await self._level(gate, people, "at the end")
        gate.over = True
        gate.open.set()
        _, stuck = await asyncio.wait(tasks, timeout=QUIET)
        for task in stuck:
            task.cancel()
        if last.rss > first.rss * TOLERANCE:
            self.violation(f"RSS grew from {first.rss / 2**20:.0f} to {last.rss / 2**20:.0f} MB")
        if last.descriptors > first.descriptors + 2 * KEPT_ALIVE + 5:
            self.violation(f"descriptors grew from {first.descriptors} to {last.descriptors}: {_open()}")
        if len(last.threads) > len(first.threads) + 8:  # pools that fill up on demand, with a bound
            self.violation(f"threads grew: {new_threads(first, last)}")

    async def _trouble(self, until: float) -> None:
        """One piece of trouble after the other."""
        rng = self.faults.random
        trouble = {
            self._arm: 8,
            self._resize: 2,
            self._pin: 1,
            self._unload: 1,
            self._unload_all: 1,
            self._kill_gateway: 0.5,
        }
        while time.monotonic() < until:
            await asyncio.sleep(min(rng.uniform(0.05, 0.4), max(0.0, until - time.monotonic())))
            await rng.choices(*zip(*trouble.items(), strict=True))[0]()

    async def _arm(self) -> None:
        rng = self.faults.random
        self.faults.arm(rng.choice(LOAD_FAULTS if rng.random() < 0.5 else STEP_FAULTS))

    async def _resize(self) -> None:
        """Also so small that a single model is over it and must be alone, and back."""
        share = self.faults.random.choice((0.02, 0.5, 0.8, 1.0, 1.0, 1.3))
        await asyncio.to_thread(self.world.resize, int(self.found.budget * share))
        self.faults.struck["budget resized"] += 1

    async def _pin(self) -> None:
        rows = self.world.runtime.status()
        if rows:
            row = self.faults.random.choice(rows)
            try:
                await asyncio.to_thread(self.world.runtime.pin, row.key, not row.pinned)
                self.faults.struck["pin switched"] += 1
            except PlaygroundError:
                self.faults.struck["pin refused"] += 1

    async def _unload(self) -> None:
        rows = self.world.runtime.status()
        if rows:
            await asyncio.to_thread(self.world.runtime.unload, self.faults.random.choice(rows).key)
            self.faults.struck["unloaded by the owner"] += 1

    async def _unload_all(self) -> None:
        await asyncio.to_thread(self.world.runtime.unload)
        self.faults.struck["all unloaded by the owner"] += 1

    async def _kill_gateway(self) -> None:
        self.world.kill_gateway()
        self.faults.struck["gateway killed"] += 1

    async def _level(self, gate: Gate, people: list[Visitor], name: str) -> Level:
        """Nobody asks, nothing goes wrong: all must come to rest, then a request of each kind must work, then all is let go."""
        gate.open.clear()
        self.faults.disarm()
        self.world.resize(self.found.budget)
        await self._until(lambda: all(person.idle for person in people), "visitors are still waiting for an answer")
        for person in people:
            await person.close()
        for row in self.world.runtime.status():
            if row.pinned:
                self.world.runtime.pin(row.key, False)
        await self._until(lambda: not self.world.busy(), "something is left")
        self.found.late_sessions += self.world.close_late_sessions()
        await self._works()
        self.world.service.close_session("truth")
        self.world.runtime.unload()
        await self._until(lambda: not self.world.runtime.status(), "models are left after an unload of all")
        await self._until(lambda: not self.world.busy(), "something is left after an unload of all")
        if self.world.cache.total_bytes:
            self.violation(f"{self.world.cache.total_bytes} bytes are booked and no model is there")
        level = await asyncio.to_thread(Level.now)
        self.found.levels[name] = str(level)
        gate.open.set()
        return level

    async def _works(self) -> None:
        """After all that happened every tier answers, without a restart."""
        for tier in ("hosted", *models.MODELS):
            model = None if tier == "hosted" else models.MODELS[tier][0]
            try:
                output = await asyncio.wait_for(_ask(self.world, tier, model, TEXTS[0]), 30)
            except (AssertionError, PlaygroundError, TimeoutError) as error:
                self.violation(f"after the faults {tier} answers no more: {error!r}"[:300])
                continue
            true = self.truth.get((tier, model or "", TEXTS[0]))
            if true is not None and (output.label != true[0] or abs(output.confidence - true[1]) > 1e-5):
                self.violation(f"after the faults {tier} answers otherwise: {output.label} {output.confidence}, {true}")

    async def _until(self, condition: Any, what: str) -> None:
        until = time.monotonic() + QUIET
        while not condition():
            if time.monotonic() > until:
                self.violation(f"{what} after {QUIET:.0f} s of quiet: {self.world.busy()}")
                return
            await asyncio.sleep(0.02)


def _open() -> list[str]:
    """What the open descriptors are: connections by state and port, the rest by kind."""
    names: Counter[str] = Counter()
    for entry in os.listdir("/proc/self/fd"):
        try:
            names[os.readlink(f"/proc/self/fd/{entry}").split(":")[0]] += 1
        except OSError:
            continue
    for row in psutil.Process().net_connections("tcp"):
        ends = [end.port for end in (row.laddr, row.raddr) if end]
        names[f"{row.status} {ends[-1] if row.raddr else ends}"] += 1
    return [f"{name} x{number}" for name, number in names.most_common(12)]
