"""Words for the gaps of one text, or of two to compare: every gap by itself, in the windows that hold them, a few a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core import gaps
from playground.core.calls import Call, Fill
from playground.core.errors import InputError, NotSupported
from playground.core.reading_types import Choices, Filling, Weighed
from playground.core.types import ModelRef
from playground.engine.inputs import EncodedGaps
from playground.engine.models._gaps import Words
from playground.engine.scheduler import Outcome, Work

TOKENS = 256  # of one call in a step; a single window may have more
WEIGHED = 5  # of the likeliest words of either first gap, that are weighed in both


@dataclass
class _State:
    """rows: of the text, then of the other one; `own`: how many are the text's. shares: of each gap done, float64 [words]."""

    rows: list[EncodedGaps]
    own: int
    shares: list[np.ndarray] = field(default_factory=list)
    next: list[EncodedGaps] = field(default_factory=list)
    done: int = 0

    def plan(self) -> None:
        """As many of the rows that are left as a step may have; at least one."""
        self.next, tokens = [], 0
        for row in self.rows[self.done :]:
            tokens += row.tokens
            if self.next and tokens > TOKENS:
                break
            self.next.append(row)


class FillOp:
    serves = Fill

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Fill)
        if not hasattr(model, "gap_runner"):
            raise NotSupported(f"The model {call.model.id} fills no gaps: choose a masked language model.")
        if not gaps.count(call.text):
            raise InputError("Write [MASK] where a word is missing.")
        own = model.reader.rows(call.text, call.model.max_length)
        other = model.reader.rows(call.other, call.model.max_length) if gaps.count(call.other) else []
        work.state = _State([*own, *other], len(own))
        self._plan(work)

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        rows = [(work.model, row) for work in works for row in work.state.next]
        logits = iter(works[0].model.gap_runner.logits(rows))
        return [self._took(work, [next(logits) for _ in work.state.next]) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _plan(self, work: Work) -> None:
        work.state.plan()
        part = work.state.next
        work.rows, work.size = len(part), max(row.tokens for row in part)

    def _took(self, work: Work, logits: Sequence[np.ndarray]) -> Outcome | None:
        """logits: [gaps, V] of each row of this step."""
        state = work.state
        state.shares += [work.model.gap_words.shares(gap) for row in logits for gap in row]
        state.done += len(state.next)
        if state.done < len(state.rows):
            self._plan(work)
            return None
        return _outcome(work)


def _outcome(work: Work) -> Outcome:
    call, state, words = work.call, work.state, work.model.gap_words
    assert isinstance(call, Fill)
    count = sum(len(row.gaps) for row in state.rows[: state.own])
    here, there = state.shares[:count], state.shares[count:]
    masks = _fillings(call.text, here, words, call.most)
    other = _fillings(call.other, there, words, call.most) if there else ()
    weighed = _weighed(here[0], there[0], words) if there else ()
    wanted = tuple(words.together(gap, some) for gap, some in zip(here, call.wanted, strict=False))
    tokens = [row.tokens for row in state.rows if row.truncated]
    return Outcome(
        output=Choices(masks[0], masks, other, call.other if there else "", weighed, wanted, "computed"),
        tokens_in=sum(row.tokens for row in state.rows),
        truncated=bool(tokens),
        note=f"Each gap was filled from the {max(tokens)} tokens around it: the text is longer." if tokens else None,
        fingerprint=work.model.identity.fingerprint,
        path=work.model.path,
    )


def _fillings(text: str, shares: Sequence[np.ndarray], words: Words, most: int) -> tuple[tuple[Filling, ...], ...]:
    """For each gap its likeliest words. In the text of each, the other gaps hold their own likeliest one."""
    each = [words.best(gap, most) for gap in shares]
    best = [words.shown[places[0]] for places in each]
    return tuple(
        tuple(
            Filling(
                words.shown[place],
                float(gap[place]),
                gaps.passage(text, [*best[:at], words.shown[place], *best[at + 1 :]], at),
            )
            for place in places
        )
        for at, (gap, places) in enumerate(zip(shares, each, strict=True))
    )


def _weighed(here: np.ndarray, there: np.ndarray, words: Words) -> tuple[Weighed, ...]:
    """The likeliest words of either gap in both; those that differ most first."""
    places = {*words.best(here, WEIGHED), *words.best(there, WEIGHED)}
    rows = [Weighed(words.shown[place], float(here[place]), float(there[place])) for place in places]
    return tuple(sorted(rows, key=lambda row: (-abs((row.here or 0) - (row.there or 0)), row.token)))


OP = FillOp()
