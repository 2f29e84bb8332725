"""The texts that an encoder-decoder is making of others: each source is read once, and then a text is written of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from playground.engine.models._desk import Desk, Searched, Written
from playground.scratch.decoding import Batch, Stream
from playground.scratch.sampling import Rules, Sampling, Step


class Sourced:
    """A text of a source. Nothing is computed before its first turn, which reads the source."""

    prompt: Sequence[int] = ()  # what a text begins with is a token that no spelling depends on

    def __init__(self, source: Sequence[int], sampling: Sampling) -> None:
        self.source, self.sampling = source, sampling
        self.rows = 1  # the encoder reads it once, whatever is written of it
        self.text: Written | Searched | None = None

    @property
    def unread(self) -> int:
        return len(self.source) if self.text is None else self.text.unread

    @property
    def done(self) -> bool:
        return self.text is not None and self.text.done


class SourceDesk:
    """read: a source's tokens -> what stands where a GPT does, to be written on with (`scratch.decoding.Batch`). start: the token
    that a text begins after. rules: what must or must not come in a text of so many tokens; settled: a visitor's settings with
    what is the model's own. together: the model through which texts of different sources go side by side; None where each needs
    its own pass.
    """

    def __init__(
        self,
        read: Callable[[Sequence[int]], Any],
        start: int,
        stop: frozenset[int],
        rules: Callable[[int], Rules | None] = lambda length: None,
        settled: Callable[[Sampling], Sampling] = lambda sampling: sampling,
        together: Any = None,
    ) -> None:
        self._read, self._start, self._stop = read, start, stop
        self._rules, self._settled = rules, settled
        self._batch = None if together is None else Batch(together)
        self._desk = Desk(together, stop)  # for its turns

    def open(self, prompt: Sequence[int], sampling: Sampling) -> Sourced:
        return Sourced(prompt, self._settled(sampling))

    def advance(self, opened: Sequence[Sourced]) -> list[Sequence[Step]]:
        texts = {one: one.text for one in opened if one.text is not None}
        for one in opened:
            if one.text is None:
                self._begin(one)
        found = dict(zip(texts, self._desk.advance(list(texts.values())), strict=True))
        return [found.get(one, ()) for one in opened]

    def close(self, opened: Sourced) -> None:
        if opened.text is not None:
            self._desk.close(opened.text)

    def _begin(self, one: Sourced) -> None:
        reading = self._read(one.source)
        sampling, prompt, rules = one.sampling, [self._start], self._rules(one.sampling.length)
        one.rows = sampling.beams
        if sampling.beams > 1:
            one.text = Searched(reading, prompt, sampling, self._stop, rules)
            return
        own = Batch(reading) if self._batch is None else self._batch
        one.text = Written(Stream(prompt, sampling, self._stop, reading, rules), own)
