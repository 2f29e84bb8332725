"""Looking into models behind the service: which can be looked into, and one text seen by one of them. The weights of the last looks
are kept; what is no longer there is looked at again.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from playground.catalog import Catalog, Checkpoint
from playground.core.attention_types import AttentionMap, PartMap
from playground.core.calls import Attend, Call, Extract, Rewrite
from playground.core.cancel import Cancel
from playground.core.errors import InputError, NotHere, NotSupported, UnknownName
from playground.core.events import Cancelled, Failed, Finished, Progress
from playground.core.protocols import Runtime
from playground.core.registry import Registry
from playground.core.streams import aiterate
from playground.core.task import Task, checked_text
from playground.core.types import ModelRef, Request, Source, Stats
from playground.core.writing_task import REWRITERS
from playground.core.writing_types import Writing
from playground.service import attention_snippets
from playground.service.during import During

KEPT_BYTES = 192 * 2**20  # of the weights of the last looks of all pages together
LONG_BYTES = 96 * 2**20  # of the layers of one part of a long text, which are seen one by one
WRITES = 64  # tokens that an encoder-decoder writes for its look, where no text is given
NOT_OBSERVABLE = (
    "A hosted model's attention is not observable: its weights stay with its provider. Choose a model of another tier."
)


@dataclass(frozen=True)
class Inspectable:
    """A model to look into. tasks: those it serves; none for one made to be looked into. writes: whether it makes a text of
    a text, and takes a second one.
    """

    id: str
    title: str
    tier: str
    source: Source
    tasks: tuple[str, ...]
    writes: bool
    available: bool
    why_not: str = ""


@dataclass(frozen=True)
class Order:
    """What is looked at. target: empty, or what an encoder-decoder is to have written."""

    model: str
    text: str
    target: str = ""


@dataclass(frozen=True)
class Looked:
    order: Order
    title: str
    map: AttentionMap
    stats: Stats


class AttentionDesk:
    """Thread-safe. Texts and weights that are kept are found only by who sends the same text again."""

    def __init__(
        self,
        catalog: Catalog,
        runtime: Runtime,
        tasks: Registry[Task],
        during: During,
        *,
        limit: int,
        deadline: float,
    ) -> None:
        """limit: characters of a text. deadline: seconds of a look."""
        self._catalog, self._runtime, self._tasks, self._during = catalog, runtime, tasks, during
        self._limit, self._deadline = limit, deadline
        self._lock = threading.Lock()
        self._kept: OrderedDict[Order, Looked] = OrderedDict()

    # -- what there is

    def models(self) -> list[Inspectable]:
        """In the order of the tiers, then of the catalog. A model of two tiers stands in its first."""
        order = {"pretrained": 0, "finetuned": 1, "scratch": 2}
        rows = [self._row(checkpoint) for checkpoint in self._catalog.checkpoints.values()]
        return sorted(rows, key=lambda row: order[row.tier])

    def given(self, task: str, tier: str, model: str | None, text: str, values: Mapping[str, str]) -> Order:
        """A card's input as its model is given it. Raises NotSupported for the hosted tier, UnknownName, InputError."""
        if tier == "hosted":
            raise NotSupported(NOT_OBSERVABLE)
        bound = self._tasks.get(task).bound(dict(values))
        serving = self._catalog.serving(bound.name, tier)
        here = [one for one in serving if self._catalog.here(one)]
        known = [one for one in serving if one.id == model] if model else [*here, *serving]
        found = next(iter(known), None)
        if found is None:
            raise UnknownName(f"model for {bound.title.lower()} in this tier", model or tier)
        call = bound.call(self._ref(found), Request(text, found.id))
        return Order(found.id, whole(shown_text(call)))

    def of_model(self, name: str) -> Inspectable:
        """Raises UnknownName."""
        return self._row(self._catalog.get(name))

    def _row(self, checkpoint: Checkpoint) -> Inspectable:
        here = self._catalog.here(checkpoint)
        tiers = [serves.tier for serves in checkpoint.serves]
        return Inspectable(
            checkpoint.id,
            checkpoint.title,
            tiers[0] if tiers else "scratch",
            checkpoint.source,
            tuple(dict.fromkeys(serves.task for serves in checkpoint.serves)),
            checkpoint.loader in REWRITERS,
            here,
            "" if here else f"not on this machine ({checkpoint.size_mb:g} MB)",
        )

    # -- a look

    async def look(self, order: Order, session: str) -> Looked:
        """Raises PlaygroundError."""
        order = self.checked(order)
        with self._lock:
            known = self._kept.get(order)
            if known is not None:
                self._kept.move_to_end(order)
        if known is not None:
            return known
        with self._during(session, "look", self._deadline) as cancel:
            if self.of_model(order.model).writes and not order.target:
                order = dataclasses.replace(order, target=await self._written(order, session, cancel))
            return await self._attend(order, (), session, cancel)

    async def layer(self, order: Order, part: str, layer: int, session: str) -> tuple[Looked, PartMap]:
        """With this layer's weights. Raises PlaygroundError."""
        found = await self.look(order, session)
        one = found.map.part(part)
        if one is None or not 0 <= layer < one.part.layers:
            raise InputError("This model has no such layer: choose one of the overview.")
        if layer in one.weights:
            return found, one
        with self._during(session, "look", self._deadline) as cancel:
            found = await self._attend(found.order, ((part, layer),), session, cancel)
        one = found.map.part(part)
        assert one is not None
        return found, one

    async def again(self, looked: Looked, keep: tuple[tuple[str, int], ...], session: str) -> AttentionMap:
        """The same text once more. keep: (part, layer) pairs whose weights are wanted. It is not kept. Raises PlaygroundError."""
        with self._during(session, "look", self._deadline) as cancel:
            found = await self._attended(looked.order, keep, session, cancel)
        if found.map.sides != looked.map.sides:
            raise InputError("The model is another one than before: press Look to see what it reads now.")
        return found.map

    def code(self, order: Order, part: str, layer: int, head: int) -> str:
        """A Python file that makes these weights. Raises PlaygroundError."""
        order = self.checked(order)
        checkpoint = self._catalog.get(order.model)
        return attention_snippets.code(self._catalog, checkpoint, order.text, order.target, part, layer, head)

    async def ask(self, call: Call, session: str) -> Any:
        """The output of a look of another kind: `Ablate`, `LookThrough`, `Repeat`. Raises PlaygroundError."""
        with self._during(session, "look", self._deadline) as cancel:
            return (await self._finished(call, cancel)).output

    async def progress(self, call: Call, session: str) -> AsyncGenerator[Progress | Finished, None]:
        """What a long look knows so far, as often as it says so, and its end. Leaving early stops it. Raises PlaygroundError."""
        with self._during(session, "look", None) as cancel:
            async with aclosing(aiterate(lambda emit: self._runtime.submit(call, emit, cancel))) as events:
                async for event in events:
                    if isinstance(event, Failed):
                        raise event.error
                    if isinstance(event, Progress | Finished):
                        yield event

    async def _written(self, order: Order, session: str, cancel: Cancel) -> str:
        call = Rewrite(self.ref(order.model), session, order.text, Writing(length=WRITES))
        text: str = (await self._finished(call, cancel)).output.text
        return text

    async def _attend(self, order: Order, keep: tuple[tuple[str, int], ...], session: str, cancel: Cancel) -> Looked:
        looked = await self._attended(order, keep, session, cancel)
        self._keep(looked)
        return looked

    async def _attended(self, order: Order, keep: tuple[tuple[str, int], ...], session: str, cancel: Cancel) -> Looked:
        call = Attend(self.ref(order.model), session, order.text, order.target, keep)
        found = await self._finished(call, cancel)
        return Looked(order, self.of_model(order.model).title, found.output, found.stats)

    async def _finished(self, call: Call, cancel: Cancel) -> Finished:
        async with aclosing(aiterate(lambda emit: self._runtime.submit(call, emit, cancel))) as events:
            async for event in events:
                if isinstance(event, Failed):
                    raise event.error
                if isinstance(event, Cancelled):
                    raise InputError("The look was stopped: press Look to see it.")
                if isinstance(event, Finished):
                    return event
        raise AssertionError("a run ends in a last word")

    def _keep(self, looked: Looked) -> None:
        with self._lock:
            self._kept[looked.order] = joined(self._kept.get(looked.order), looked)
            self._kept.move_to_end(looked.order)
            while sum(map(_bytes, self._kept.values())) > KEPT_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)

    # -- what callers make calls of

    def checked(self, order: Order) -> Order:
        """Raises InputError, UnknownName, NotHere."""
        row = self.of_model(order.model)
        if not row.available:
            raise NotHere(f"{row.title} is {row.why_not}: choose another model, or get it with prefetch.")
        text = checked_text(whole(order.text), self._limit)
        target = checked_text(whole(order.target), self._limit) if row.writes and order.target.strip() else ""
        return Order(order.model, text, target)

    def ref(self, model: str) -> ModelRef:
        """Raises UnknownName, NotHere."""
        return self._ref(self._catalog.get(model))

    def _ref(self, checkpoint: Checkpoint) -> ModelRef:
        return self._catalog.ref(checkpoint)


