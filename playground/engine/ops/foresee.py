"""How well a model that writes foresees a text: one window of it a step, each token told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.core.calls import Call, Foresee
from playground.core.errors import EmptyInput, NotSupported
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.core.writing_types import Foreseen
from playground.engine.scheduler import Outcome, Work

LONG = 3  # windows after which a visitor is told how far it is


@dataclass
class _State:
    """windows: [begin, end) of the tokens, and how many of them are new; `next`: the one that is read next."""

    ids: list[int]
    windows: list[tuple[int, int, int]]
    next: int = 0
    bits: float = 0.0


class ForeseeOp:
    serves = Foresee

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        from playground.scratch.foresight import windows

        call, model = work.call, work.model
        assert isinstance(call, Foresee)
        if not hasattr(model, "foreseen"):
            raise NotSupported(f"The model {call.model.id} does not say how well it foresees a text: choose a decoder.")
        ids = [*model.vocabulary.begin, *model.vocabulary.encode(call.text)]
        if not ids or not call.text:
            raise EmptyInput()
        work.state = _State(ids, list(windows(len(ids), model.context)))
        work.size = self._size(work.state)

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._read(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _read(self, work: Work) -> Outcome | None:
        state: _State = work.state
        if state.windows:  # none where the first token is all there is
            begin, end, new = state.windows[state.next]
            state.bits += work.model.foreseen(state.ids[begin:end], new)
        state.next += 1
        count = len(state.windows)
        if state.next < count:
            if state.next >= LONG:
                work.emit(Progress(what=f"read {state.next} of {count} windows", fraction=state.next / count))
            work.size = self._size(state)
            return None
        call = work.call
        assert isinstance(call, Foresee)
        unknown = work.model.vocabulary.unknown(call.text)
        return Outcome(
            output=Foreseen(state.bits, len(call.text.encode("utf-8", "surrogatepass"))),
            tokens_in=len(state.ids),
            truncated=False,
            note="The model does not know all characters of this text: they were left out." if unknown else None,
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )

    def _size(self, state: _State) -> int:
        if not state.windows:
            return 1
        begin, end, _ = state.windows[state.next]
        return end - begin


OP = ForeseeOp()
