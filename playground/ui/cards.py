"""From the service to card states: empty cards, cards at the start of a run, cards of a run in the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from playground.core.errors import InputError, PlaygroundError
from playground.core.extract_task import CONTEXT
from playground.core.reading_types import Choices, ExtractedAnswer
from playground.core.run import RunRecord, TierResult
from playground.core.task import Task, example_of
from playground.core.types import Gold, Spans
from playground.service import Playground
from playground.views.state import Asked, CardState, Phase, waiting, with_result

Models = Mapping[str, str | None]


def asked_of(task: Task) -> Asked:
    """What a card must know of its task before there is an answer."""
    labels = tuple(task.labels)
    if task.kind == Spans.kind:
        return Asked(task.kind, labels, task.noun, task.every_word)
    if task.writing is not None:
        return Asked(task.kind, continues=task.continues, details=task.writing.details)
    own = task.values != task.bound({}).values
    if task.kind == ExtractedAnswer.kind:
        return Asked(task.kind, own=own, context=dict(task.values)[CONTEXT])
    known = bool(labels) or task.kind == Choices.kind  # words to choose from, or all there are
    return Asked(task.kind if known else "", labels, own=own)


def idle_cards(
    service: Playground,
    task: Task,
    session: str = "",
    models: Models | None = None,
    tiers: Sequence[str] | None = None,
) -> tuple[CardState, ...]:
    """A card per tier, or per one of `tiers`, in their order; one that cannot serve the task says why."""
    asked = asked_of(task)
    states = []
    for number, tier in enumerate(service.tiers, 1):
        if tiers is not None and tier.name not in tiers:
            continue
        title = service.tier_titles.get(tier.name, tier.name)
        support = service.support(task.name, tier.name, session)
        choices = tuple(service.choices(task.name, tier.name, session))  # also where a key would make it serve the task
        model = (models or {}).get(tier.name)
        told = trained_on(service, task, tier.name, model, session) if choices else ""
        state = CardState(tier.name, number, title, choices, asked, model=model, trained_on=told)
        states.append(state if support.yes else replace(state, phase=Phase.UNSUPPORTED, error=support.reason))
    return tuple(states)


def answers_before(records: Iterable[RunRecord], tiers: Sequence[str]) -> dict[str, Any]:
    """By tier, its output in the newest of these runs (newest first) that it took part in."""
    found: dict[str, Any] = {}
    for record in records:
        found = {result.tier: result.output for result in record.results if result.tier in tiers} | found
        if len(found) == len(tiers):
            break
    return found


def starting_cards(
    states: Sequence[CardState], text: str, task: Task, before: Mapping[str, Any], models: Models
) -> tuple[CardState, ...]:
    """`before`: by tier, the answer that the new one is compared with."""
    gold = gold_of(task, text)
    return tuple(
        waiting(state, model=models.get(state.tier), gold=gold, input=text, previous=before.get(state.tier))
        for state in states
    )


def recorded_cards(states: Sequence[CardState], record: RunRecord, task: Task) -> tuple[CardState, ...]:
    """The cards of a run that is over."""
    models = dict(record.models)
    cards = []
    for state in states:
        result = record.result(state.tier)
        state = replace(state, model=models.get(state.tier), gold=record.gold, input=record.text)
        cards.append(judged(state if result is None else with_result(state, result), task))
    return tuple(cards)


def judged(state: CardState, task: Task) -> CardState:
    """With whether the answer is right, where that is known and the two can be compared."""
    if state.phase is not Phase.DONE or state.gold is None:
        return state
    return replace(state, right=task.matches(state.output, state.gold))


def gold_of(task: Task, text: str) -> Gold | None:
    """The true answer, where this text is an example of the bound task, and what its fields hold is the example's."""
    example = example_of(task, text)
    return None if example is None else example.gold


def misfilled(task: Task, values: Mapping[str, str]) -> str:
    """The field without whose value the others would do, so that the fault is said beside it; empty where there is no fault."""

    def fits(values: Mapping[str, str]) -> bool:
        try:
            task.bound(values)
        except InputError:
            return False
        return True

    if fits(values):
        return ""
    names = [field.name for field in task.fields]
    without = ({key: value for key, value in values.items() if key != name} for name in names)
    return next((name for name, rest in zip(names, without, strict=True) if fits(rest)), names[0] if names else "")


def rights(task: Task, results: Sequence[TierResult], gold: Gold | None) -> dict[str, bool]:
    """By tier, for the answers that are there and can be compared; nothing without a true answer."""
    if gold is None:
        return {}
    verdicts = {result.tier: task.matches(result.output, gold) for result in results if result.output is not None}
    return {tier: verdict for tier, verdict in verdicts.items() if verdict is not None}


def trained_on(service: Playground, task: Task, tier: str, model: str | None, session: str) -> str:
    """What the model was trained on, where its card says so."""
    try:
        return service.model_card(task.name, tier, model, session).trained_on or ""
    except PlaygroundError:
        return ""
