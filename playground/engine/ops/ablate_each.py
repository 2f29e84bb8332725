"""A text once for each head of a part, that head switched off: what each does to the answer. A batch of heads a step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playground.core.attention_types import AblationGrid, Cut, Head, Part
from playground.core.calls import AblateEach, Call
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.engine import effects
from playground.engine.ops import _look
from playground.engine.ops.attend import known
from playground.engine.scheduler import Outcome, Work

SHORT = 0.2  # seconds that a step should take
TOKENS = 1500  # of all rows of a step, however fast
NUMBERS = 2**22  # of the answers of a step: of models that say how likely every token is, and at many places


@dataclass
class _State:
    """done: heads, of `part`'s, layer by layer. row: seconds that a row of the last step took."""

    asked: _look.Asked
    part: Part
    before: np.ndarray
    effects: np.ndarray
    drops: np.ndarray
    changed: np.ndarray
    done: int = 0
    row: float = 0.0

    @property
    def count(self) -> int:
        return self.part.layers * self.part.heads


class AblateEachOp:
    """The first step answers as always."""

    serves = AblateEach

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, AblateEach)
        asked = _look.ask(work)
        part = _look.part_of(work.model.insides.parts, call.part)
        shape = (part.layers, part.heads)
        nothing = np.full(shape, np.nan, np.float32)
        work.state = _State(asked, part, np.empty(0), nothing, nothing.copy(), np.zeros(shape, bool))

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._begin(work) if not work.state.before.size else self._go_on(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _begin(self, work: Work) -> Outcome | None:
        state: _State = work.state
        (state.before,) = self._answers(work, [Cut()])
        assert isinstance(work.call, AblateEach)
        _look.check_numbers(state.before, state.asked.question, work.call)
        work.rows = self._rows(state)
        return None

    def _rows(self, state: _State) -> int:
        """Of the next step."""
        most = min(TOKENS // state.asked.tokens, NUMBERS // state.before.size, int(SHORT / max(state.row, 1e-6)))
        return min(max(1, most), state.count - state.done)

    def _answers(self, work: Work, cuts: Sequence[Cut]) -> list[np.ndarray]:
        started = time.monotonic()
        found: list[np.ndarray] = work.model.insides.answers(work.state.asked.seen, cuts)
        work.state.row = (time.monotonic() - started) / len(cuts)
        return found

    def _go_on(self, work: Work) -> Outcome | None:
        state, call = work.state, work.call
        assert isinstance(call, AblateEach)
        part = state.part
        places = [divmod(number, part.heads) for number in range(state.done, state.done + work.rows)]
        cuts = [Cut((Head(part.name, layer, head),), instead=call.instead) for layer, head in places]
        kind = state.asked.question.kind
        for place, after in zip(places, self._answers(work, cuts), strict=True):
            found = effects.effect(kind, state.before, known(after))
            state.effects[place], state.drops[place], state.changed[place] = found.effect, found.drop, found.changed
        state.done += len(places)
        grid = AblationGrid(
            part.name, kind, state.effects.copy(), state.drops.copy(), state.changed.copy(), call.instead
        )
        if state.done == state.count:
            return _look.outcome(work, state.asked, grid)
        what = f"switched off {state.done} of {state.count} heads"
        work.emit(Progress(what=what, fraction=state.done / state.count, so_far=grid))
        work.rows = self._rows(state)
        return None


OP = AblateEachOp()
