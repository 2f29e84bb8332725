"""A Run as the page sees it: one async generator per Run, whose updates name only the parts that changed."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence

from playground.core.errors import InputError, InternalError, PlaygroundError
from playground.core.events import LAST, Cancelled
from playground.core.run import TierEvent
from playground.core.task import Task
from playground.service import Playground
from playground.service.table import TableRow
from playground.ui import cards as ui_cards
from playground.ui.order import Order
from playground.ui.parts import Parts, Update
from playground.ui.session import About, Kept, PageStates, RunToken, TaskState
from playground.ui.streaming import batches
from playground.views import shell
from playground.views.announce import announcement
from playground.views.html import Html
from playground.views.state import CardState, fold
from playground.views.table import table

log = logging.getLogger(__name__)

CARD_INTERVAL = 0.04  # seconds between two updates of the cards
TABLE_INTERVAL = 0.2  # a table is long: its updates are fewer


class TaskRuns:
    """Everything a task's tab does. One per task; the visitors' states are in `pages`."""

    def __init__(self, service: Playground, task: Task, pages: PageStates) -> None:
        self.service, self.task, self.pages = service, task, pages
        self.parts = Parts(service, task)

    def start_page(self) -> Update:
        """The tab before anything ran."""
        states = ui_cards.idle_cards(self.service, self.task.bound({}))
        return {
            **self.parts.cards(states),
            "below": self.parts.below(states),
            "table": Html(""),
            "history": self.parts.history(""),
            "status": shell.status(running=False),
        }

    # -- what a visitor does

    async def run(self, order: Order, session: str) -> AsyncGenerator[Update, None]:
        """Cards, or a table where each line runs by itself. A fault of the input is said beside it; the text stays."""
        page = self.pages.of(session, self.task.name)
        token = page.begin()
        before = page.kept()
        try:
            stream = (
                self._table(order, session, page, token) if order.lines else self._cards(order, session, page, token)
            )
            async for update in stream:
                if token.superseded:
                    return
                yield update
        except PlaygroundError as error:
            yield self._refused(page, before, session, order, str(error))
        except Exception:
            log.exception("a run of %s failed", self.task.name)
            yield self._refused(page, before, session, order, str(InternalError()))
        finally:
            if not token.superseded:  # a page that left in the middle, or lost its line, may ask again how it stands
                page.cards = tuple(fold(state, Cancelled()) if state.busy else state for state in page.cards)

    def _refused(self, page: TaskState, before: Kept, session: str, order: Order, sentence: str) -> Update:
        """The sentence goes beside the input. What had been answered before stands again; other cards that waited are idle."""
        field = ui_cards.misfilled(self.task, order.values)
        update: Update = {"status": shell.status(running=False, error=sentence, number=order.number, field=field)}
        waiting = {state.tier for state in page.cards if state.busy}
        none_answered = all(state.tier in waiting or state in before.cards for state in page.cards)
        answered = [state for state in before.cards if state.tier in waiting and not state.busy and none_answered]
        page.cards = _replaced(page.cards, answered)
        page.about |= {state.tier: before.about[state.tier] for state in answered if state.tier in before.about}
        update |= self.parts.cards(answered) | self._abandoned(page, session, order)
        if waiting:
            update["below"] = self._below(page, next(iter(page.about.values()), None))
        if order.lines and before.rows:
            page.rows = before.rows
            update["table"] = table(list(before.rows), self._titles(before.rows), len(before.rows))
        return update

    def _titles(self, rows: Sequence[TableRow]) -> dict[str, str]:
        """Of the tiers that a table has."""
        there = {result.tier for result in rows[0].results}
        return {tier: title for tier, title in self.parts.titles.items() if tier in there}

    def _abandoned(self, page: TaskState, session: str, order: Order, wanted: Sequence[str] = ()) -> Update:
        """Cards that wait for a run that is over, idle again; not those that are about to run."""
        waiting = [state.tier for state in page.cards if state.busy and state.tier not in wanted]
        if not waiting:
            return {}
        idle = ui_cards.idle_cards(self.service, self._shown(order), session, order.models, waiting)
        page.cards = _replaced(page.cards, idle)
        for tier in waiting:
            page.about.pop(tier, None)
        return self.parts.cards(idle)

    def _shown(self, order: Order) -> Task:
        """The task for cards that wait for a Run, which will say what is wrong with its fields."""
        try:
            return self.task.bound(order.values)
        except InputError:
            return self.task.bound({})

    def _wanted(self, order: Order) -> list[str]:
        """The tiers that run. Raises UnknownName, InputError."""
        if order.tiers is None:
            return [tier.name for tier in self.service.tiers]
        if not order.tiers:
            raise InputError("No tier was named: name at least one, or leave “tiers” out to run them all.")
        return [self.service.tiers.get(name).name for name in order.tiers]

    async def _cards(
        self, order: Order, session: str, page: TaskState, token: RunToken
    ) -> AsyncGenerator[Update, None]:
        task = self.task.bound(order.values)
        text = task.check(order.text, self.service.settings.max_input_chars)
        about = (text, task.values)
        wanted = self._wanted(order)
        before = ui_cards.answers_before(self.parts.records(session), wanted)
        if len(page.cards) != len(self.service.tiers):
            page.cards = ui_cards.idle_cards(self.service, task, session, order.models)
            page.about = {}
        abandoned = self._abandoned(page, session, order, wanted)
        idle = ui_cards.idle_cards(self.service, task, session, order.models, wanted)
        starting = ui_cards.starting_cards(idle, text, task, before, order.models)
        page.cards = _replaced(page.cards, starting)
        page.about |= dict.fromkeys(wanted, about)
        shown = self.parts.cards(starting)
        sent = {state.tier: state for state in starting}
        below = self._below(page, about, busy=True)
        yield {
            **abandoned,
            **shown,
            "below": below,
            "table": Html(""),
            "status": self._status(page, wanted, order, running=True),
        }
        events = self.service.run_events(
            self.task.name,
            text,
            session=session,
            models=order.models,
            seed=order.seed,
            tiers=None if order.tiers is None else wanted,
            cancel=token.work,
            values=order.values,
        )
        ended = False
        async for batch in batches(events, token, CARD_INTERVAL, _is_last):
            changed = self._folded(page, batch, task)
            update: Update = {}
            for state in changed:
                for part, html in self.parts.card_news(sent[state.tier], state).items():
                    if shown.get(part) != html:
                        update[part] = shown[part] = html
                sent[state.tier] = state
            if any(_is_last(event) for event in batch):
                ended = not any(state.busy for state in page.cards if state.tier in wanted)
                now = self._below(page, about, busy=not ended)
                if now != below:
                    update["below"] = below = now
                if ended:
                    update |= self.parts.history_news(session)
                update["status"] = self._status(page, wanted, order, running=not ended)
            if update:
                yield update
        if not ended and not token.superseded:  # a tier without a last word is a bug; no card waits for ever
            raise InternalError

    def _below(self, page: TaskState, about: About | None, *, busy: bool = False) -> Html:
        """Compares the answers to this input alone: cards that were left as they are may speak of another."""
        return self.parts.below([state for state in page.cards if page.about.get(state.tier) == about], busy=busy)

    def _status(self, page: TaskState, wanted: list[str], order: Order, *, running: bool) -> Html:
        said = announcement([state for state in page.cards if state.tier in wanted])
        return shell.status(running=running, said=said, number=order.number)

    def _folded(self, page: TaskState, batch: list[TierEvent], task: Task) -> list[CardState]:
        """The cards that this batch is about, after it. `task`: bound, as it was run."""
        changed: dict[str, CardState] = {}
        now = {state.tier: state for state in page.cards}
        for event in batch:
            changed[event.tier] = fold(changed.get(event.tier, now[event.tier]), event.event)
        judged = [ui_cards.judged(state, task) for state in changed.values()]
        page.cards = _replaced(page.cards, judged)
        return judged

    async def _table(
        self, order: Order, session: str, page: TaskState, token: RunToken
    ) -> AsyncGenerator[Update, None]:
        lines, task = order.text_lines, self.task.bound(order.values)
        if not lines:
            task.check("", self.service.settings.max_input_chars)  # raises what an empty input raises
        limit = self.service.settings.max_lines
        if len(lines) > limit:
            raise InputError(f"There are {len(lines):,} lines and the limit is {limit:,}: paste fewer at a time.")
        wanted = self._wanted(order)
        titles = {tier: title for tier, title in self.parts.titles.items() if tier in wanted}
        rows: list[TableRow] = []
        page.rows = ()
        yield {
            **self._abandoned(page, session, order),
            "table": table([], titles, len(lines), busy=True),
            "status": shell.status(running=True, mode="lines", number=order.number),
        }
        events = self.service.run_table(
            self.task.name,
            lines,
            session=session,
            models=order.models,
            tiers=None if order.tiers is None else wanted,
            cancel=token.work,
            values=order.values,
        )
        async for batch in batches(events, token, TABLE_INTERVAL):
            rows += batch
            if len(rows) < len(lines):
                yield {"table": table(rows, titles, len(lines), busy=True)}
        if not token.superseded:
            page.rows = tuple(rows)
            said = f"The table is complete: {len(rows)} of {len(lines)} lines."
            yield {
                "table": table(rows, titles, len(lines)),
                "status": shell.status(running=False, mode="lines", said=said, number=order.number),
            }

    def open(self, run_id: object, session: str) -> Update:
        """A run of the history, back on its cards. The one in flight ends."""
        page = self.pages.of(session, self.task.name)
        record = self.service.record(session, run_id if isinstance(run_id, int) else -1)
        page.begin()
        models, task, about = dict(record.models), self.task.bound(dict(record.values)), (record.text, record.values)
        page.cards = ui_cards.recorded_cards(ui_cards.idle_cards(self.service, task, session, models), record, task)
        page.about = {result.tier: about for result in record.results}
        return {
            **self.parts.cards(page.cards),
            "below": self._below(page, about),
            "table": Html(""),
            "status": shell.opened(record),
        }

    def refresh(self, order: Order, session: str, *, everything: bool = False) -> Update:
        """After a key came or went, or for a link's models: pickers and sources anew. Nothing while a run goes on.

        `everything`: for a page that lost its line: the cards as they stand, none where this server knows of none, and the history.
        """
        page = self.pages.of(session, self.task.name)
        if everything:
            about = next(iter(page.about.values()), None)
            update = {"below": self._below(page, about)} if page.cards else {}
            return {**self.parts.cards(page.cards), **update, "history": self.parts.history(session)}
        if any(state.busy for state in page.cards):
            return {}
        page.cards = ui_cards.idle_cards(self.service, self._shown(order), session, order.models)
        page.about = {}
        return {**self.parts.cards(page.cards), "below": self.parts.below(page.cards)}

    def guarded(self, act: Callable[[], Update]) -> Update:
        """What `act` returns, or its fault as a sentence beside the input."""
        try:
            return act()
        except PlaygroundError as error:
            return {"status": shell.status(running=False, error=str(error), number=-1)}
        except Exception:
            log.exception("the page of %s could not be renewed", self.task.name)
            return {"status": shell.status(running=False, error=str(InternalError()), number=-1)}


def _is_last(event: TierEvent) -> bool:
    return isinstance(event.event, LAST)


def _replaced(states: tuple[CardState, ...], new: list[CardState] | tuple[CardState, ...]) -> tuple[CardState, ...]:
    by_tier = {state.tier: state for state in new}
    return tuple(by_tier.get(state.tier, state) for state in states)
