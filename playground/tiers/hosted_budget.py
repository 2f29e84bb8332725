"""What visitors of a public server may spend of the owner's key. In memory: a restart begins a new budget."""

from __future__ import annotations

import threading

from playground.core.errors import NotAllowed


class Budget:
    """Money is reserved before a call, for the most it can cost, and settled after it. Thread-safe."""

    def __init__(self, per_visitor: float, in_all: float) -> None:
        self._per_visitor = per_visitor
        self._in_all = in_all
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}  # with what is reserved
        self._spent_in_all = 0.0

    def left(self, visitor: str) -> float:
        """USD, never negative."""
        with self._lock:
            return self._left(visitor)

    def reserve(self, visitor: str, usd: float) -> Reservation:
        """Raises NotAllowed where it is more than is left."""
        with self._lock:
            if usd > self._left(visitor):
                raise NotAllowed("The budget for visitors is used up: paste a key of your own for live answers.")
            self._add(visitor, usd)
        return Reservation(self, visitor, usd)

    def _settle(self, visitor: str, reserved: float, usd: float) -> None:
        with self._lock:
            self._add(visitor, usd - reserved)

    def _left(self, visitor: str) -> float:
        return max(0.0, min(self._per_visitor - self._spent.get(visitor, 0.0), self._in_all - self._spent_in_all))

    def _add(self, visitor: str, usd: float) -> None:
        self._spent[visitor] = self._spent.get(visitor, 0.0) + usd
        self._spent_in_all += usd
        if self._spent[visitor] <= 1e-12:  # sessions come and go; who spent nothing is not remembered
            del self._spent[visitor]


class Reservation:
    """Settled once: the first word counts."""

    def __init__(self, budget: Budget, visitor: str, usd: float) -> None:
        self._budget = budget
        self._visitor = visitor
        self._usd = usd
        self._open = True

    def charge(self, usd: float | None) -> None:
        """None: nobody knows what the endpoint will bill, so the whole reservation is charged."""
        self._settle(self._usd if usd is None else usd)

    def release(self) -> None:
        """The endpoint did no work."""
        self._settle(0.0)

    def _settle(self, usd: float) -> None:
        if self._open:
            self._open = False
            self._budget._settle(self._visitor, self._usd, usd)
