"""What happened since the start, counted: answers by tier and outcome, their latency, refusals. No text, key or session in it."""

from __future__ import annotations

import bisect
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playground.core.errors import PlaygroundError
from playground.core.run import TierResult

# Upper edges in seconds: from a scratch model's answer to the longest deadline.
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass
class Latency:
    """`counts`: by edge, the last one for all that took longer; not cumulative. `total`: seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(EDGES, seconds)] += 1
        self.total += seconds

    def copy(self) -> Latency:
        return Latency(list(self.counts), self.total)


@dataclass(frozen=True)
class Counts:
    """A copy. `answers`: by (tier, outcome, kind of error or ""); `latency`: by tier; `refusals`: by kind of error;
    `requests`: let in, by kind; `lines`: of tables, complete.
    """

    answers: dict[tuple[str, str, str], int]
    latency: dict[str, Latency]
    refusals: dict[str, int]
    requests: dict[str, int]
    lines: int


class Meter:
    """Thread-safe. Tiers are the registry's and kinds of errors those of the error tree, so that there are few of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: Counter[tuple[str, str, str]] = Counter()
        self._latency: dict[str, Latency] = {}
        self._refusals: Counter[str] = Counter()
        self._requests: Counter[str] = Counter()
        self._lines = 0

    def answered(self, result: TierResult, seconds: float | None = None) -> None:
        """A card's or a cell's last word. `seconds`: from its start, where somebody waited for just this answer."""
        if result.error is not None:
            row = (result.tier, "failed", result.error.kind)
        else:
            row = (result.tier, "finished" if result.output is not None else "cancelled", "")
        with self._lock:
            self._answers[row] += 1
            if seconds is not None and result.output is not None:
                self._latency.setdefault(result.tier, Latency()).add(seconds)

    def let_in(self, kind: str) -> None:
        with self._lock:
            self._requests[kind] += 1

    def refused(self, error: PlaygroundError) -> None:
        """Before anything of it was started."""
        with self._lock:
            self._refusals[error.kind] += 1

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Counts what is raised inside, before anything of the request was started."""
        try:
            yield
        except PlaygroundError as error:
            self.refused(error)
            raise

    def line(self, results: Iterable[TierResult]) -> None:
        """A table's line is complete. Its cells are answers too; how long they took in a crowd is no latency."""
        with self._lock:
            self._lines += 1
        for result in results:
            self.answered(result)

    def counts(self) -> Counts:
        with self._lock:
            latency = {tier: row.copy() for tier, row in self._latency.items()}
            return Counts(dict(self._answers), latency, dict(self._refusals), dict(self._requests), self._lines)
