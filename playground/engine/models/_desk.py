"""The texts that a model is writing, side by side: a batch that all share, or each by itself where the model needs that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.engine.writers import READ
from playground.scratch.beams import BeamSearch
from playground.scratch.decoding import Batch, Stream
from playground.scratch.sampling import Rules, Sampling, Step

SPELLED = 8  # tokens before a text that say how its first ones are spelled


class Written:
    """A text by greedy choice or by chance."""

    rows = 1

    def __init__(self, stream: Stream, batch: Batch) -> None:
        self.stream, self.batch = stream, batch
        self.prompt = tuple(stream.ids[-SPELLED:])
        batch.add(stream)

    @property
    def unread(self) -> int:
        return min(READ, self.batch.unread(self.stream))

    @property
    def done(self) -> bool:
        return self.stream.done


class Searched:
    """A text by beams: known when all are done."""

    unread = 1

    def __init__(
        self,
        model: Any,
        prompt: Sequence[int],
        sampling: Sampling,
        stop: frozenset[int],
        rules: Rules | None = None,
    ) -> None:
        self.prompt = tuple(prompt[-SPELLED:])
        self.rows = sampling.beams
        self.done = False
        self._begin = lambda: BeamSearch(model, prompt, sampling, stop, rules)
        self._search: BeamSearch | None = None

    def advance(self) -> Sequence[Step]:
        if self._search is None:
            self._search = self._begin()
        self._search.advance()
        if not self._search.done:
            return ()
        self.done = True
        return list(self._search.steps())


class Desk:
    """model: what `scratch.decoding` asks of one. `shared`: whether texts of different lengths can go through it together."""

    def __init__(self, model: Any, stop: frozenset[int], *, shared: bool = True) -> None:
        self._model, self._stop = model, stop
        self._batch = Batch(model) if shared else None

    def open(self, prompt: Sequence[int], sampling: Sampling) -> Written | Searched:
        if sampling.beams > 1:
            return Searched(self._model, prompt, sampling, self._stop)
        return Written(Stream(prompt, sampling, self._stop), Batch(self._model) if self._batch is None else self._batch)

    def advance(self, opened: Sequence[Written | Searched]) -> list[Sequence[Step]]:
        found: dict[Any, Sequence[Step]] = {}
        turns: dict[Batch, list[Stream]] = {}
        for one in opened:
            if isinstance(one, Searched):
                found[one] = one.advance()
            else:
                turns.setdefault(one.batch, []).append(one.stream)
        for batch, streams in turns.items():
            found |= {stream: [step] for stream, step in batch.step(streams, READ)}
        return [found.get(one if isinstance(one, Searched) else one.stream, ()) for one in opened]

    def close(self, opened: Written | Searched) -> None:
        if isinstance(opened, Written):
            opened.batch.remove(opened.stream)
