"""The service: tasks, tiers and sessions behind one object. Small files beside it do the work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playground.catalog import Catalog
from playground.core.cancel import Cancel
from playground.core.cards import ModelCard
from playground.core.credentials import SessionCredentials
from playground.core.protocols import EmbeddingPeek, Gateway, Runtime, Tier, TokenInspector, TokenTrainer
from playground.core.run import RunRecord, TierEvent, Work
from playground.core.status import RuntimeReport
from playground.core.task import Task
from playground.core.types import Choice, Support
from playground.core.words import TIER_TITLES
from playground.service import (
    addresses,
    bench,
    cards,
    choosing,
    examples,
    inside,
    metrics,
    owner,
    run,
    snippets,
    table,
    warm,
)
from playground.service.jobs import Jobs
from playground.service.limits import Limits, Place
from playground.service.meter import Meter
from playground.service.session_parts import SessionParts
from playground.service.sessions import Sessions
from playground.service.table import TableRow
from playground.settings import Settings
from playground.tasks import find_tasks
from playground.tiers import build_tiers
from playground.tiers.context import TierContext


class Playground(SessionParts, inside.InsideParts):
    """Built once by `app.py` or the command line, which choose the runtime and the gateway. Thread-safe."""

    tier_titles = TIER_TITLES

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        runtime: Runtime,
        gateway: Gateway | None,
        inspector: TokenInspector | None = None,
        trainer: TokenTrainer | None = None,
        peek: EmbeddingPeek | None = None,
    ) -> None:
        self.settings = settings
        self.catalog = catalog
        self.runtime = runtime
        self.tasks = find_tasks()
        self._credentials = SessionCredentials()
        self.tiers = build_tiers(TierContext(settings, catalog, runtime, gateway, self._credentials))
        self._gateway = gateway
        self._sessions = Sessions(forgotten=self._forget)
        self.owner = owner.Owner(settings)
        self._meter, self._jobs, self._since = Meter(), Jobs(), datetime.now(UTC)
        self._limits = Limits.of(settings)
        self.furnish(inspector, trainer, peek)

    # -- what there is

    def choices(self, task: str, tier: str, session: str = "") -> list[Choice]:
        """The rows of a card's model picker, the default first."""
        return list(self.tiers.get(tier).choices(self.tasks.get(task), session))

    def support(self, task: str, tier: str, session: str = "") -> Support:
        """Whether the tier can serve the task for this visitor: the hosted one may need a key."""
        return self.tiers.get(tier).supports(self.tasks.get(task), session)

    def model_card(self, task: str, tier: str, model: str | None = None, session: str = "") -> ModelCard:
        return cards.model_card(self.catalog, self.choices(task, tier, session), tier, model)

    def task(self, name: str, values: Mapping[str, str] | None = None) -> Task:
        """The task as these values of its fields make it. Raises UnknownName, and InputError for what is wrong with a value."""
        return self.tasks.get(name).bound(values or {})

    def snippet(
        self,
        task: str,
        tier: str,
        text: str,
        model: str | None = None,
        session: str = "",
        *,
        values: Mapping[str, str] | None = None,
    ) -> str:
        """A Python file that runs this input through this tier; never with a key in it. Raises what `task` raises."""
        return snippets.snippet(self.catalog, self.task(task, values), self.choices(task, tier, session), text, model)

    def warm_up(self) -> None:
        """Loads, in the background, what a first Run with the default choices will use."""
        self.runtime.warm(warm.first_choices(self.catalog, self.tasks, self.tiers))
        if self._gateway is not None:
            self._gateway.start()

    # -- runs

    def start(
        self,
        task: str,
        text: str,
        *,
        session: str,
        emit: Callable[[TierEvent], None],
        models: Mapping[str, str | None] | None = None,
        tiers: Sequence[str] | None = None,
        values: Mapping[str, str] | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> run.RunHandle:
        """Starts all tiers and returns. Raises InputError, UnknownName, ServerFull and TooManyRequests at once; every later fault
        is its card's own event. Setting `cancel` makes room at once: a newer Run is not refused because this one is just ending.
        """
        with self._meter.refusals():
            chosen_task = self.task(task, values)
            checked = chosen_task.check(text, self.settings.max_input_chars)
            chosen_tiers = self._tiers(tiers)
            place = self._admit(session, "run")
        token = (cancel or Cancel()).child(self.settings.deadline)
        token.on_set(place.give_back)

        def done(record: RunRecord) -> None:
            place.done()
            self._sessions.end(session, token, record)

        try:
            self._sessions.begin(session, token)
            return run.start_run(
                self._sessions.next_run_id(),
                chosen_task,
                checked,
                chosen_tiers,
                session=session,
                models=models or {},
                seed=seed,
                emit=emit,
                cancel=token,
                on_done=done,
                on_result=self._meter.answered,
            )
        except BaseException:
            token.set()
            self._sessions.end(session, token)
            raise

    def run_events(
        self,
        task: str,
        text: str,
        *,
        session: str,
        models: Mapping[str, str | None] | None = None,
        tiers: Sequence[str] | None = None,
        values: Mapping[str, str] | None = None,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> AsyncGenerator[TierEvent, None]:
        """The run's events until every card has had its last word; leaving early cancels the rest. Its first step raises what
        `start` raises.
        """
        rest: dict[str, Any] = {"models": models, "tiers": tiers, "values": values, "seed": seed, "cancel": cancel}
        return run.events(lambda emit: self.start(task, text, session=session, emit=emit, **rest))

    async def run_table(
        self,
        task: str,
        lines: Sequence[str],
        *,
        session: str,
        models: Mapping[str, str | None] | None = None,
        tiers: Sequence[str] | None = None,
        values: Mapping[str, str] | None = None,
        cancel: Cancel | None = None,
    ) -> AsyncGenerator[TableRow, None]:
        """All lines with the same values. Raises InputError where those are wrong or there are too many lines, ServerFull and
        TooManyRequests. Leaving early cancels what is left.
        """
        with self._meter.refusals():
            table.check_lines(lines, self.settings.max_lines)
            chosen_task, chosen_tiers = self.task(task, values), self._tiers(tiers)
            place = self._admit(session, "table")
        token = (cancel or Cancel()).child()
        token.on_set(place.give_back)
        try:
            with self._sessions.during(session, token), self._jobs.table(task, len(lines)) as job:
                rows = table.run_table(
                    chosen_task,
                    chosen_tiers,
                    lines,
                    session=session,
                    models=models or {},
                    limit=self.settings.max_input_chars,
                    timeout=self.settings.deadline,
                    cancel=token.child(),  # the table sets it at its end, and that is no cancel
                )
                async with aclosing(rows):
                    async for row in rows:
                        job.advance()
                        self._meter.line(row.results)
                        yield row
            place.done()
        finally:
            token.set()  # off its parent; and whatever is left of it ends

    async def bench(
        self,
        task: str,
        data: Path,
        *,
        tiers: Sequence[str] | None = None,
        model: str | None = None,
        limit: int | None = None,
        values: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> dict[str, Any]:
        """A file of examples through the tiers, as JSON. `model` goes to the tiers that offer it. Raises BadFile, InputError,
        UnknownName.
        """
        chosen = self.tasks.get(task)
        rows = examples.read_examples(data, chosen, limit, self.settings.max_input_chars, values or {})
        names = self.tiers.names() if tiers is None else list(tiers)
        models = self.models_by_tier(task, names, model)
        return await bench.bench(self._tiers(names), rows, models=models, timeout=self.settings.deadline, say=say)

    def models_by_tier(self, task: str, tiers: Sequence[str], model: str | None) -> dict[str, str | None]:
        """One model's name, given to each tier that offers it; the others keep their first choice. Raises UnknownName."""
        return choosing.by_tier({tier: self.choices(task, tier) for tier in tiers}, model)

    def stop(self, session: str) -> None:
        """Cancels whatever this session has in flight."""
        self._sessions.stop(session)

    def _tiers(self, names: Sequence[str] | None) -> list[Tier]:
        """Each once. Raises UnknownName, and InputError where there are none."""
        return choosing.tiers(self.tiers, names)

    def _admit(self, session: str, kind: str) -> Place:
        place = self._limits.admit(session, kind, lambda: self.runtime.expected_wait(session))
        self._meter.let_in(kind)
        return place

    # -- the server

    def report(self) -> RuntimeReport:
        """What the runtime says of itself: no visitor is in it, whoever asks."""
        return self.runtime.report()

    def work(self) -> Work:
        """What is in progress, all visitors together."""
        now = self._limits.in_progress()
        tables = self._jobs.tables()
        return Work(now.get("run", 0), tables, self.settings.max_requests, self._since, now.get("look", 0))

    def metrics(self) -> bytes:
        """In Prometheus' text format. The first call imports prometheus-client."""
        state = metrics.State(self.report(), self._meter.counts(), self._limits.in_progress(), len(self._sessions))
        return metrics.render(state, self.tiers.names())

    def pin(self, key: str, pinned: bool, *, token: str | None = None, address: str | None = None) -> None:
        """Keeps a model in memory, or no longer. `token`: the owner's. Raises NotAllowed, and Busy where the model is gone."""
        self.owner.require(token, address)
        owner.pin(self.runtime, key, pinned)

    def unload(self, key: str | None = None, *, token: str | None = None, address: str | None = None) -> int:
        """Unloads an idle model, or all of them; returns how many. Raises NotAllowed, and Busy where that one is in use."""
        self.owner.require(token, address)
        return owner.unload(self.runtime, key)

    def server_urls(self) -> list[str]:
        """Addresses under which other devices reach this server; none on loopback."""
        return addresses.server_urls(self.settings)

    def close(self) -> None:
        self._sessions.close_all()
        self.training.close_all()
        for tier in self.tiers:
            tier.close()
        if self._gateway is not None:
            self._gateway.close()
        self.runtime.close()
