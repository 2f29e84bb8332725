"""What goes through the device: a work, the operation that does it, and what comes of it. Knows no torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from playground.core.calls import Call
from playground.core.cancel import Cancel
from playground.core.errors import PlaygroundError
from playground.core.events import Event


@dataclass(frozen=True)
class Outcome:
    """What an operation has to say about a finished work: the output, and the stats that only it knows.

    first_token_seconds: from the beginning of the work's first step. tokens_per_second: while it was written. seconds: of a text,
        from the same beginning to its last token, the other works' steps in between included; None: the time of its own steps.
    """

    output: Any
    tokens_in: int | None = None
    tokens_out: int | None = None
    truncated: bool | None = None
    note: str | None = None
    fingerprint: str | None = None
    path: str | None = None
    first_token_seconds: float | None = None
    tokens_per_second: float | None = None
    seconds: float | None = None


@dataclass(eq=False)
class Work:
    """One request on its way through the device. `model` is leased by whoever made it; `state` is the operation's own.

    done: called when the work has left the device; where the device's thread is killed meanwhile, a second time. `late`: its
    time is up while a step still has it; `done` follows after that step. seconds: wall time of the steps it was in.
    `batch`: the rows of its last step.
    """

    call: Call
    op: Op
    model: Any
    cancel: Cancel
    emit: Callable[[Event], object]
    done: Callable[[Work, Outcome | None, PlaygroundError | None], None]
    late: Callable[[PlaygroundError], None] = lambda error: None
    user: str = ""
    group: Hashable = None
    size: int = 0
    rows: int = 1
    ready: bool = False
    begun: bool = False
    alone: bool = False
    retried: bool = False
    state: Any = None
    queued: float = field(default_factory=time.monotonic)
    started: float | None = None
    seconds: float = 0.0
    batch: int = 0


class Op(Protocol):
    """An operation, on the device's thread. `prepare` runs once per work, `step` as often as it takes.

    `step` may change a work's `rows` and `size` for its next one, and emit `Partial` events through `work.emit`.
    """

    def prepare(self, work: Work) -> None:
        """Sets `work.state` (e.g. tokens), `work.size` (tokens per row) and `work.rows`."""

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        """One bounded step for works of one group; None for each that needs another step."""

    def drop(self, work: Work) -> None:
        """Frees what a work that was stopped still holds beyond `work.state`."""
