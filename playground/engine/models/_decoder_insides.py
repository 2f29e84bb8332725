"""The inside of models that go on with a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from playground.core.attention_types import AnswerKind, Cut, Part, PartName
from playground.core.errors import EmptyInput
from playground.engine.insides import Lens, Question, Seen
from playground.engine.models import _hooks
from playground.engine.models import _transformers as hf
from playground.engine.models._lens import Ends, HubEnds, OwnEnds
from playground.engine.writers import Vocabulary
from playground.inspection.sides import side

MOST_PLACES = (
    64  # tokens of a text that a lens shows, the last ones: each place has a probability for every token there is
)


class Body(Protocol):
    """The module that decodes: one of transformers, or ours. ids: int64 [B, T] on its device."""

    @property
    def part(self) -> Part: ...

    @property
    def device(self) -> Any: ...

    def attend(self, ids: Any) -> Sequence[Any]:
        """ids [1, T] -> of each layer [heads, T, T]."""

    def logits(self, ids: Any, keep: int) -> Any:
        """[B, keep, V], of what follows the last tokens."""

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        """Meanwhile row i goes without cuts[i]. own: which of its tokens are the text's own."""

    def ends(self, ids: Any) -> Ends: ...


class DecoderInsides:
    def __init__(self, vocabulary: Vocabulary, most: int, body: Body) -> None:
        self._vocabulary, self.most, self._body = vocabulary, most, body
        self.parts = (body.part,)

    def read(self, text: str, target: str, most: int) -> Seen:
        vocabulary = self._vocabulary
        begin = list(vocabulary.begin)
        ids, places = vocabulary.encode(text), vocabulary.places(text)
        room = min(most, self.most) - len(begin)
        spans = [*[(0, 0)] * len(begin), *places[:room]]
        row = [*begin, *ids[:room]]
        if not row:
            raise EmptyInput()
        cut = len(ids) > room
        names = vocabulary.names(row)
        tokens = [text[start:end] if start < end else name for name, (start, end) in zip(names, spans, strict=True)]
        special = [*[True] * len(begin), *[False] * len(ids[:room])]
        read = text[: max(end for _, end in spans)] if cut else text
        return Seen((side(read, tokens, spans, row, special),), row, cut, unknown=vocabulary.unknown(text))

    def of_ids(self, ids: Sequence[int]) -> Seen:
        begin = self._vocabulary.begin
        row = [*begin, *ids]
        special = [place < len(begin) for place in range(len(row))]
        return Seen((side("", self._vocabulary.names(row), [(0, 0)] * len(row), row, special),), row)

    def common(self) -> Sequence[int]:
        return self._vocabulary.common()

    def attend(self, seen: Seen) -> Mapping[PartName, Sequence[Any]]:
        return {self._body.part.name: self._body.attend(self._rows(seen, 1))}

    def question(self, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.NEXT, (seen.sides[0].tokens[-1],), self._name)

    def answers(self, seen: Seen, cuts: Sequence[Cut]) -> list[np.ndarray]:
        import torch

        own = [not mark for mark in seen.sides[0].special]
        with torch.inference_mode(), self._body.cut(cuts, own):
            return list(self._body.logits(self._rows(seen, len(cuts)), 1).float().cpu().numpy())

    def lens(self, seen: Seen, names: Sequence[str]) -> Lens:
        import torch

        tokens = seen.sides[0].tokens[-MOST_PLACES:]
        ids = self._rows(seen, 1)
        with torch.inference_mode():
            ends = self._body.ends(ids)

        def at(layer: int) -> np.ndarray:
            with torch.inference_mode(), ends.after(layer):
                found: np.ndarray = self._body.logits(ids, len(tokens))[0].float().cpu().numpy()
            return found

        question = replace(self.question(seen, names), places=tokens)
        return Lens(question, ends.count, at, lens_note(ends, len(tokens), len(seen.sides[0])))

    def _name(self, id_: int) -> str:
        return self._vocabulary.names([id_])[0]

    def _rows(self, seen: Seen, count: int) -> Any:
        import torch

        return torch.tensor([seen.row] * count, device=self._body.device)


def lens_note(ends: Ends, shown: int, tokens: int) -> str:
    less = f"Only what comes after the last {shown} tokens is shown." if shown < tokens else ""
    return f"{less} {ends.note}".strip()


class HubBody:
    """score: ids [B, T] and a number -> logits of so many last tokens at least, as the model itself answers: where adapters share
    the module, it puts the right one in force.
    """

    def __init__(self, module: Any, score: Callable[[Any, int], Any]) -> None:
        self._module, self._score = module, score
        (self.part,) = hf.parts(module)
        self.device = module.device

    def attend(self, ids: Any) -> Sequence[Any]:
        return _hooks.recorded(lambda: self.logits(ids, 1), (self.part,))[self.part.name]

    def logits(self, ids: Any, keep: int) -> Any:
        return self._score(ids, keep)[:, -keep:]

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        return _hooks.without([self._module.get_input_embeddings()], (self.part,), cuts, [own])

    def ends(self, ids: Any) -> Ends:
        return HubEnds(self._module.get_decoder, self.part.layers, lambda: self.logits(ids, 1))


class OwnBody:
    """Of `scratch.gpt.GPT`."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.part = Part(PartName.DECODER, module.config.layers, module.config.heads, causal=True)
        self.device = module.device

    def attend(self, ids: Any) -> Sequence[Any]:
        import torch

        record: list[Any] = []
        with torch.inference_mode():
            self._module.states(ids, record=record)
        return [layer[0] for layer in record]

    def logits(self, ids: Any, keep: int) -> Any:
        return self._module.score(self._module.states(ids)[:, -keep:])

    def cut(self, cuts: Sequence[Cut], own: Sequence[bool]) -> AbstractContextManager[Any]:
        outputs = {(PartName.DECODER, at): block.attention.output for at, block in enumerate(self._module.blocks)}
        return _hooks.without_own(outputs, self.part.heads, [self._module.tokens], cuts, [own])

    def ends(self, ids: Any) -> Ends:
        return OwnEnds(self._module, lambda: self.logits(ids, 1), "states")
