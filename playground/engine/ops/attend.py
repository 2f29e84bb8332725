"""Where each token of a text looks, in every layer and head of the model that answers, while it goes on answering others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt
from typing import Any
from weakref import WeakSet

import numpy as np

from playground.core.attention_types import AttentionMap, Part, PartMap, PartName
from playground.core.calls import Attend, Call, Look
from playground.core.errors import NotSupported
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.engine.insides import Insides, Seen
from playground.engine.scheduler import Outcome, Work
from playground.engine.writers import left_out
from playground.inspection import heads
from playground.inspection.thumbnails import thumbnails

MOST_BYTES = 64 * 2**20  # of the weights of one answer: of 12 layers of 12 heads it holds 341 tokens
MOST_RECORDED = 256 * 2**20  # of all layers while one text is read: 682 tokens of such a model
MOST_HELD = 512 * 2**20  # recorded and not measured yet, of the looks of all users together
NO_NUMBERS = "This model gets lost in this text (NaN): there is nothing to see. Choose another text, or another model."


def longest(parts: Sequence[Part]) -> int:
    """Tokens whose weights can be recorded: heads (of all parts) times tokens times tokens times 4 bytes.

    >>> longest([Part(PartName.ENCODER, 6, 12)]), longest([Part(PartName.ENCODER, 12, 12)])
    (965, 682)
    """
    return isqrt(MOST_RECORDED // (4 * sum(part.layers * part.heads for part in parts)))


def insides(model: Any, name: str) -> Insides:
    """Raises NotSupported."""
    found: Insides | None = getattr(model, "insides", None)
    if found is None:
        raise NotSupported(f"The model {name} has no attention to show: choose another one to look into.")
    return found


def seen(work: Work) -> Seen:
    """The text of a look, as far as the model reads it and can show it."""
    call = work.call
    assert isinstance(call, Look)
    inside = insides(work.model, call.model.id)
    most = min(call.model.max_length, inside.most, longest(inside.parts))
    return inside.read(call.text, call.target, most)


def note_of(found: Seen) -> str | None:
    """What of the text is not seen."""
    cut = found.note or f"Only the first {len(found.sides[0])} tokens are shown: the text has more."
    said = [cut if found.truncated else "", left_out(found.unknown)]
    return " ".join(filter(None, said)) or None


def known(numbers: np.ndarray) -> np.ndarray:
    """The same. Raises NotSupported where some are NaN: so does a model whose precision a text overflows."""
    if np.isnan(numbers).any():
        raise NotSupported(NO_NUMBERS)
    return numbers


@dataclass(eq=False)
class State:
    """Of one look: what was recorded and is not measured yet, and what is known already. todo: (part, layer) in their order."""

    seen: Seen
    recorded: dict[PartName, list[Any]] = field(default_factory=dict)
    todo: list[tuple[Part, int]] = field(default_factory=list)
    keep: frozenset[tuple[str, int]] = frozenset()
    weights: dict[PartName, dict[int, np.ndarray]] = field(default_factory=dict)
    small: dict[PartName, list[np.ndarray]] = field(default_factory=dict)
    scores: dict[PartName, list[np.ndarray]] = field(default_factory=dict)
    done: int = 0

    @property
    def held(self) -> int:
        """Bytes."""
        left = (weights for layers in self.recorded.values() for weights in layers if weights is not None)
        return sum(weights.numel() * 4 for weights in left)


class AttendOp:
    """The first step reads the text; each one after it measures a layer, so that nobody waits long behind a long text. Where so
    many look at once that memory is short, a step goes on until there is room.
    """

    serves = Attend

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: WeakSet[State] = WeakSet()

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        work.state = State(seen(work))
        work.size = max(len(side) for side in work.state.seen.sides)
        work.alone = True  # its answer is large enough

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._on(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _on(self, work: Work) -> Outcome | None:
        outcome = None
        if work.state.recorded:
            outcome = self._layer(work)
        else:
            self._read(work)
        while outcome is None and self._held() > MOST_HELD:
            outcome = self._layer(work)
        return outcome

    def _held(self) -> int:
        with self._lock:
            return sum(state.held for state in self._begun)

    def _read(self, work: Work) -> None:
        inside, state, call = work.model.insides, work.state, work.call
        assert isinstance(call, Attend)
        state.recorded = {name: list(layers) for name, layers in inside.attend(state.seen).items()}
        state.todo = [(part, layer) for part in inside.parts for layer in range(part.layers)]
        if state.held <= MOST_BYTES:
            state.keep = frozenset((part.name, layer) for part, layer in state.todo)
        else:
            wanted = call.keep or ((inside.parts[0].name, 0),)
            state.keep = frozenset((str(part), layer) for part, layer in wanted)
        for part in inside.parts:
            state.weights[part.name], state.small[part.name], state.scores[part.name] = {}, [], []
        with self._lock:
            self._begun.add(state)

    def _layer(self, work: Work) -> Outcome | None:
        state = work.state
        part, layer = state.todo[state.done]
        weights = known(state.recorded[part.name][layer].float().cpu().numpy())  # [heads, Q, K]
        state.recorded[part.name][layer] = None  # one that is not kept is freed here
        sides = state.seen.sides
        state.small[part.name].append(thumbnails(weights))
        state.scores[part.name].append(heads.scores(weights, part, sides[part.queries], sides[part.keys]))
        if (part.name, layer) in state.keep:
            state.weights[part.name][layer] = weights
        state.done += 1
        if state.done < len(state.todo):
            work.emit(Progress(what="measuring heads", fraction=state.done / len(state.todo)))
            return None
        maps = tuple(
            PartMap(
                part,
                state.weights[part.name],
                np.stack(state.small[part.name]),
                np.stack(state.scores[part.name]),
                heads.even(part, sides[part.queries], sides[part.keys]),
            )
            for part in work.model.insides.parts
        )
        return Outcome(
            output=AttentionMap(sides, maps),
            tokens_in=sum(len(side) for side in sides),
            truncated=state.seen.truncated,
            note=note_of(state.seen),
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


OP = AttendOp()
