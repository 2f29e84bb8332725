"""A Run as the page sees it: one async generator per Run, whose updates name only the parts that changed."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.core.errors import InputError, InternalError, PlaygroundError
from playground.core.run import RunRecord, TierEvent
from playground.core.task import Task
from playground.service import Playground
from playground.service.table import TableRow
from playground.ui import cards as ui_cards
from playground.ui.session import PageStates, RunToken, TaskState
from playground.ui.streaming import batches
from playground.views import shell
from playground.views.agreement import agreement
from playground.views.announce import announcement
from playground.views.card import card
from playground.views.history import history
from playground.views.html import Html, join
from playground.views.plot import plot
from playground.views.state import CardState, Phase, fold, results_of
from playground.views.table import table

log = logging.getLogger(__name__)

CARD_INTERVAL = 0.04  # seconds between two updates of the cards
TABLE_INTERVAL = 0.2  # a table is long: its updates are fewer
_LINE_BREAK = re.compile(r"\r\n|\r|\n")

Update = dict[str, Html]  # a part's name ("card-hosted", "below", "table", "history", "status") to its new HTML


@dataclass(frozen=True)
class Order:
    """What the browser asks for, checked: it may send anything.

    `models`: only the picked ones. `number`: the browser's count of its runs.
    """

    text: str
    models: Mapping[str, str | None]
    seed: int = 0
    lines: bool = False
    number: int = 0

    @classmethod
    def of(cls, data: Any) -> Order:
        data = data if isinstance(data, dict) else {}
        text, models = data.get("text"), data.get("models")
        picked = {str(tier): str(model) for tier, model in models.items() if model} if isinstance(models, dict) else {}
        text = text if isinstance(text, str) else ""
        return cls(text, picked, _natural(data.get("seed")), data.get("lines") is True, _natural(data.get("number")))

    @property
    def text_lines(self) -> list[str]:
        return [line for line in _LINE_BREAK.split(self.text) if line.strip()]


class TaskRuns:
    """Everything a task's tab does. One per task; the visitors' states are in `pages`."""

    def __init__(self, service: Playground, task: Task, pages: PageStates) -> None:
        self.service, self.task, self.pages = service, task, pages

    # -- the parts of the tab

    def start_page(self) -> Update:
        """The tab before anything ran."""
        states = ui_cards.idle_cards(self.service, self.task)
        return {
            **_cards(states),
            "below": self._below(states),
            "table": Html(""),
            "history": history([], self._titles),
            "status": shell.status(running=False),
        }

    @property
    def _titles(self) -> dict[str, str]:
        return {tier.name: self.service.tier_titles.get(tier.name, tier.name) for tier in self.service.tiers}

    def _below(self, states: tuple[CardState, ...], *, busy: bool = False) -> Html:
        results = results_of(states)
        right = ui_cards.rights(self.task, results, states[0].gold if states else None)
        why = {state.tier: state.trained_on for state in states}
        silent = [state.tier for state in states if state.phase in (Phase.FAILED, Phase.STOPPED)]
        line = agreement(results, self._titles, right=right, trained_on=why, silent=silent, busy=busy)
        return join([line, plot(results, self._titles)])

    def _history(self, session: str) -> Html:
        records = self._records(session)
        right = {record.id: ui_cards.rights(self.task, record.results, record.gold) for record in records}
        return history(records, self._titles, right)

    def _records(self, session: str) -> list[RunRecord]:
        return [record for record in self.service.history(session) if record.task == self.task.name]

    # -- what a visitor does

    async def run(self, order: Order, session: str) -> AsyncGenerator[Update, None]:
        """Cards, or a table where each line runs by itself. A fault of the input is said beside it; the text stays."""
        page = self.pages.of(session, self.task.name)
        token = page.begin()
        try:
            stream = (
                self._table(order, session, page, token) if order.lines else self._cards(order, session, page, token)
            )
            async for update in stream:
                if token.superseded:
                    break
                yield update
        except PlaygroundError as error:
            yield self._refused(page, session, order, str(error))
        except Exception:
            log.exception("a run of %s failed", self.task.name)
            yield self._refused(page, session, order, str(InternalError()))
        if token.superseded:
            yield {}  # Gradio repeats a generator's last update when it ends: let that be none

    def _refused(self, page: TaskState, session: str, order: Order, sentence: str) -> Update:
        """Cards that were waiting stand idle again; the sentence goes beside the input."""
        update: Update = {"status": shell.status(running=False, error=sentence, number=order.number)}
        if any(state.busy for state in page.cards):
            page.cards = ui_cards.idle_cards(self.service, self.task, session)
            update |= _cards(page.cards)
        return update

    async def _cards(
        self, order: Order, session: str, page: TaskState, token: RunToken
    ) -> AsyncGenerator[Update, None]:
        text = self.task.check(order.text, self.service.settings.max_input_chars)
        before = next(iter(self._records(session)), None)
        idle = ui_cards.idle_cards(self.service, self.task, session, order.models)
        page.cards = ui_cards.starting_cards(idle, text, self.task, before, order.models)
        yield {
            **_cards(page.cards),
            "below": self._below(page.cards, busy=True),
            "table": Html(""),
            "status": shell.status(running=True, said=announcement(page.cards), number=order.number),
        }
        events = self.service.run_events(self.task.name, text, session=session, models=order.models, seed=order.seed)
        async for batch in batches(events, token, CARD_INTERVAL):
            old, page.cards = page.cards, self._folded(page.cards, batch)
            update = _cards(page.cards, old)
            finished = any(
                new.phase is not was.phase and not new.busy for new, was in zip(page.cards, old, strict=True)
            )
            if finished:
                update["below"] = self._below(page.cards, busy=any(state.busy for state in page.cards))
                update["status"] = shell.status(running=True, said=announcement(page.cards), number=order.number)
            yield update
        if not token.superseded:
            yield {
                "below": self._below(page.cards),
                "history": self._history(session),
                "status": shell.status(running=False, said=announcement(page.cards), number=order.number),
            }

    def _folded(self, states: tuple[CardState, ...], batch: list[TierEvent]) -> tuple[CardState, ...]:
        for event in batch:
            states = tuple(fold(state, event.event) if state.tier == event.tier else state for state in states)
        return tuple(ui_cards.judged(state, self.task) for state in states)

    async def _table(
        self, order: Order, session: str, page: TaskState, token: RunToken
    ) -> AsyncGenerator[Update, None]:
        lines = order.text_lines
        if not lines:
            self.task.check("", self.service.settings.max_input_chars)  # raises what an empty input raises
        limit = self.service.settings.max_lines
        if len(lines) > limit:
            raise InputError(f"There are {len(lines):,} lines and the limit is {limit:,}: paste fewer at a time.")
        rows: list[TableRow] = []
        page.rows = ()
        yield {
            "table": table([], self._titles, len(lines), busy=True),
            "status": shell.status(running=True, mode="lines", number=order.number),
        }
        events = self.service.run_table(self.task.name, lines, session=session, models=order.models)
        async for batch in batches(events, token, TABLE_INTERVAL):
            rows += batch
            yield {"table": table(rows, self._titles, len(lines), busy=True)}
        if not token.superseded:
            page.rows = tuple(rows)
            said = f"The table is complete: {len(rows)} of {len(lines)} lines."
            yield {
                "table": table(rows, self._titles, len(lines)),
                "status": shell.status(running=False, mode="lines", said=said, number=order.number),
            }

    def open(self, run_id: object, session: str) -> Update:
        """A run of the history, back on its cards. The one in flight ends."""
        page = self.pages.of(session, self.task.name)
        record = self.service.record(session, run_id if isinstance(run_id, int) else -1)
        page.begin()
        models = dict(record.models)
        page.cards = ui_cards.recorded_cards(
            ui_cards.idle_cards(self.service, self.task, session, models), record, self.task
        )
        return {
            **_cards(page.cards),
            "below": self._below(page.cards),
            "table": Html(""),
            "status": shell.opened(record),
        }

    def refresh(self, order: Order, session: str) -> Update:
        """After a key came or went, or for a link's models: pickers and sources anew. Nothing while a run goes on."""
        page = self.pages.of(session, self.task.name)
        if any(state.busy for state in page.cards):
            return {}
        page.cards = ui_cards.idle_cards(self.service, self.task, session, order.models)
        return {**_cards(page.cards), "below": self._below(page.cards)}

    def guarded(self, act: Callable[[], Update]) -> Update:
        """What `act` returns, or its fault as a sentence beside the input."""
        try:
            return act()
        except PlaygroundError as error:
            return {"status": shell.status(running=False, error=str(error), number=-1)}
        except Exception:
            log.exception("the page of %s could not be renewed", self.task.name)
            return {"status": shell.status(running=False, error=str(InternalError()), number=-1)}


def _natural(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _cards(states: tuple[CardState, ...], old: tuple[CardState, ...] | None = None) -> Update:
    """The HTML of the cards, or of those that look different now."""
    update = {}
    for place, state in enumerate(states):
        html = card(state)
        if old is None or (state != old[place] and html != card(old[place])):
            update[f"card-{state.tier}"] = html
    return update
