"""The sentences of a text that say most of it: by the nearness of their vectors to one another, or as a model was trained to
score them. Either way a few rows a step, so that a long text holds the device no longer than a short one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from playground.core import picking
from playground.core.calls import Call, Pick
from playground.core.errors import EmptyInput, NotSupported
from playground.core.events import Progress
from playground.core.sentences import sentences
from playground.core.types import ModelRef
from playground.core.writing_types import Text
from playground.engine.inputs import Encoded
from playground.engine.scheduler import Outcome, Work
from playground.engine.windows import Window, windows

TOKENS = 256  # of one call in a step, its padding counted; a single row may have more
_SHORT = 8  # tokens: a shorter row takes as long
LONG = 3  # steps after which a visitor is told how far it is
MOST = 2500  # sentences that are compared: 100 kB of prose have a third of them


class _Job(ABC):
    """What is left to compute of one work. rows: the longest first, so that those of a step are of about one length."""

    def __init__(self, work: Work, call: Pick) -> None:
        self.call, self.model = call, work.model
        every = sentences(call.text)
        if not every:
            raise EmptyInput()
        self.spans, self.more = every[:MOST], len(every) > MOST
        self.texts = [call.text[start:end] for start, end in self.spans]
        self.rows: list[tuple[int, Encoded]] = sorted(enumerate(self.encoded()), key=lambda row: -row[1].tokens)
        self.found: dict[int, np.ndarray] = {}
        self.next: list[tuple[int, Encoded]] = []
        self.steps = 0
        self._plan(work)

    @property
    @abstractmethod
    def compute(self) -> Callable[[Sequence[tuple[Any, Any]]], list[np.ndarray]]:
        """(model, row) pairs to what the model says of each."""

    @abstractmethod
    def encoded(self) -> Sequence[Encoded]: ...

    @abstractmethod
    def chosen(self) -> list[int]:
        """Of all sentences, in their order."""

    @abstractmethod
    def notes(self) -> list[str]: ...

    def _plan(self, work: Work) -> None:
        done = len(self.found)
        longest = self.rows[done][1].tokens if done < len(self.rows) else 0
        self.next = self.rows[done : done + max(1, TOKENS // max(_SHORT, longest))]
        work.rows, work.size = max(1, len(self.next)), max(1, longest)

    def took(self, work: Work, answers: Sequence[np.ndarray]) -> Outcome | None:
        """None where another step is needed."""
        for (place, _), answer in zip(self.next, answers, strict=True):
            self.found[place] = answer
        self.steps += 1
        self._plan(work)
        if not self.next:
            return self._outcome()
        if self.steps >= LONG:
            share = len(self.found) / len(self.rows)
            work.emit(Progress(what=f"comparing {len(self.spans):,} sentences", fraction=share))
        return None

    def _outcome(self) -> Outcome:
        picked = self.chosen()
        notes = self.notes()
        if self.more:
            notes.append(f"Only the first {MOST:,} sentences were compared.")
        return Outcome(
            output=Text(
                " ".join(" ".join(self.texts[place].split()) for place in picked),
                picked=tuple(self.spans[place] for place in picked),
            ),
            tokens_in=sum(row.tokens for _, row in self.rows),
            truncated=self.more or self.cut,
            note=" ".join(notes) or None,
            fingerprint=self.model.identity.fingerprint,
            path=self.model.path,
        )

    @property
    def cut(self) -> bool:
        """Whether of some sentence only the beginning was read."""
        return any(row.truncated for _, row in self.rows)


class _Central(_Job):
    """Each sentence has a vector of its own."""

    places: dict[str, int]

    @property
    def compute(self) -> Callable[[Sequence[tuple[Any, Any]]], list[np.ndarray]]:
        found: Callable[[Sequence[tuple[Any, Any]]], list[np.ndarray]] = self.model.vector_runner.vectors
        return found

    def encoded(self) -> list[Encoded]:
        """Of sentences that stand in the text several times, one."""
        self.places = {text: place for place, text in enumerate(dict.fromkeys(self.texts))}
        return [self.model.encode(text, self.call.model.max_length) for text in self.places]

    def chosen(self) -> list[int]:
        vectors = np.stack([self.found[self.places[text]] for text in self.texts])
        return picking.central(vectors, self.texts, self.call.most)

    def notes(self) -> list[str]:
        longest = self.call.model.max_length
        return [f"Of sentences of more than {longest} tokens only the beginning was read."] if self.cut else []


class _Scored(_Job):
    """All sentences are read together; a long text in windows that overlap."""

    windows: list[Window]

    @property
    def compute(self) -> Callable[[Sequence[tuple[Any, Any]]], list[np.ndarray]]:
        found: Callable[[Sequence[tuple[Any, Any]]], list[np.ndarray]] = self.model.sentence_runner.logits
        return found

    def encoded(self) -> list[Encoded]:
        reader = self.model.reader
        room = reader.room(self.call.model.max_length)
        pieces = [piece[:room] for piece in reader.split([self.texts])[0]]
        self.windows = windows([len(piece) for piece in pieces], room)
        return [reader.window(pieces[at.start : at.end], self.texts[at.start : at.end]) for at in self.windows]

    def chosen(self) -> list[int]:
        parts = [
            self.found[place][at.first - at.start : at.last - at.start, 0] for place, at in enumerate(self.windows)
        ]
        return picking.ranked(np.concatenate(parts), self.texts, self.call.most)

    def notes(self) -> list[str]:
        if len(self.windows) == 1:
            return []
        longest = self.call.model.max_length
        return [f"Read to its end in {len(self.windows)} overlapping windows of at most {longest} tokens."]


class PickOp:
    serves = Pick

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Pick)
        if hasattr(model, "sentence_runner"):
            work.state = _Scored(work, call)
        elif hasattr(model, "vector_runner"):
            work.state = _Central(work, call)
        else:
            raise NotSupported(f"The model {call.model.id} cannot compare sentences: choose an encoder.")

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        rows = [(work.model, row) for work in works for _, row in work.state.next]
        answers = iter(works[0].state.compute(rows))  # works of one group share a pass, whichever way they read
        return [work.state.took(work, [next(answers) for _ in work.state.next]) for work in works]

    def drop(self, work: Work) -> None:
        pass


OP = PickOp()
