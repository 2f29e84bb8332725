"""One text against labels that the model need not have been trained on: by the nearness of sentence vectors, or by whether
each label's claim follows from the text. Either way in bounded steps, so that 500 labels hold the device no longer than one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from playground.core.calls import Call, Match
from playground.core.errors import InputError, NotSupported
from playground.core.events import Progress
from playground.core.types import ModelRef
from playground.engine.inputs import Encoded, EncodedPair
from playground.engine.ops._text import cut_note
from playground.engine.scheduler import Outcome, Work
from playground.engine.scores import chosen, judged

CHUNK = 16  # most texts of one call in a step
TOKENS = 256  # the same, padding counted, where a device is no faster with more; a single text may have more
_SHORT = 8  # tokens: a shorter text takes as long
LONG = 3  # steps after which a visitor is told how far it is


class _Job(ABC):
    """What is left to compute of one work: texts, the longest first. `rows`: those of the next step, of about one length."""

    def __init__(self, work: Work, call: Match, texts: Iterable[str]) -> None:
        self.work, self.call, self.model = work, call, work.model
        self.rows: dict[str, Encoded] = {}
        self.found: dict[str, np.ndarray] = {}
        self._left = sorted(dict.fromkeys(texts), key=len, reverse=True)
        self._encoded: dict[str, Encoded] = {}  # looked at for a step that they did not fit into
        self._steps = 0

    @abstractmethod
    def encode(self, text: str) -> Encoded: ...

    @abstractmethod
    def outcome(self) -> Outcome: ...

    def plan(self) -> None:
        """The next step's rows."""
        self.rows = {}
        most = TOKENS if self.model.identity.device == "cpu" else CHUNK * self.call.model.max_length
        longest = _SHORT
        for text in self._left[:CHUNK]:
            row = self._encoded.pop(text, None) or self.encode(text)
            longest = max(longest, row.tokens)
            if self.rows and longest * (len(self.rows) + 1) > most:
                self._encoded[text] = row
                break
            self.rows[text] = row
        del self._left[: len(self.rows)]
        self.work.rows = max(1, len(self.rows))
        self.work.size = max((row.tokens for row in self.rows.values()), default=1)

    def after_step(self) -> Outcome | None:
        """None where another one is needed."""
        self._steps += 1
        if not self._left:
            return self.outcome()
        self.plan()
        if self._steps >= LONG:
            count = len(self.call.candidates)
            left = min(count, len(self._left) + len(self.rows))
            self.work.emit(Progress(what=f"comparing with {count} labels", fraction=(count - left) / count))
        return None


class _Nearness(_Job):
    """Vectors of the text, and of the candidates that the model does not know yet."""

    def __init__(self, work: Work, call: Match) -> None:
        self._candidates = [candidate.text for candidate in call.candidates]
        self._kept = set(self._candidates)
        super().__init__(work, call, [call.text, *self._candidates])
        self._look_up()
        self._read = self._encoded[call.text] = self.encode(call.text)
        self.plan()

    def encode(self, text: str) -> Encoded:
        row: Encoded = self.model.encode(text, self.call.model.max_length)
        return row

    def _look_up(self) -> None:
        """What is known already, of all that is left and of the next step."""
        for text in [*self.rows, *self._left]:
            if text in self._kept and (vector := self.model.known.get(self.key(text))) is not None:
                self.found[text] = vector
        self._left = [text for text in self._left if text not in self.found]
        self.rows = {text: row for text, row in self.rows.items() if text not in self.found}

    def key(self, text: str) -> tuple[str, int]:
        return text, self.call.model.max_length

    def wanted(self) -> dict[str, Encoded]:
        """Of the next step, less what others have made known meanwhile."""
        self._look_up()
        return self.rows

    def take(self, vectors: Mapping[tuple[Any, tuple[str, int]], np.ndarray]) -> Outcome | None:
        for text in self.rows:
            vector = self.found[text] = vectors[self.model, self.key(text)]
            if text in self._kept:
                self.model.known.put(self.key(text), vector)
        return self.after_step()

    def outcome(self) -> Outcome:
        call, read = self.call, self._read
        candidates = np.stack([self.found[text] for text in self._candidates]).astype(np.float64)  # [C, D]
        logits = call.scale * (candidates @ self.found[call.text].astype(np.float64))  # [C]
        names = [candidate.label for candidate in call.candidates]
        return Outcome(
            output=judged(names, logits - call.offset, (call.threshold,) * len(names))
            if call.many
            else chosen(names, logits),
            tokens_in=read.tokens,
            truncated=read.truncated,
            note=cut_note(read.tokens) if read.truncated else None,
            fingerprint=self.model.identity.fingerprint,
            path=self.model.path,
        )


class _Entailment(_Job):
    """The text with each candidate's claim. Its tokens are counted as often as they are read."""

    def __init__(self, work: Work, call: Match) -> None:
        super().__init__(work, call, [candidate.text for candidate in call.candidates])
        self._tokens = 0
        self._cut: int | None = None  # the fewest tokens of the text that were read, where it was cut
        self.plan()

    def encode(self, text: str) -> Encoded:
        row: EncodedPair = self.model.pair(self.call.text, text, self.call.model.max_length)
        return row

    def take(self, logits: Sequence[np.ndarray]) -> Outcome | None:
        """logits [2] of each row: against, for."""
        for (claim, row), numbers in zip(self.rows.items(), logits, strict=True):
            assert isinstance(row, EncodedPair)
            self.found[claim] = numbers
            self._tokens += row.tokens
            if row.truncated:
                self._cut = row.text if self._cut is None else min(self._cut, row.text)
        return self.after_step()

    def outcome(self) -> Outcome:
        call, times = self.call, len(self.found)
        names = [candidate.label for candidate in call.candidates]
        logits = np.stack([self.found[candidate.text] for candidate in call.candidates])  # [C, 2]
        notes = [f"The text was read {times} times, once with each label."] if times > 1 else []
        if self._cut is not None:
            notes.insert(0, cut_note(self._cut))
        return Outcome(
            output=judged(names, logits[:, 1] - logits[:, 0]) if call.many else chosen(names, logits[:, 1]),
            tokens_in=self._tokens,
            truncated=self._cut is not None,
            note=" ".join(notes) or None,
            fingerprint=self.model.identity.fingerprint,
        )


class MatchOp:
    serves = Match

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Match)
        if not call.candidates:
            raise InputError("There are no labels to compare the text with: name at least one.")
        if hasattr(model, "entailment"):
            work.state = _Entailment(work, call)
        elif hasattr(model, "vector_runner"):
            work.state = _Nearness(work, call)
        else:
            raise NotSupported(f"The model {call.model.id} knows its own labels alone: choose an encoder.")

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        if isinstance(works[0].state, _Entailment):
            logits = works[0].model.entailment([row for work in works for row in work.state.rows.values()])
            each = iter(logits)
            return [work.state.take([next(each) for _ in work.state.rows]) for work in works]
        rows = {(work.model, work.state.key(text)): row for work in works for text, row in work.state.wanted().items()}
        found = works[0].model.vector_runner.vectors([(key[0], row) for key, row in rows.items()]) if rows else []
        vectors = dict(zip(rows, found, strict=True))
        return [work.state.take(vectors) for work in works]

    def drop(self, work: Work) -> None:
        pass


OP = MatchOp()
