"""The inside of models that make a text of a text. What they read is side 0; what they wrote, as their decoder reads it, side 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from playground.core.attention_types import AnswerKind, Cut, Part, PartName, Side
from playground.core.errors import EmptyInput, NotSupported
from playground.engine.insides import Lens, Question, Seen
from playground.engine.models import _hooks
from playground.engine.models import _transformers as hf
from playground.engine.models._decoder_insides import MOST_PLACES, lens_note
from playground.engine.models._lens import Ends, HubEnds, OwnEnds
from playground.engine.writers import Vocabulary
from playground.inspection.sides import side

NEXT = "(what comes next)"
NO_TEXTS = "This model reads a text and writes another: choose one that goes on with a text."


@dataclass(frozen=True)
class Pair:
    """Ids of a source and of a target, which begins with the token that each target begins with."""

    source: Sequence[int]
    target: Sequence[int]


class Body(Protocol):
    """The module and how it reads: one of transformers, or ours. source, target: int64 [B, S], [B, T] on its device."""

    @property
    def parts(self) -> tuple[Part, ...]: ...

    @property
    def most(self) -> int:
        """Tokens of a source."""

    @property
    def device(self) -> Any: ...

    def source(self, text: str, most: int) -> tuple[Side, bool]:
        """A source as it is read, and whether it was cut."""

    def target(self, text: str, most: int) -> tuple[Side, bool]: ...

    def attend(self, source: Any, target: Any) -> Mapping[PartName, Sequence[Any]]: ...

    def logits(self, source: Any, target: Any) -> Any:
        """[B, T, V]"""

    def cut(self, cuts: Sequence[Cut], own: Sequence[Sequence[bool]]) -> AbstractContextManager[Any]:
        """Meanwhile row i goes without cuts[i]. own: of each side, which tokens are the text's own."""

    def ends(self, source: Any, target: Any) -> Ends:
        """Of the decoder."""


class RewriterInsides:
    def __init__(self, vocabulary: Vocabulary, body: Body) -> None:
        self._vocabulary, self._body = vocabulary, body
        self.parts, self.most = body.parts, body.most

    def read(self, text: str, target: str, most: int) -> Seen:
        if not text.strip():
            raise EmptyInput()
        read, cut = self._body.source(text, most)
        written, short = self._body.target(target, most)
        note = f"Only the first {len(written)} tokens of what was written are shown: it has more." if short else ""
        if cut:
            note = f"Only the first {len(read)} tokens of the text were read: it has more. {note}".strip()
        return Seen((read, written), Pair(read.ids, written.ids), cut or short, note)

    def of_ids(self, ids: Sequence[int]) -> Seen:
        raise NotSupported(NO_TEXTS)

    def common(self) -> Sequence[int]:
        raise NotSupported(NO_TEXTS)

    def attend(self, seen: Seen) -> Mapping[PartName, Sequence[Any]]:
        return self._body.attend(*self._rows(seen, 1))

    def question(self, seen: Seen, names: Sequence[str]) -> Question:
        return Question(AnswerKind.WRITTEN, (*seen.sides[1].tokens[1:], NEXT), self._name)

    def answers(self, seen: Seen, cuts: Sequence[Cut]) -> list[np.ndarray]:
        import torch

        own = [[not mark for mark in side.special] for side in seen.sides]
        with torch.inference_mode(), self._body.cut(cuts, own):
            return list(self._body.logits(*self._rows(seen, len(cuts))).float().cpu().numpy())

    def lens(self, seen: Seen, names: Sequence[str]) -> Lens:
        import torch

        question = self.question(seen, names)
        places = question.places[-MOST_PLACES:]
        rows = self._rows(seen, 1)
        with torch.inference_mode():
            ends = self._body.ends(*rows)

        def at(layer: int) -> np.ndarray:
            with torch.inference_mode(), ends.after(layer):
                found: np.ndarray = self._body.logits(*rows)[0, -len(places) :].float().cpu().numpy()
            return found

        note = lens_note(ends, len(places), len(question.places))
        return Lens(replace(question, places=places), ends.count, at, note)

    def _name(self, id_: int) -> str:
        return self._vocabulary.names([id_])[0]

    def _rows(self, seen: Seen, count: int) -> tuple[Any, Any]:
        import torch

        source, target = (
            torch.tensor([list(ids)] * count, device=self._body.device) for ids in (seen.row.source, seen.row.target)
        )
        return source, target