def joined(before: Looked | None, now: Looked) -> Looked:
    """What is known now, and the layers of the same look that were known before: of a long text each is seconds of work."""
    if before is None or before.stats.fingerprint != now.stats.fingerprint or before.map.sides != now.map.sides:
        return now
    parts = []
    for old, new in zip(before.map.parts, now.map.parts, strict=True):
        weights = {**{at: one for at, one in old.weights.items() if at not in new.weights}, **new.weights}
        for layer in list(weights):  # the longest known go first, and never what was asked for now
            if sum(one.nbytes for one in weights.values()) <= LONG_BYTES or layer in new.weights:
                break
            del weights[layer]
        parts.append(dataclasses.replace(new, weights=weights))
    return dataclasses.replace(now, map=dataclasses.replace(now.map, parts=tuple(parts)))


def whole(text: str) -> str:
    """Without lone surrogates, which are no characters: U+FFFD stands for each."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shown_text(call: Call) -> str:
    """What a model reads of a call, as `Look.text` takes it: a question and its context in two lines."""
    if isinstance(call, Extract):
        return f"{call.question}\n{call.context}"
    return str(getattr(call, "text", ""))


def _bytes(looked: Looked) -> int:
    return sum(layer.nbytes for part in looked.map.parts for layer in part.weights.values())
