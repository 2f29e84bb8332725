"""What steps took, and what follows: how many rows the next one may have, and how long the queue will take. Pure.

Rows of one group (a model) and one length bucket take alike. Their seconds per row fall as a batch grows, until the
device is busy; there is nothing to win beyond that knee, and everybody else's wait to lose.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from statistics import median_low
from typing import TypeVar

from playground.engine.fair import FairQueue, Queued, bucket

PATIENCE = 3.0  # a step may take so many times what a single row does, so that the next user is answered within 5 times
HURRY = 1.5  # the same where somebody with a single request waits beside another's table
KNEE = 1.05  # more rows must make each cheaper than this, or the batch is large enough
SHORTEST = 0.01  # seconds: steps below it delay nobody
TRIES = 3  # steps of a size before it is judged
STALE = 32  # steps of a kind after which a size that was not among them is forgotten
KEPT = 5  # of the last steps of a size the median counts: one step that was disturbed does not

W = TypeVar("W", bound=Queued)
Key = tuple[Hashable, int]


class _Rows:
    """Seconds per row of one kind of rows, by the batch's size in powers of two: 1, 2-3, 4-7, ...

    Company makes no row dearer: where a larger batch was slower a row, the machine was busy elsewhere. A size is judged after
    `TRIES` steps of it, and what was not seen for `STALE` steps is forgotten, so that one bad hour decides nothing for good.
    """

    def __init__(self) -> None:
        self.samples: dict[int, deque[float]] = {}
        self.per_row: dict[int, float] = {}
        self._seen: dict[int, int] = {}
        self._steps = 0

    def learn(self, rows: int, seconds: float) -> None:
        size = rows.bit_length()
        self._steps += 1
        self._seen[size] = self._steps
        self.samples.setdefault(size, deque(maxlen=KEPT)).append(seconds / rows)
        for stale in [known for known, step in self._seen.items() if self._steps - step > STALE]:
            del self._seen[stale], self.samples[stale]
        cheapest = float("inf")
        self.per_row = {}
        for known in sorted(self.samples):
            cheapest = min(cheapest, median_low(self.samples[known]))
            self.per_row[known] = cheapest

    def seconds(self, rows: int) -> float:
        """Expected for a step; never less than for one with fewer rows. Sizes not tried yet take as the next smaller one."""
        size = rows.bit_length()
        below = [known for known in self.per_row if known <= size]
        like = max(below) if below else min(self.per_row)
        larger = [2 ** (known - 1) * each for known, each in self.per_row.items() if known > size]
        smaller = [(2**known - 1) * each for known, each in self.per_row.items() if known < size]
        return max([min([rows * self.per_row[like], *larger]), *smaller])

    def knee(self) -> int:
        """The batch from which on rows get no cheaper, as far as is known; else the next larger one, to be tried."""
        judged = [size for size, samples in self.samples.items() if len(samples) >= TRIES] or [min(self.samples)]
        best = min(self.per_row[size] for size in judged)
        enough = min(size for size in judged if self.per_row[size] <= KNEE * best)
        largest = max(judged)
        return int(2 ** (largest + 1 if enough == largest else enough)) - 1


class Pace:
    """most: rows of a step at most; `shortest`: seconds below which a step may stay whatever a single row takes;
    `first`: rows of up to 32 tokens in a step of which nothing is known.
    """

    def __init__(self, most: int, shortest: float = SHORTEST, first: int = 8) -> None:
        self._most, self._shortest, self._first = most, shortest, min(first, most)
        self._known: OrderedDict[Key, _Rows] = OrderedDict()
        self._mean: float | None = None  # seconds per row of everything, for kinds that are new

    @property
    def mean(self) -> float | None:
        """Seconds per row, of all that was done of late; None before the first step."""
        return self._mean

    def learn(self, group: Hashable, size: int, rows: int, seconds: float) -> None:
        key = (group, bucket(size))
        self._known.setdefault(key, _Rows()).learn(rows, seconds)
        self._known.move_to_end(key)
        if len(self._known) > 256:  # kinds of models long gone
            self._known.popitem(last=False)
        each = seconds / rows
        self._mean = each if self._mean is None else 0.8 * self._mean + 0.2 * each

    def limit(self, group: Hashable, size: int, patience: float = PATIENCE) -> int:
        """Most rows of the next step. A step of many rows takes at most `patience` times what one row does, and no more
        rows than make each of them cheaper. What a row takes alone is tried once, where steps are long enough to matter.
        """
        known = self._known.get((group, bucket(size)))
        if known is None:
            return max(1, self._first * 32 // max(32, bucket(size)))
        single = known.per_row.get(1)
        if single is None and known.seconds(self._first) > self._shortest:
            return 1
        allowed = max(self._shortest, patience * (single or 0.0))
        most = min(self._most, known.knee())
        while most > 1 and known.seconds(most) > allowed:
            most -= 1
        return most

    def seconds(self, group: Hashable, size: int, rows: int) -> float | None:
        """What so many rows will take, in as many steps as they need; None before the first step of all."""
        known = self._known.get((group, bucket(size)))
        if known is None:
            return None if self._mean is None else rows * self._mean
        limit = max(1, self.limit(group, size))
        full, rest = divmod(rows, limit)
        return full * known.seconds(limit) + (known.seconds(rest) if rest else 0.0)

    def of_step(self, works: Iterable[Queued]) -> float | None:
        """What a batch will take in one step."""
        works = list(works)
        known = self._known.get((works[0].group, bucket(works[0].size)))
        rows = sum(work.rows for work in works)
        if known is None:
            return None if self._mean is None else rows * self._mean
        return known.seconds(rows)


def turn_in(queue: FairQueue[W], pace: Pace, user: str) -> tuple[int, float | None]:
    """How many works go before a new one of this user, and the seconds they will take; None before the first step.

    Counts what a turn-taking queue lets pass, not all that waits. Works that share a step are counted together. It is an
    upper bound for a newcomer that can go along with the next batch.
    """
    works, stretch = queue.before(user)
    count = round(len(works) * stretch)
    if pace.mean is None:
        return count, None
    rows: dict[Key, int] = {}
    seconds = 0.0
    for work in works:
        if work.ready:
            key = (work.group, bucket(work.size))
            rows[key] = rows.get(key, 0) + work.rows
        else:  # not looked at yet: its length is unknown
            seconds += work.rows * pace.mean
    seconds += sum(pace.seconds(group, size, number) or 0.0 for (group, size), number in rows.items())
    return count, seconds * stretch
