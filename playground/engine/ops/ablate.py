"""A text once more, with some heads or tokens switched off: what that does to the answer."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.attention_types import Ablated, Cut
from playground.core.calls import Ablate, Call
from playground.core.types import ModelRef
from playground.engine import effects
from playground.engine.ops import _look
from playground.engine.scheduler import Outcome, Work


class AblateOp:
    """Both passes are rows of one batch."""

    serves = Ablate

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Ablate)
        work.state = _look.ask(work)
        _look.check(call.cut, work.model.insides.parts, work.state.seen.sides)
        work.rows = 2

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._ablated(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _ablated(self, work: Work) -> Outcome:
        call, asked = work.call, work.state
        assert isinstance(call, Ablate)
        before, after = work.model.insides.answers(asked.seen, [Cut(), call.cut])
        for numbers in (before, after):
            _look.check_numbers(numbers, asked.question, call)
        kind = asked.question.kind
        return _look.outcome(
            work,
            asked,
            Ablated(kind, effects.places(asked.question, before, after), effects.effect(kind, before, after).effect),
        )


OP = AblateOp()