class HubBody:
    """longest: tokens of a source; context: of a target. start: what each target begins with. stop: what ends one. enter: called
    before each pass: where adapters share the module, it puts one in force.
    """

    def __init__(self, module: Any, shape: Any, enter: Callable[[], None]) -> None:
        self._module, self._shape, self._enter = module, shape, enter
        self.parts = hf.parts(module)
        self.most, self.device = shape.longest, module.device

    def source(self, text: str, most: int) -> tuple[Side, bool]:
        tokenizer, room = self._shape.tokenizer, min(most, self.most)
        found = hf.spelled(tokenizer, text)
        if len(found) <= room:
            return hf.seen(tokenizer, text, found), False
        found = hf.spelled(tokenizer, text, truncation=True, max_length=room)
        return hf.seen(tokenizer, text[: max(end for _, _, end, _ in found)], found), True

    def target(self, text: str, most: int) -> tuple[Side, bool]:
        """As in training: moved on by one place, without the token that ends it."""
        shape, room = self._shape, min(most, self._shape.context)
        found = hf.spelled(shape.tokenizer, text, target=True)
        while found and found[-1][3] and found[-1][0] in shape.vocabulary.stop:
            del found[-1]
        found.insert(0, (shape.manner.start, 0, 0, True))
        cut = len(found) > room
        found = found[:room]
        read = text[: max(end for _, _, end, _ in found)] if cut else text
        return hf.seen(shape.tokenizer, read, found), cut

    def attend(self, source: Any, target: Any) -> Mapping[PartName, Sequence[Any]]:
        return _hooks.recorded(lambda: self.logits(source, target), self.parts)

    def logits(self, source: Any, target: Any) -> Any:
        import torch

        self._enter()
        return self._module(
            input_ids=source, attention_mask=torch.ones_like(source), decoder_input_ids=target, use_cache=False
        ).logits

    def cut(self, cuts: Sequence[Cut], own: Sequence[Sequence[bool]]) -> AbstractContextManager[Any]:
        sides = (self._module.get_encoder(), self._module.get_decoder())
        return _hooks.without([module.get_input_embeddings() for module in sides], self.parts, cuts, own)

    def ends(self, source: Any, target: Any) -> Ends:
        layers = next(part.layers for part in self.parts if part.name is PartName.DECODER)
        return HubEnds(self._module.get_decoder, layers, lambda: self.logits(source, target))


class OwnBody:
    """Of `scratch.seq2seq.Seq2Seq`."""

    def __init__(self, module: Any, vocabulary: Any) -> None:
        self._module, self._vocabulary = module, vocabulary
        config = module.config
        self.most, self.device = config.source_context, module.device
        self.parts = (
            Part(PartName.ENCODER, config.encoder_layers, config.heads),
            Part(PartName.DECODER, config.layers, config.heads, 1, 1, causal=True),
            Part(PartName.CROSS, config.layers, config.heads, 1, 0),
        )

    def source(self, text: str, most: int) -> tuple[Side, bool]:
        room = max(1, min(most, self.most) - 1)
        return self._side(text, room, (), (self._vocabulary.end,))

    def target(self, text: str, most: int) -> tuple[Side, bool]:
        room = max(0, min(most, self._module.config.context) - 1)
        return self._side(text, room, (self._vocabulary.start,), ())

    def _side(self, text: str, room: int, before: Sequence[int], after: Sequence[int]) -> tuple[Side, bool]:
        """A text's first tokens, with special ones around them."""
        vocabulary = self._vocabulary
        ids, places = vocabulary.encode(text), vocabulary.places(text)[:room]
        cut = len(ids) > room
        names = [vocabulary.names(special) for special in (before, after)]
        none = (0, 0)
        return (
            side(
                text[: max((end for _, end in places), default=0)] if cut else text,
                [*names[0], *(text[start:end] for start, end in places), *names[1]],
                [*[none] * len(before), *places, *[none] * len(after)],
                [*before, *ids[:room], *after],
                [*[True] * len(before), *[False] * len(places), *[True] * len(after)],
            ),
            cut,
        )

    def attend(self, source: Any, target: Any) -> Mapping[PartName, Sequence[Any]]:
        import torch

        found: dict[PartName, list[Any]] = {part.name: [] for part in self.parts}
        with torch.inference_mode():
            sources = self._module.sources(source, _all(source), found[PartName.ENCODER])
            self._module.states(target, record=found[PartName.DECODER], sources=sources, cross=found[PartName.CROSS])
        return {name: [layer[0] for layer in layers] for name, layers in found.items()}

    def logits(self, source: Any, target: Any) -> Any:
        return self._module(source, _all(source), target)

    def cut(self, cuts: Sequence[Cut], own: Sequence[Sequence[bool]]) -> AbstractContextManager[Any]:
        module = self._module
        outputs = {(PartName.ENCODER, at): block.attention.output for at, block in enumerate(module.encoder.blocks)}
        for at, block in enumerate(module.blocks):
            outputs[PartName.DECODER, at], outputs[PartName.CROSS, at] = block.attention.output, block.cross.output
        return _hooks.without_own(outputs, module.config.heads, [module.tokens, module.tokens], cuts, own)

    def ends(self, source: Any, target: Any) -> Ends:
        return OwnEnds(self._module, lambda: self.logits(source, target), "states")


def _all(source: Any) -> Any:
    import torch

    return torch.ones_like(source, dtype=torch.bool)
