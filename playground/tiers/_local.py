"""What the three local tiers have in common: a checkpoint of the catalog, run by the runtime."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from playground.catalog import Checkpoint
from playground.core.cancel import Cancel
from playground.core.errors import NotSupported, PlaygroundError, UnknownName
from playground.core.events import Emit, Emitter, Event, Failed, Finished
from playground.core.protocols import Handle
from playground.core.task import Task
from playground.core.types import Choice, Request, Support
from playground.tiers.context import TierContext


class _NothingToCancel:
    def cancel(self) -> None:
        pass


class LocalTier:
    """`missing` is the sentence for a task that no checkpoint serves: why, and what would make it work."""

    def __init__(self, name: str, context: TierContext, missing: str) -> None:
        self.name = name
        self._catalog = context.catalog
        self._runtime = context.runtime
        self._missing = missing

    def supports(self, task: Task, session: str = "") -> Support:
        if self._catalog.serving(task.name, self.name):
            return Support(True)
        return Support(False, self._missing.format(task=task.title.lower()))

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        rows = [self._choice(checkpoint) for checkpoint in self._catalog.serving(task.name, self.name)]
        return sorted(rows, key=lambda row: not row.available)  # stable: preference within each half

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel) -> Handle:
        try:
            checkpoint = self._choose(task, request.model)
            call = task.call(self._catalog.ref(checkpoint), request)
        except PlaygroundError as error:
            Emitter(emit)(Failed(error=error))
            return _NothingToCancel()

        def with_provenance(event: Event) -> None:
            # What the runtime cannot know: where the weights came from, and that a local call is not billed.
            if isinstance(event, Finished | Failed):
                stats = dataclasses.replace(event.stats, source=checkpoint.source, model=checkpoint.id)
                if isinstance(event, Finished):
                    stats = dataclasses.replace(stats, cost_usd=0.0)
                event = dataclasses.replace(event, stats=stats)
            emit(event)

        return self._runtime.submit(call, with_provenance, cancel)

    def close(self) -> None:
        """The models are the runtime's."""

    def _choose(self, task: Task, wanted: str | None) -> Checkpoint:
        serving = self._catalog.serving(task.name, self.name)
        if not serving:
            raise NotSupported(self._missing.format(task=task.title.lower()))
        if wanted is None:
            return next((checkpoint for checkpoint in serving if self._catalog.here(checkpoint)), serving[0])
        for checkpoint in serving:
            if checkpoint.id == wanted:
                return checkpoint
        raise UnknownName(f"model for {task.title.lower()} in this tier", wanted, [row.id for row in serving])

    def _choice(self, checkpoint: Checkpoint) -> Choice:
        here = self._catalog.here(checkpoint)
        why_not = (
            ""
            if here
            else f"not on this machine ({checkpoint.size_mb:g} MB): `python -m playground prefetch` fetches it"
        )
        return Choice(checkpoint.id, checkpoint.title, checkpoint.source, here, why_not)
