"""What has to hold all the time, and what has to be back at its level at the end."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import psutil

from playground.engine import memory


class Violations:
    """Sentences, each kind at most a few times. Thread-safe."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()

    def __call__(self, what: str) -> None:
        with self._lock:
            self._seen[what[:40]] += 1
            if self._seen[what[:40]] <= 5:
                self.said.append(f"{what} [{time.strftime('%H:%M:%S')}]")


def watch_memory(cache: Any, violation: Violations) -> None:
    """Looks at the sum of all bytes whenever it changes. It may exceed the budget only while it shrinks (the budget was made
    smaller), while all of it belongs to the one request being admitted (larger than the budget: alone), or by what a load
    was measured to take more than its estimate, until what is idle has left.
    """
    policy = cache._policy
    kind = type(policy)

    class Watched(kind):  # type: ignore[misc,valid-type]
        def admit(self, needs: Any, claims: Any) -> Any:
            self._asked = {need.key for need in needs}
            return super().admit(needs, claims)

        def measured(self, key: Any, bytes: int) -> None:
            self._excused = True
            try:
                super().measured(key, bytes)
            finally:
                self._excused = False

        @property
        def total(self) -> int:
            return self.__dict__["_total"]

        @total.setter
        def total(self, total: int) -> None:
            before = self.__dict__["_total"]
            self.__dict__["_total"] = total
            true = sum(entry.bytes for entry in self.entries.values())
            if total != true:
                violation(f"the cache books {total} bytes and its entries are {true}")
            over = total - max(self.budget, before)
            if over > 0 and self._excused:
                self._measured_over = max(self._measured_over, total - self.budget)
            elif over > 0 and not self.entries.keys() <= self._asked:
                violation(f"resident bytes over the budget: {total} of {self.budget}, {len(self.entries)} models")

    state = {"_total": policy.__dict__.pop("total"), "_asked": set(), "_excused": False, "_measured_over": 0}
    policy.__dict__.update(state)
    policy.__class__ = Watched


class Sampler:
    """Every 10 ms, from outside: the cache's bytes against its budget, and what the runtime says of itself."""

    def __init__(self, world: Any, violation: Violations) -> None:
        self._world, self._violation = world, violation
        self._stop = threading.Event()
        self._ceiling = world.budget
        self.samples = 0
        self.most_leases = 0
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        policy = self._world.cache._policy
        over_since: float | None = None
        while not self._stop.wait(0.01):
            rows = self._world.runtime.status()
            self.samples += 1
            used, budget = sum(row.bytes for row in rows), self._world.budget
            self.most_leases = max(self.most_leases, sum(row.leases for row in rows))
            if any(row.leases < 0 or row.bytes < 0 for row in rows):
                self._violation(f"a negative count: {rows}")
            alone = len(rows) <= 2
            pinned = _pinned(rows)  # stays, however small the budget was made since; all else has to go
            if used <= max(budget, pinned) + policy._measured_over or alone:
                over_since = None
                continue
            over_since = over_since or time.monotonic()
            if time.monotonic() - over_since > 15:  # a smaller budget waits for leases, and those end
                states = ", ".join(f"{row.model} {row.state} {row.leases}" for row in rows)
                self._violation(
                    f"resident bytes stay over the budget: {used} of {budget}, {pinned} of them pinned: {states}"
                )
                over_since = None

    def close(self) -> None:
        self._stop.set()
        self._thread.join(5)


def _pinned(rows: list[Any]) -> int:
    """Bytes of what is pinned, and of what it stands on."""
    names = {row.model for row in rows if row.pinned} | {row.base for row in rows if row.pinned}
    return sum(row.bytes for row in rows if row.model in names)


@dataclass(frozen=True)
class Level:
    """rss in bytes; threads by name; descriptors: open files, sockets and pipes of this process."""

    rss: int
    threads: tuple[str, ...]
    descriptors: int

    @classmethod
    def now(cls) -> Level:
        gc.collect()
        memory.reclaim()
        names = tuple(sorted(thread.name for thread in threading.enumerate()))
        return cls(psutil.Process().memory_info().rss, names, len(os.listdir("/proc/self/fd")))

    def __str__(self) -> str:
        return f"RSS {self.rss / 2**20:.0f} MB, {len(self.threads)} threads, {self.descriptors} descriptors"


# One of the process each, whatever the number of servers: address look-ups of the hosted tier's loop (at most six), tqdm's.
LASTING = ("asyncio_", "tqdm_monitor")


def new_threads(before: Level, after: Level) -> list[str]:
    new = (Counter(after.threads) - Counter(before.threads)).elements()
    return sorted(name for name in new if not name.startswith(LASTING))


def eventually(condition: Any, seconds: float) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
