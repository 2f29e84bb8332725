"""What a model would say if it ended after each of its layers: a layer a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core.attention_types import LayerLens, LensPlace
from playground.core.calls import Call, LookThrough
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.engine import effects
from playground.engine.insides import Lens, Question
from playground.engine.ops import _look
from playground.engine.ops.attend import known
from playground.engine.scheduler import Outcome, Work


@dataclass
class _State:
    asked: _look.Asked
    lens: Lens | None = None
    question: Question | None = None
    last: np.ndarray = field(default_factory=lambda: np.empty(0))
    layers: list[tuple[LensPlace, ...]] = field(default_factory=list)


class LookThroughOp:
    """The first step reads the text and answers, so that each layer can be compared with the answer."""

    serves = LookThrough

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        work.state = _State(_look.ask(work))

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._begin(work) if work.state.lens is None else self._layer(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _begin(self, work: Work) -> Outcome | None:
        state: _State = work.state
        call = work.call
        assert isinstance(call, LookThrough)
        state.lens = work.model.insides.lens(state.asked.seen, _look.names(work))
        state.question = _look.judged(state.lens.question, call)
        state.last = state.lens.at(state.lens.count - 1)
        _look.check_numbers(state.last, state.question, call)
        return None

    def _layer(self, work: Work) -> Outcome | None:
        state: _State = work.state
        lens, question = state.lens, state.question
        assert lens is not None
        assert question is not None
        at = len(state.layers)
        numbers = state.last if at == lens.count - 1 else known(lens.at(at))
        state.layers.append(effects.lens_places(question, numbers, state.last))
        if at < lens.count - 1:
            work.emit(Progress(what="looking through the layers", fraction=(at + 1) / lens.count))
            return None
        output = LayerLens(question.kind, question.places, tuple(state.layers), lens.note)
        return _look.outcome(work, state.asked, output)


OP = LookThroughOp()
