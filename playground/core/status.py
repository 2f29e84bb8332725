"""What a runtime says of itself: for the Status tab, `/metrics` and whoever asks how long the wait is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from playground.core.types import Resident


class Why(StrEnum):
    """Why a model left memory."""

    ROOM = "room"  # another model needed its place
    OVER_BUDGET = "over budget"  # a load was measured to take more than its estimate
    OUT_OF_MEMORY = "out of memory"  # the device had none left
    OWNER = "owner"  # the owner unloaded it


@dataclass(frozen=True)
class Departure:
    """One eviction. `reason` is a sentence for the owner: what it made room for, and why it was this one."""

    at: datetime
    model: str
    bytes: int
    why: Why
    reason: str


@dataclass(frozen=True)
class LoadRecord:
    """One load that ended. `seconds`: wall time; `error`: its sentence where it failed."""

    at: datetime
    model: str
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class Device:
    """Bytes. `budget`: for resident models; `used`: what they take of it, loads under way included; `free` and `total`: the
    device's own memory as the system tells it; `process`: resident set of this process. `threads`: of one operation.
    """

    name: str
    dtype: str | None
    threads: int | None
    budget: int
    used: int
    free: int
    total: int
    process: int


@dataclass(frozen=True)
class Queue:
    """`running`: calls in the present step; `waiting`: calls for the device; `loading`: calls waiting for a model or its
    memory. `wait_seconds`: what a newcomer would wait for the device; None where nothing has been measured yet.
    """

    running: int = 0
    waiting: int = 0
    loading: int = 0
    wait_seconds: float | None = None


@dataclass(frozen=True)
class Totals:
    """Since the start. `steps` and `rows`: of the device, so rows / steps is the mean batch. `evictions` by reason."""

    hits: int = 0
    misses: int = 0
    loads: int = 0
    failed_loads: int = 0
    load_seconds: float = 0.0
    evictions: tuple[tuple[Why, int], ...] = ()
    steps: int = 0
    rows: int = 0
    step_seconds: float = 0.0


@dataclass(frozen=True)
class RuntimeReport:
    """`departures` and `loads`: the last ones, newest first."""

    device: Device
    residents: tuple[Resident, ...]
    queue: Queue
    totals: Totals
    departures: tuple[Departure, ...] = ()
    loads: tuple[LoadRecord, ...] = ()
