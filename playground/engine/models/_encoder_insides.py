"""The inside of models that read a text with an encoder: whatever stands on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from playground.core.attention_types import Cut, Part, PartName, Side
from playground.core.errors import NotSupported
from playground.engine.insides import Lens, Question, Seen
from playground.engine.models import _hooks
from playground.engine.models._forms import Form
from playground.engine.models._lens import Ends, HubEnds, OwnEnds
from playground.inspection.sides import side

NO_TEXTS = "This model reads texts, no tokens by themselves: choose one that writes."
AROUND = "Only {} tokens around the first gap are shown: the text has more."


class Body(Protocol):
    """The encoder: one of transformers, or ours. row: what the model's own `encode` gives."""

    @property
    def part(self) -> Part: ...

    def attend(self, row: Any) -> Sequence[Any]:
        """Of each layer [heads, T, T]."""

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        """Meanwhile row i of a pass goes without cuts[i]. own: which of its tokens are the text's own."""

    def ends(self, row: Any) -> Ends: ...


class EncoderInsides:
    """model: with `encode` and `pieces`, and whatever its form asks."""

    def __init__(self, model: Any, form: Form, body: Body, most: int) -> None:
        self._model, self._form, self._body, self.most = model, form, body, most
        self.parts = (body.part,)

    def read(self, text: str, target: str, most: int) -> Seen:
        row = self._model.encode(text, most)
        tokens, spans = self._model.pieces(text, most)
        read = side(text, tokens, spans, row.inputs["input_ids"])
        note = AROUND.format(len(read)) if row.truncated and _begins_later(read) else ""
        return Seen((read,), row, row.truncated, note)

    def of_ids(self, ids: Sequence[int]) -> Seen:
        raise NotSupported(NO_TEXTS)

    def common(self) -> Sequence[int]:
        raise NotSupported(NO_TEXTS)

    def attend(self, seen: Seen) -> Mapping[PartName, Sequence[Any]]:
        return {self._body.part.name: self._body.attend(seen.row)}

    def question(self, seen: Seen, names: Sequence[str]) -> Question:
        return self._form.question(self._model, seen, names)

    def answers(self, seen: Seen, cuts: Sequence[Cut]) -> list[np.ndarray]:
        with self._body.cut(cuts, [not mark for mark in seen.sides[0].special]):
            return self._form.numbers(self._model, [seen.row] * len(cuts))

    def lens(self, seen: Seen, names: Sequence[str]) -> Lens:
        ends = self._body.ends(seen.row)

        def at(layer: int) -> np.ndarray:
            with ends.after(layer):
                return self._form.numbers(self._model, [seen.row])[0]

        return Lens(self.question(seen, names), ends.count, at, ends.note)


def _begins_later(read: Side) -> bool:
    """Whether something stands in the text before the first token that was read."""
    first = next((start for (start, _), special in zip(read.spans, read.special, strict=True) if not special), 0)
    return bool(read.text[:first].strip())


class HubBody:
    """trunk: the module that reads just now; another one may a moment later. run: a pass of it over some rows' inputs."""

    def __init__(self, part: Part, trunk: Callable[[], Any], run: Callable[[Any], Any]) -> None:
        self.part, self._trunk, self._run = part, trunk, run

    def attend(self, row: Any) -> Sequence[Any]:
        return _hooks.recorded(lambda: self._run(row), (self.part,))[self.part.name]

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        return _hooks.without([self._trunk().get_input_embeddings()], (self.part,), cuts, [own])

    def ends(self, row: Any) -> Ends:
        return HubEnds(self._trunk, self.part.layers, lambda: self._run(row))


class OwnBody:
    """Of `scratch.model`: an encoder in a module with a head, and what makes a pass of it over a row, with a list to record in."""

    def __init__(self, module: Any, run: Callable[[Any, list[Any]], Any]) -> None:
        self._module, self._run = module, run
        self.part = Part(PartName.ENCODER, module.config.layers, module.config.heads)

    def attend(self, row: Any) -> Sequence[Any]:
        record: list[Any] = []
        self._run(row, record)
        return [layer[0] for layer in record]

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        encoder = self._module.encoder
        outputs = {(PartName.ENCODER, at): block.attention.output for at, block in enumerate(encoder.blocks)}
        return _hooks.without_own(outputs, self.part.heads, [encoder.embeddings.tokens], cuts, [own])

    def ends(self, row: Any) -> Ends:
        return OwnEnds(self._module.encoder, lambda: self._run(row, []))
