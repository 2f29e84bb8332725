"""Switching parts of a model off, as the page asks for it: what the browser names is looked for in the look itself."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.core.attention_types import (
    Ablated,
    AblationGrid,
    AttentionMap,
    Cut,
    Head,
    Instead,
    LayerLens,
    PartName,
    Token,
)
from playground.core.calls import Ablate, AblateEach, LookThrough
from playground.core.errors import InputError, PlaygroundError
from playground.core.events import Finished
from playground.service.attention import AttentionDesk, Looked, Order

MOST = 4096  # heads, and tokens, that one request may name
EVERY = 0.08  # seconds between two states of a grid
MOST_NAMED = 3  # heads whose removal changes the answer, and of which it is asked what it is then
NO_SUCH_HEAD = "This model has no such head: choose one of the board."
NO_SUCH_TOKEN = "The text has no such token: choose one that is shown."  # noqa: S105
NO_SUCH_PART = "This model has no such attention: choose one of its own."
NO_SUCH_STAND_IN = "What is switched off becomes zero or the mean of this text: choose one of the two."
TOO_MUCH = f"More than {MOST} heads or tokens are switched off at once: choose fewer."
ENDED = "The grid was stopped before it was full: start it again."


@dataclass(frozen=True)
class GridState:
    """What is known of a grid so far. done: no more comes. changes: once it is done, for a few of the heads whose removal changes
    the answer, (layer, head), what came of it.
    """

    grid: AblationGrid
    done: bool = False
    changes: tuple[tuple[tuple[int, int], Ablated], ...] = ()


def cut(heads: Sequence[Any], tokens: Sequence[Any], instead: str, found: AttentionMap) -> Cut:
    """heads: [part, layer, head] each, tokens: [side, place] each, both counted from 0, as a browser sent them: anything at all.

    Raises InputError.
    """
    if len(heads) > MOST or len(tokens) > MOST:
        raise InputError(TOO_MUCH)
    return Cut(
        tuple(sorted({_head(row, found) for row in heads})),
        tuple(sorted({_token(row, found) for row in tokens})),
        stand_in(instead),
    )


def stand_in(name: str) -> Instead:
    """Raises InputError."""
    try:
        return Instead(name)
    except ValueError:
        raise InputError(NO_SUCH_STAND_IN) from None


def part_name(name: str, found: AttentionMap) -> PartName:
    """Raises InputError."""
    one = found.part(name)
    if one is None:
        raise InputError(NO_SUCH_PART)
    return one.part.name


def _head(row: Any, found: AttentionMap) -> Head:
    match row:
        case [str(name), int(layer), int(head)]:
            one = found.part(name)
            if one is not None and 0 <= layer < one.part.layers and 0 <= head < one.part.heads:
                return Head(one.part.name, int(layer), int(head))
    raise InputError(NO_SUCH_HEAD)


def _token(row: Any, found: AttentionMap) -> Token:
    match row:
        case [int(side), int(place)] if 0 <= side < len(found.sides) and 0 <= place < len(found.sides[side]):
            return Token(int(side), int(place))
    raise InputError(NO_SUCH_TOKEN)


async def ablate(
    desk: AttentionDesk, order: Order, heads: Sequence[Any], tokens: Sequence[Any], instead: str, session: str
) -> tuple[Ablated, Cut]:
    """The answer without them. Nothing switched off is allowed: before and after are the same. Raises PlaygroundError."""
    looked = await desk.look(order, session)
    chosen = cut(heads, tokens, instead, looked.map)
    return await _ablated(desk, looked, chosen, session), chosen


async def _ablated(desk: AttentionDesk, looked: Looked, chosen: Cut, session: str) -> Ablated:
    order = looked.order
    found: Ablated = await desk.ask(Ablate(desk.ref(order.model), session, order.text, order.target, chosen), session)
    return found


async def each(
    desk: AttentionDesk, order: Order, part: str, instead: str, session: str
) -> AsyncGenerator[GridState, None]:
    """A grid as it fills, at most every `EVERY` seconds. Leaving early stops it. Raises PlaygroundError."""
    looked = await desk.look(order, session)
    order = looked.order
    chosen, other = part_name(part, looked.map), stand_in(instead)
    call = AblateEach(desk.ref(order.model), session, order.text, order.target, chosen, other)
    last, full = -EVERY, None
    async with aclosing(desk.progress(call, session)) as events:
        async for event in events:
            if isinstance(event, Finished):
                full = event.output
            elif isinstance(event.so_far, AblationGrid) and time.monotonic() - last >= EVERY:
                last = time.monotonic()
                yield GridState(event.so_far)
    if full is None:
        raise InputError(ENDED)
    yield GridState(full)
    yield GridState(full, True, await _changes(desk, looked, full, session))


async def _changes(
    desk: AttentionDesk, looked: Looked, grid: AblationGrid, session: str
) -> tuple[tuple[tuple[int, int], Ablated], ...]:
    """Where few heads change the answer, what each of them makes of it. Nothing where the server has no time for it."""
    places = [(int(layer), int(head)) for layer, head in np.argwhere(grid.changed)]
    if not 0 < len(places) <= MOST_NAMED:
        return ()
    try:
        return tuple(
            [
                (place, await _ablated(desk, looked, Cut((Head(grid.part, *place),), (), grid.instead), session))
                for place in places
            ]
        )
    except PlaygroundError:
        return ()


async def layers(desk: AttentionDesk, order: Order, session: str) -> LayerLens:
    """Raises PlaygroundError."""
    order = (await desk.look(order, session)).order
    found: LayerLens = await desk.ask(LookThrough(desk.ref(order.model), session, order.text, order.target), session)
    return found
