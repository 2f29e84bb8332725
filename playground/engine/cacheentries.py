"""The plain data that the cache's policy decides on: entries and their states, what a request needs, what to do next."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum

Key = Hashable


class State(StrEnum):
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"  # in use, but takes no new leases: it leaves when the last one is given back
    UNLOADING = "unloading"


@dataclass
class Entry:
    """`leases` counts claims too: whoever waits for a load already holds his share of it. `abandoned`: it is unloading
    because its load is being given up, and until that is done its parent cannot leave. `excess`: it drains because memory is
    over the budget, whoever else comes and goes.
    """

    key: Key
    parent: Key | None
    bytes: int
    state: State = State.LOADING
    leases: int = 0
    children: int = 0
    pinned: bool = False
    abandoned: bool = False
    excess: bool = False
    load_seconds: float = 0.0
    credit: float = 0.0  # H
    used: int = 0  # tick of the last use

    @property
    def stays(self) -> bool:
        """Whether its parent has to stay for it; what is being unloaded leaves first anyway."""
        return self.state is not State.UNLOADING or self.abandoned

    @property
    def rank(self) -> tuple[float, int]:
        """The lowest leaves first: least worth, ties by least recent use."""
        return (self.credit, self.used)


@dataclass(frozen=True)
class Need:
    """One entry that a request wants, with the bytes it is estimated to take."""

    key: Key
    parent: Key | None
    bytes: int


@dataclass(frozen=True)
class Admitted:
    """All is claimed; `load` are the new entries, parents first."""

    load: tuple[Need, ...]


@dataclass(frozen=True)
class Evict:
    """Unload these (children first; they are marked `unloading`), then ask again. `missing`: bytes that were not free."""

    victims: tuple[Key, ...]
    missing: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something is released or gone."""


def in_words(size: int) -> str:
    """Bytes for people: `in_words(3 * 2**20)` is "3 MB"."""
    if size >= 2**30:
        return f"{size / 2**30:.1f} GB"
    if size >= 2**20:
        return f"{size / 2**20:.0f} MB"
    return f"{size / 2**10:.0f} kB" if size >= 2**10 else f"{size} bytes"
