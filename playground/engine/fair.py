"""Whose turn it is, and who can go along: pure decisions of the scheduler. No thread, no clock, no torch.

Users take turns; each user's works wait in the order they came. The one whose turn it is goes first, and works of the
same group fill up its batch, again user by user. Who has just been served goes behind whoever came meanwhile, so that 200
works of one user delay another's single one by the step under way and no more.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterator
from itertools import islice
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
FEW = 4  # works: a visitor's cards of one run, who is to be served at once; with more than that, it is a table


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
        self._served: str | None = None  # whose turn the last step was; he stands behind all others

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[W]:
        for works in list(self._users.values()):
            yield from list(works)

    @property
    def users(self) -> int:
        """How many have something waiting."""
        return len(self._users)

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
        lines = self._lines()
        return lines[0][0] if lines else None

    def take(self, most_rows: int, while_few_wait: int | None = None) -> list[W]:
        """Takes out the next step's batch: the head, however large, and what fits beside it. Nothing while the head is
        not ready.

        A batch has at most `most_rows` rows, all of one length bucket; works that have begun stay together, since they
        share state. First goes one work of each user, then the second of each, and so on; from the second on only up to
        `while_few_wait` rows where somebody with few works waits, who is not to wait for another's table.
        """
        head = self.head()
        if head is None or not head.ready:
            return []
        batch = [head]
        rows, width = head.rows, bucket(head.size)
        lengths = [len(works) for works in self._users.values()]
        hurry = while_few_wait is not None and min(lengths) <= FEW < max(lengths)
        if not head.alone:
            for place, work in self._placed():
                most = min(most_rows, while_few_wait) if hurry and place and while_few_wait else most_rows
                if rows >= most:
                    break
                if work is head or work.alone or not work.ready:
                    continue
                fits = rows + work.rows <= most
                like = work.group == head.group and work.begun == head.begun and bucket(work.size) == width
                if like and fits:
                    batch.append(work)
                    rows += work.rows
        for work in batch:
            self.remove(work)
        if self._served is not None and self._served in self._users:
            self._users.move_to_end(self._served)
        self._served = head.user
        return batch

    def fair_order(self) -> Iterator[W]:
        """One of each user, then the second of each, and so on; the head first."""
        return (work for _, work in self._placed())

    def before(self, user: str, most: int = 32) -> tuple[list[W], float]:
        """The works that go before a new one of this user, each user's first `most` of them; and by how much the list has
        to be stretched for those left out (1.0: none).

        All of the user's own works, and of everybody else as many: one more of those whose turn comes earlier.
        """
        own = len(self._users.get(user, ()))
        shown = min(own, most)
        found: list[W] = []
        mine = False
        for works in self._lines():
            if works[0].user == user:
                mine = True
                found.extend(islice(works, shown))
            else:
                last = mine or (not own and works[0].user == self._served)
                found.extend(islice(works, shown if last else shown + 1))
        return found, (own + 1) / (shown + 1)

    def _lines(self) -> list[deque[W]]:
        """Each user's works, by turn."""
        lines = [works for user, works in self._users.items() if user != self._served]
        served = None if self._served is None else self._users.get(self._served)
        return lines if served is None else [*lines, served]

    def _placed(self) -> Iterator[tuple[int, W]]:
        """The fair order, with each work's place in its own user's line."""
        lines = [list(works) for works in self._lines()]
        for place in range(max(map(len, lines), default=0)):
            for line in lines:
                if place < len(line):
                    yield place, line[place]
