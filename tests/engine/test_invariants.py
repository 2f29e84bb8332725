"""The cache keeps its invariants: each by itself, then all of them under seeded stress."""

import random
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from playground.core.cancel import Cancel
from playground.core.errors import Busy, InternalError, LoadFailed, OutOfMemory, TooLarge
from playground.engine.cache import Cancelled

from . import invariants
from .conftest import FakeBackend, ref
from .invariants import cache_with, quiet


@pytest.mark.parametrize("name", invariants.CHECKS)
def test_invariant(name):
    assert invariants.failure_of(invariants.CHECKS[name]) is None


BUDGET = 100
SIZES = {"A": 30, "B": 40, "X": 35, "Y": 20, "huge": 130}
BASES = [ref(name) for name in "AB"]
MODELS = [*BASES, *[ref(f"{base.id}{n}", base) for base in BASES for n in "12"], ref("X"), ref("Y")]
THREADS, REQUESTS, WAIT = 12, 100, 10.0
EXPECTED = (LoadFailed, OutOfMemory, Cancelled, TooLarge, Busy, InternalError)


class Faulty(FakeBackend):
    """One load in ten fails, runs out of memory or kills its thread, one unload in ten fails. Sees to the budget itself."""

    def __init__(self, seed: int) -> None:
        super().__init__(sizes=SIZES, measured={"X": 30, "A1": 8}, seconds=0.001)
        self.chance = random.Random(seed)
        self.fault = lambda name: self.draw(LoadFailed("no"), OutOfMemory("full"), OutOfMemory("full"), SystemExit(1))

    def draw(self, *faults):
        return faults[int(draw * 10 * len(faults))] if (draw := self.chance.random()) < 0.1 else None

    def load(self, ref_, base, report):
        loaded = super().load(ref_, base, report)
        with self.lock:
            if sum(
                self.measured.get(name, self.estimate(ref(name))) for name in self.alive
            ) > BUDGET and self.alive != {"huge"}:
                self.wrong.append(f"in memory together: {sorted(self.alive)}")
        return loaded

    def unload(self, ref_, value):
        with self.lock:
            self.unload_faults = [fault] if (fault := self.draw(ValueError("a bug"), SystemExit(2))) else []
        super().unload(ref_, value)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_under_stress_nothing_is_lost_doubled_or_taken_away(seed):
    """12 threads ask for one or two of 9 models in two levels, with room for three, and cancel; loads and unloads fail and
    kill their threads; the owner pins, unloads and changes the budget. I1 to I8, as the cache and as its backend see them.
    """
    outcomes: Counter[str] = Counter()
    slowest, asked = [0.0], []
    over = threading.Event()
    with cache_with(BUDGET, backend=Faulty(seed), max_wait=0.05, max_hold=30) as (cache, backend):

        def ask(chance: random.Random) -> str:
            wanted = chance.sample(MODELS, chance.choice([1, 1, 1, 2])) if chance.random() < 0.97 else [ref("huge")]
            asked.append(len(wanted))
            cancel = Cancel()
            if chance.random() < 0.1:
                threading.Timer(chance.random() * 0.01, cancel.set).start()
            try:
                with cache.lease_many(wanted, cancel, timeout=WAIT) as values:
                    for model, value in zip(wanted, values, strict=True):
                        backend.enter(model)
                        if value != f"model {model.id}":
                            backend.wrong.append(f"{model.id} is {value}")
                    time.sleep(chance.random() * 0.002)
                    for model in wanted:
                        backend.leave(model)
            except EXPECTED as error:
                return type(error).__name__
            return "ok"

        def work(number: int) -> None:
            chance = random.Random(seed * 100 + number)
            for _ in range(REQUESTS):
                started = time.monotonic()
                outcomes[ask(chance)] += 1
                slowest[0] = max(slowest[0], time.monotonic() - started)

        def own() -> None:
            chance = random.Random(seed)
            while not over.wait(0.003):
                keys = [row.key for row in cache.snapshot()] or [""]
                match chance.randrange(8):
                    case 0:
                        with suppress(TooLarge):
                            cache.pin(chance.choice(keys))
                    case 1:
                        cache.resize(chance.choice([60, 80, BUDGET]), 1000)
                    case 2:
                        cache.evict_idle(wait=chance.random() < 0.5)
                    case 3:
                        cache.unload(chance.choice(keys))
                    case _:
                        for key in list(cache._policy.pins):
                            cache.pin(key, False)

        owner = threading.Thread(target=own, daemon=True)
        owner.start()
        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        over.set()
        owner.join(WAIT)
        assert outcomes.total() == THREADS * REQUESTS, "somebody never got an answer"
        assert outcomes["ok"] > THREADS * REQUESTS / 3, outcomes
        assert min(outcomes[kind] for kind in ("LoadFailed", "InternalError", "Cancelled")) > 0, outcomes
        assert slowest[0] < WAIT
        quiet(cache, backend)
        totals = cache.report().totals
        assert totals.loads + totals.failed_loads <= len(backend.loads)
        assert totals.hits + totals.misses <= sum(asked)
        for key in list(cache._policy.pins):
            cache.pin(key, False)
        cache.resize(BUDGET, 1000)
        for model in MODELS:
            assert ask(random.Random(0)) in {"ok", *(kind.__name__ for kind in EXPECTED)}, model  # it goes on
        quiet(cache, backend)
