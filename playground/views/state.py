"""What a card knows: one frozen state per card, changed only by folding events into it.

A card's last word is final: whatever comes after it changes nothing, nor does an event older than one already seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from playground.core.errors import NotSupported
from playground.core.events import Cancelled, Event, Failed, Finished, Loading, Partial, Progress, Queued
from playground.core.reading_types import Choices, ExtractedAnswer
from playground.core.run import TierResult
from playground.core.task import Label
from playground.core.types import Choice, Gold, MultiLabels, Source, Stats
from playground.core.writing_types import WrittenToken

REMOTE = frozenset({Source.LIVE, Source.LOCAL_SERVER, Source.RECORDED, Source.STAND_IN})


SHORT_NAME = 12  # characters of a label that stand on one line of a card in the largest type


class Phase(StrEnum):
    IDLE = "idle"
    UNSUPPORTED = "unsupported"
    WAITING = "waiting"
    LOADING = "loading"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


BUSY = frozenset({Phase.WAITING, Phase.LOADING, Phase.RUNNING})
LAST_PHASES = frozenset({Phase.DONE, Phase.FAILED, Phase.STOPPED, Phase.UNSUPPORTED})


@dataclass(frozen=True)
class Asked:
    """What a task's answers are like, known before there is one: so an empty card has the height of a full one.

    kind: of the output to expect, which chooses its view; empty where nobody knows.
    noun: what one labelled stretch of a text is called, and its plural. every_word: each word has exactly one label.
    own: the labels, or the context, are this visitor's: a card that shows them is for nobody else.
    context: the text beside a question that the answer is quoted from.
    continues: whether the answer goes on where the text ends. details: whether each token's probability is wanted.
    """

    kind: str = ""
    labels: tuple[Label, ...] = ()
    noun: tuple[str, str] = ("stretch", "stretches")
    every_word: bool = False
    own: bool = False
    context: str = ""
    continues: bool = False
    details: bool = False

    @property
    def long_names(self) -> bool:
        """Whether a headline needs room for more than a short word."""
        return self.kind in (MultiLabels.kind, ExtractedAnswer.kind, Choices.kind) or any(
            len(label.name) > SHORT_NAME for label in self.labels
        )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.labels)


NOTHING_KNOWN = Asked()


@dataclass(frozen=True)
class CardState:
    """`model` None: the first choice. `fraction` in 0..1, None where nobody can tell. `text`: what has streamed in so far,
    `tokens` its tokens where their details came with it.

    input: the text that the answer is about; empty before the first run.
    gold: the true answer where the input is an example. right: whether the output is it; None too where they cannot be compared.
    trained_on: what the chosen model was trained on, where its card says so.
    ahead, seconds: while it waits, how many stand before it and how long that should take, each where it is known.
    previous: the same card's output in the run before, for the marks of what changed.
    """

    tier: str
    number: int
    title: str
    choices: tuple[Choice, ...] = ()
    asked: Asked = NOTHING_KNOWN
    model: str | None = None
    phase: Phase = Phase.IDLE
    what: str = ""
    fraction: float | None = None
    ahead: int | None = None
    seconds: float | None = None
    input: str = ""
    text: str = ""
    tokens: tuple[WrittenToken, ...] = ()
    output: Any = None
    stats: Stats = Stats()
    error: str = ""
    gold: Gold | None = None
    right: bool | None = None
    previous: Any = None
    seq: int = -1
    trained_on: str = ""

    @property
    def busy(self) -> bool:
        return self.phase in BUSY

    @property
    def choice(self) -> Choice | None:
        """The chosen row of the picker; the first where none is chosen or the chosen one is gone."""
        first = self.choices[0] if self.choices else None
        return next((choice for choice in self.choices if choice.id == self.model), first)

    @property
    def source(self) -> Source | None:
        """Where the answer came from; before there is one, where it will come from."""
        return self.stats.source or (self.choice.source if self.choice else None)

    @property
    def stand_in(self) -> bool:
        return self.source is Source.STAND_IN

    @property
    def remote(self) -> bool:
        """Whether the answer goes over the wire: then tokens are counted and memory is not ours."""
        return self.source in REMOTE


def waiting(
    state: CardState, *, model: str | None, gold: Gold | None, input: str = "", previous: Any = None
) -> CardState:
    """The card at the start of a run of `input`."""
    if state.phase is Phase.UNSUPPORTED:
        return state
    return replace(
        state,
        model=model,
        gold=gold,
        input=input,
        previous=previous,
        phase=Phase.WAITING,
        what="",
        fraction=None,
        ahead=None,
        seconds=None,
        text="",
        tokens=(),
        output=None,
        stats=Stats(),
        error="",
        right=None,
        seq=-1,
    )


def fold(state: CardState, event: Event) -> CardState:
    """The state after an event."""
    if state.phase in LAST_PHASES or (0 <= event.seq <= state.seq):
        return state
    state = replace(state, seq=max(state.seq, event.seq))
    match event:
        case Finished(output=output, stats=stats):
            return replace(
                state, phase=Phase.DONE, output=output, stats=stats, fraction=None, what="", ahead=None, seconds=None
            )
        case Failed(error=error, stats=stats):
            return replace(
                state,
                phase=_without_answer(error),
                error=str(error),
                stats=stats,
                fraction=None,
                what="",
                ahead=None,
                seconds=None,
            )
        case Cancelled():
            return replace(state, phase=Phase.STOPPED, fraction=None, what="", ahead=None, seconds=None)
        case Queued(ahead=ahead, seconds=seconds):
            return replace(state, phase=Phase.WAITING, ahead=ahead, seconds=seconds, fraction=None, what="")
        case Loading(what=what, fraction=fraction):
            return replace(state, phase=Phase.LOADING, what=what, fraction=_clamped(fraction), ahead=None, seconds=None)
        case Progress(what=what, fraction=fraction):
            return replace(state, phase=Phase.RUNNING, what=what, fraction=_clamped(fraction), ahead=None, seconds=None)
        case Partial(delta=delta, tokens=tokens):
            return replace(
                state,
                phase=Phase.RUNNING,
                what="Writing",
                fraction=None,
                text=state.text + delta,
                tokens=state.tokens + tokens,
                ahead=None,
                seconds=None,
            )
        case _:
            return state


def _without_answer(error: Exception | None) -> Phase:
    """A tier that cannot serve a task has said why, and has not failed."""
    if error is None:
        return Phase.STOPPED
    return Phase.UNSUPPORTED if isinstance(error, NotSupported) else Phase.FAILED


def with_result(state: CardState, result: TierResult) -> CardState:
    """The card of a run that is over, as it is kept in the history."""
    phase = Phase.DONE if result.output is not None else _without_answer(result.error)
    error = "" if result.error is None else str(result.error)
    kept = {"model": result.model, "phase": phase, "output": result.output, "stats": result.stats, "error": error}
    return replace(state, text=result.written, **kept)


def result_of(state: CardState) -> TierResult | None:
    """What a finished card says, for the lines below the cards; None while it has nothing to say."""
    if state.phase is not Phase.DONE:
        return None
    return TierResult(state.tier, state.model, state.output, state.stats)


def results_of(states: Sequence[CardState]) -> list[TierResult]:
    return [result for state in states if (result := result_of(state)) is not None]


def _clamped(fraction: float | None) -> float | None:
    return None if fraction is None else min(1.0, max(0.0, fraction))
