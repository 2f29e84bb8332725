"""One run of one input through several tiers, as it is kept, compared and exported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from playground.core.errors import PlaygroundError
from playground.core.events import Event
from playground.core.fields import Values
from playground.core.types import Answer, Gold, Source, Stats, output_json


@dataclass(frozen=True)
class TierEvent:
    """An event of one card."""

    tier: str
    event: Event


@dataclass(frozen=True)
class TierResult:
    """A card's last word: an output, an error, or neither where the visitor stopped it.

    written: of a text that has no output, what was there of it in the end.
    """

    tier: str
    model: str | None
    output: Answer | None
    stats: Stats
    error: PlaygroundError | None = None
    written: str = ""

    @property
    def cancelled(self) -> bool:
        return self.output is None and self.error is None

    @property
    def compared(self) -> bool:
        """Whether it counts in agreement and rankings: an answer, and not the stand-in's."""
        return self.output is not None and self.stats.source is not Source.STAND_IN

    def json(self) -> dict[str, Any]:
        """The documented JSON of one result; `written` stands in it where a text broke off."""
        broken_off = {"written": self.written} if self.written else {}
        return {
            "tier": self.tier,
            "source": self.stats.source,
            "model": self.stats.model or self.model,
            "revision": self.stats.revision,
            "fingerprint": self.stats.fingerprint,
            "output": None if self.output is None else output_json(self.output),
            **broken_off,
            "stats": self.stats.json(),
            "error": self._error_json(),
        }

    def _error_json(self) -> dict[str, str] | None:
        if self.error is not None:
            return {"kind": self.error.kind, "message": str(self.error)}
        return {"kind": "cancelled", "message": self.stopped} if self.cancelled else None

    @property
    def stopped(self) -> str:
        """What is said of a result that the visitor stopped."""
        return "Stopped: this is what was written." if self.written else "Stopped before it answered."


@dataclass(frozen=True)
class RunRecord:
    """`models`: the model asked for by tier (None: its first choice). `gold`: the true answer where the input is an example.
    `values`: of the task's fields, where it has any, defaults filled in.
    """

    id: int
    at: datetime
    task: str
    text: str
    models: tuple[tuple[str, str | None], ...]
    results: tuple[TierResult, ...]
    gold: Gold | None = None
    seed: int = 0
    values: Values = ()

    def result(self, tier: str) -> TierResult | None:
        return next((result for result in self.results if result.tier == tier), None)

    def json(self) -> dict[str, Any]:
        values = {"values": dict(self.values)} if self.values else {}
        return {"task": self.task, "input": self.text, **values, "results": [result.json() for result in self.results]}


@dataclass(frozen=True)
class TableProgress:
    """A table under way: how many of its lines are complete. Whose it is and what it reads is nobody else's business."""

    task: str
    done: int
    lines: int


@dataclass(frozen=True)
class Work:
    """What the service has in progress, all visitors together. `looks`: into models. `limit`: the most requests (runs,
    tables and looks) at once; `since`: the server's start.
    """

    runs: int = 0
    tables: tuple[TableProgress, ...] = ()
    limit: int | None = None
    since: datetime | None = None
    looks: int = 0
