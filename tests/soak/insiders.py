"""Those who look inside: at attention, at answers without a head, and at grids that they leave in the middle."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import numpy as np

from playground.core.attention_types import Ablated
from playground.core.errors import PlaygroundError
from playground.service import attention_cuts
from playground.service.attention import Order
from tests.soak.models import FAILING
from tests.soak.visitors import TEXTS, Visitor

ENCODER = "encoder"


class Insider(Visitor):
    """At the service, as the attention page does."""

    def actions(self) -> dict[Any, int]:
        return {self.attend: 4, self.ablate: 5, self.grid: 4, self.leave_grid: 3, self.layers: 2, self.close: 1}

    def order(self) -> tuple[str, Order]:
        tier, model = self.random.choice(list(self.models().items()))
        return tier, Order(model or "", self.random.choice(TEXTS))

    async def attend(self) -> None:
        _, order = self.order()
        found = await self.heard(self.desk.look(order, self.page), order)
        if found is None:
            return
        (part,) = found.map.parts
        if np.abs(part.stack().sum(-1) - 1).max() > 1e-4:
            self.violation(f"rows of {order.model} that do not sum to 1")

    async def ablate(self) -> None:
        tier, order = self.order()
        heads = [[ENCODER, self.random.randrange(2), self.random.randrange(2)]]
        found = await self.heard(
            attention_cuts.ablate(self.desk, order, heads, [[0, 1]], self.random.choice(("zero", "mean")), self.page),
            order,
        )
        if found is not None:
            self.as_before(tier, order, found[0])

    async def grid(self, most: int = 99) -> None:
        _, order = self.order()
        await self.heard(self._grid(order, most), order)

    async def leave_grid(self) -> None:
        await self.grid(self.random.randrange(1, 3))

    async def _grid(self, order: Order, most: int) -> None:
        states = attention_cuts.each(self.desk, order, ENCODER, "zero", self.page)
        seen: list[attention_cuts.GridState] = []
        async with aclosing(states):
            async for state in states:
                seen.append(state)
                if len(seen) == most:
                    return
        if not seen or not seen[-1].done or np.isnan(seen[-1].grid.effects).any():
            self.violation(f"a grid of {order.model} that ended before it was full")

    async def layers(self) -> None:
        _, order = self.order()
        found = await self.heard(attention_cuts.layers(self.desk, order, self.page), order)
        if found is not None and len({len(layer) for layer in found.layers}) != 1:
            self.violation(f"layers of {order.model} that say different things")

    @property
    def desk(self) -> Any:
        return self.world.service.attention

    async def heard(self, asked: Any, order: Order) -> Any:
        """What came of it; None where it is an error, which is counted."""
        try:
            found = await asked
        except PlaygroundError as error:
            self.count.errors[error.kind] += 1
            self.presentable(str(error))
            return None
        if order.model in FAILING:
            self.violation(f"{order.model} was looked into")
        return found

    def as_before(self, tier: str, order: Order, found: Ablated) -> None:
        """The answer with nothing switched off is the one that this model gave when it was asked alone."""
        (place,) = found.places
        first = max(place.options, key=lambda option: option.before)
        self.judge(tier, order.model, order.text, first.text, first.before)
