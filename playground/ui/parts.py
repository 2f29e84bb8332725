"""The parts of a task's tab as HTML. Each is made once for each state it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from playground.core.run import RunRecord
from playground.core.task import Task
from playground.service import Playground
from playground.ui import cards as ui_cards
from playground.views.agreement import agreement
from playground.views.card import card
from playground.views.history import history, history_row
from playground.views.html import Html, join
from playground.views.kinds import view_for
from playground.views.plot import plot
from playground.views.state import Asked, CardState, Phase, results_of
from playground.views.written import more

# A part's name ("card-hosted", "below", "table", "history", "status") to its new HTML; "more-hosted" to what the text on that card
# has grown by.
Update = dict[str, Html]


class Parts:
    """One per task."""

    def __init__(self, service: Playground, task: Task) -> None:
        self._service, self._task = service, task
        self._empty: dict[tuple[str, bool], Html] = {}

    @property
    def titles(self) -> dict[str, str]:
        return {tier.name: self._service.tier_titles.get(tier.name, tier.name) for tier in self._service.tiers}

    def cards(self, states: Iterable[CardState]) -> Update:
        return {f"card-{state.tier}": _card(state) for state in states}

    def card_news(self, before: CardState, after: CardState) -> Update:
        """What the page must hear of a card that it has as it was before: while a text is written what it grew by, and no more."""
        grown = more(before, after) if view_for(after).streams else None
        return self.cards([after]) if grown is None else {f"more-{after.tier}": grown}

    def below(self, states: Sequence[CardState], *, busy: bool = False) -> Html:
        """Agreement and plot of these cards. Before the first answer they are the same for everybody."""
        results = results_of(states)
        silent = [state.tier for state in states if state.phase in (Phase.FAILED, Phase.STOPPED)]
        if not results and not silent:
            return self._nothing_yet(states[0].asked.kind, busy) if states else self._nothing_yet("", busy)
        right = {state.tier: state.right for state in states if state.right is not None}
        why = {state.tier: state.trained_on for state in states}
        titles, one = self.titles, states[0]
        line = agreement(
            results,
            titles,
            right=right,
            trained_on=why,
            silent=silent,
            busy=busy,
            asked=one.asked,
            text=one.input,
            gold=one.gold,
        )
        return join([line, plot(results, titles, one.asked)])

    def _nothing_yet(self, kind: str, busy: bool) -> Html:
        key = (kind, busy)
        if key not in self._empty:
            titles = self.titles
            line = agreement([], titles, busy=busy, asked=Asked(kind))
            self._empty[key] = join([line, plot([], titles, Asked(kind))])
        return self._empty[key]

    def records(self, session: str) -> list[RunRecord]:
        """Newest first."""
        return [record for record in self._service.history(session) if record.task == self._task.name]

    def history(self, session: str) -> Html:
        records = self.records(session)
        return history(records, self.titles, {record.id: self._rights(record) for record in records})

    def history_news(self, session: str) -> Update:
        """After a run: its row alone, which the page puts on top; the whole panel after the first."""
        records = self.records(session)
        if len(records) < 2:
            return {"history": self.history(session)}
        return {"history-row": history_row(records[0], self.titles, self._rights(records[0]))}

    def _rights(self, record: RunRecord) -> dict[str, bool]:
        if record.gold is None:
            return {}
        return ui_cards.rights(self._task.bound(dict(record.values)), record.results, record.gold)


def _card(state: CardState) -> Html:
    """A card that has heard nothing yet looks the same for everybody, whatever it said in the run before and whatever it is
    about; but where it shows its visitor's text or labels it is made anew, and kept by nobody.
    """
    silent = state.phase in (Phase.IDLE, Phase.WAITING) and state.seq < 0
    if not silent or state.asked.own or (state.input and view_for(state).shows_input):
        return card(state)
    return _silent_card(replace(state, previous=None, input="", gold=None))


@lru_cache(maxsize=256)
def _silent_card(state: CardState) -> Html:
    return card(state)
