"""Work for one page that is no Run: let in, counted, and stopped when the page is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playground.core.cancel import Cancel
from playground.core.protocols import Runtime
from playground.service.limits import Limits
from playground.service.meter import Meter
from playground.service.sessions import Sessions


@dataclass(frozen=True)
class During:
    limits: Limits
    meter: Meter
    sessions: Sessions
    runtime: Runtime

    @contextmanager
    def __call__(self, session: str, kind: str, timeout: float | None) -> Iterator[Cancel]:
        """The token of the work. timeout: seconds. Raises ServerFull, TooManyRequests."""
        with self.meter.refusals():
            place = self.limits.admit(session, kind, lambda: self.runtime.expected_wait(session))
        self.meter.let_in(kind)
        token = Cancel(timeout)
        token.on_set(place.give_back)
        try:
            with self.sessions.during(session, token):
                yield token
            place.done()
        finally:
            token.set()
