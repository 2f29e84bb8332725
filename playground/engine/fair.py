"""Whose turn it is, and who can go along: pure decisions of the scheduler. No thread, no clock, no torch.

Users take turns; each user's works wait in the order they came. The one whose turn it is goes first, and works of the
same group fill up its batch, again user by user. So 200 works of one user delay another's single one by at most a step.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    """`group`: works of equal groups may share a step. `ready`: its `size` (tokens per row) and `rows` are known.
    `begun`: it has been in a step and keeps state there (a generator's stream). `alone`: it wants no company.
    """

    user: str
    ready: bool
    group: Hashable
    size: int
    rows: int
    begun: bool
    alone: bool


W = TypeVar("W", bound=Queued)

SMALLEST = 16  # tokens; below it, padding costs nothing worth a second batch


def bucket(size: int) -> int:
    """The power of two a length is padded to at most, so that at least half of every row is text.

    >>> [bucket(n) for n in (1, 16, 17, 32, 33)]
    [16, 16, 32, 32, 64]
    """
    return max(SMALLEST, 1 << (max(1, size) - 1).bit_length())


class FairQueue(Generic[W]):
    """Works by user, users by turn."""

    def __init__(self) -> None:
        self._users: OrderedDict[str, deque[W]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[W]:
        for works in list(self._users.values()):
            yield from list(works)

    def put(self, work: W) -> None:
        self._users.setdefault(work.user, deque()).append(work)
        self._count += 1

    def remove(self, work: W) -> bool:
        """False where it was not there."""
        works = self._users.get(work.user)
        if works is None or work not in works:
            return False
        works.remove(work)
        self._count -= 1
        if not works:
            del self._users[work.user]
        return True

    def head(self) -> W | None:
        """The oldest work of the user whose turn it is."""
        return next(iter(self._users.values()))[0] if self._users else None

    def take(self, most_rows: int) -> list[W]:
        """Takes out the next step's batch: the head, however large, and what fits beside it. Nothing while the head is
        not ready.

        A batch has at most `most_rows` rows, all of one length bucket; works that have begun stay together, since they
        share state.
        """
        head = self.head()
        if head is None or not head.ready:
            return []
        batch = [head]
        rows, width = head.rows, bucket(head.size)
        if not head.alone:
            for work in self.fair_order():
                if rows >= most_rows:
                    break
                if work is head or work.alone or not work.ready:
                    continue
                fits = rows + work.rows <= most_rows
                like = work.group == head.group and work.begun == head.begun and bucket(work.size) == width
                if like and fits:
                    batch.append(work)
                    rows += work.rows
        for work in batch:
            self.remove(work)
        if head.user in self._users:
            self._users.move_to_end(head.user)
        return batch

    def fair_order(self) -> Iterator[W]:
        """One of each user, then the second of each, and so on; the head first."""
        lines = [list(works) for works in self._users.values()]
        for place in range(max(map(len, lines), default=0)):
            for line in lines:
                if place < len(line):
                    yield line[place]


class Pace:
    """How many rows a step may have, by group and length bucket, learned from what steps took.

    A step should end within `target` seconds, or within twice what a single row takes where that is longer: another
    user's request waits for one step and then takes part in the next, so it is answered within about four times its
    idle latency, whoever else is here. Within that the limit doubles while it is used up, and shrinks in proportion.
    """

    def __init__(self, most: int, target: float, first: int = 8) -> None:
        self._most, self._target, self._first = most, target, min(first, most)
        self._limit: OrderedDict[Hashable, int] = OrderedDict()
        self._single: dict[Hashable, float] = {}

    def limit(self, group: Hashable, size: int) -> int:
        return self._limit.get((group, bucket(size)), self._first)

    def learn(self, group: Hashable, size: int, rows: int, seconds: float) -> None:
        key = (group, bucket(size))
        limit = self._limit.pop(key, self._first)
        if rows == 1:
            self._single[key] = 0.7 * self._single.get(key, seconds) + 0.3 * seconds
        allowed = max(self._target, 2 * self._single.get(key, 0.0))
        if seconds > allowed and rows > 1:
            limit = max(1, int(rows * allowed / seconds))
        elif seconds <= allowed and rows >= limit:
            limit = min(self._most, 2 * limit)
        self._limit[key] = limit
        if len(self._limit) > 256:  # groups of models long gone
            self._single.pop(self._limit.popitem(last=False)[0], None)
