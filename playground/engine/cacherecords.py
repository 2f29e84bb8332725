"""What the cache remembers for its owner: who left and why, which loads there were, how many of everything.

Not thread-safe by itself: the cache calls it under its lock.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime

from playground.core.status import Departure, LoadRecord, Totals, Why
from playground.core.types import Resident
from playground.engine.cacheentries import in_words

KEPT = 50  # of each, the newest


@dataclass(frozen=True)
class CacheReport:
    """The cache in one consistent look. `residents`: what is in memory or on its way, backbones before their adapters;
    `departures` and `loads`: the last 50, newest first; `totals`: the cache's part (steps and rows are the device's);
    `used`: bytes of the residents, reservations of loads under way included; `waiting`: requests that wait for memory
    or a load.
    """

    residents: tuple[Resident, ...]
    departures: tuple[Departure, ...]
    loads: tuple[LoadRecord, ...]
    totals: Totals
    used: int
    budget: int
    waiting: int


@dataclass(frozen=True)
class Leaver:
    """What a reason says of a model that leaves. `idle`: seconds since its last use, None where it never had one."""

    model: str
    bytes: int
    load_seconds: float
    idle: float | None


class Records:
    """`misses`: models that were asked for by a request that had to wait, as `hits` are those of one that had not."""

    def __init__(self) -> None:
        self.departures: deque[Departure] = deque(maxlen=KEPT)
        self.loads: deque[LoadRecord] = deque(maxlen=KEPT)
        self.misses = 0
        self._evictions: Counter[Why] = Counter()
        self._loads = 0
        self._failed = 0
        self._seconds = 0.0

    def left(self, leaver: Leaver, why: Why, cause: str) -> None:
        """`cause`: a clause with a capital letter and no full stop."""
        last = "was never used" if leaver.idle is None else f"was last used {leaver.idle:.0f} s ago"
        if why in (Why.ROOM, Why.OVER_BUDGET):
            worth = f"it was worth the least of what was idle ({leaver.load_seconds:.1f} s to load {in_words(leaver.bytes)})"
            reason = f"{cause}: {worth} and {last}."
        else:
            reason = f"{cause}: it was idle and {last}."
        self.departures.appendleft(Departure(datetime.now(UTC), leaver.model, leaver.bytes, why, reason))
        self._evictions[why] += 1

    def loaded(self, model: str, seconds: float, error: str | None = None) -> None:
        self.loads.appendleft(LoadRecord(datetime.now(UTC), model, seconds, error))
        self._loads += error is None
        self._failed += error is not None
        self._seconds += seconds

    def totals(self, hits: int) -> Totals:
        return Totals(
            hits=hits,
            misses=self.misses,
            loads=self._loads,
            failed_loads=self._failed,
            load_seconds=self._seconds,
            evictions=tuple((why, self._evictions[why]) for why in Why),
        )
