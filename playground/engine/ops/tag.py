"""A label for each word of a text: line by line, long lines in windows that overlap, a few windows a step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core import segment
from playground.core.bio import Scheme
from playground.core.calls import Call, Tag
from playground.core.errors import LoadFailed, NotSupported
from playground.core.types import ModelRef, Span, Spans, in_order
from playground.engine.inputs import EncodedWords
from playground.engine.scheduler import Outcome, Work
from playground.engine.windows import Window, windows

TOKENS = 256  # of one call in a step, its padding counted; a single window may have more
_SHORT = 8  # tokens: a shorter window takes as long
_NAMELESS = re.compile(r"LABEL_\d+")  # transformers' names for what has none


@dataclass
class _Line:
    """words: [start, end) in the text of those that the model can see; shares [words, L]: their tags' probabilities."""

    words: list[tuple[int, int]]
    shares: np.ndarray


@dataclass
class _Window:
    line: int
    window: Window
    row: EncodedWords


@dataclass
class _State:
    """windows: the longest first, so that those of a step are of about one length."""

    scheme: Scheme
    lines: list[_Line]
    windows: list[_Window]
    most: int
    next: list[_Window] = field(default_factory=list)
    done: int = 0

    def plan(self) -> None:
        longest = self.windows[self.done].row.tokens if self.done < len(self.windows) else 0
        self.next = self.windows[self.done : self.done + max(1, TOKENS // max(_SHORT, longest))]


class TagOp:
    serves = Tag

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Tag)
        scheme = _scheme(call.model, model)
        places = [segment.words(call.text, start, end) for start, end in segment.lines(call.text)]
        pieces = model.reader.split([[call.text[start:end] for start, end in line] for line in places])
        room = model.reader.room(call.model.max_length)
        lines: list[_Line] = []
        found: list[_Window] = []
        for words, cut in zip(places, pieces, strict=True):
            seen = [(word, piece[:room]) for word, piece in zip(words, cut, strict=True) if piece]
            for window in windows([len(piece) for _, piece in seen], room):
                inside = seen[window.start : window.end]
                written = [call.text[start:end] for (start, end), _ in inside]
                row = model.reader.window([piece for _, piece in inside], written)
                found.append(_Window(len(lines), window, row))
            lines.append(_Line([word for word, _ in seen], np.zeros((len(seen), model.outputs))))
        found.sort(key=lambda window: -window.row.tokens)
        work.state = _State(scheme, lines, found, max((window.row.tokens for window in found), default=0))
        self._plan(work)

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        rows = [(work.model, window.row) for work in works for window in work.state.next]
        logits = iter(works[0].model.word_runner.logits(rows) if rows else [])
        return [self._took(work, [next(logits) for _ in work.state.next]) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _plan(self, work: Work) -> None:
        work.state.plan()
        part = work.state.next
        work.rows, work.size = max(1, len(part)), max((window.row.tokens for window in part), default=1)

    def _took(self, work: Work, logits: Sequence[np.ndarray]) -> Outcome | None:
        """logits: [words, L] of each window of this step."""
        state: _State = work.state
        for part, numbers in zip(state.next, logits, strict=True):
            window = part.window
            own = slice(window.first - window.start, window.last - window.start)
            state.lines[part.line].shares[window.first : window.last] = shares(numbers[own])
        state.done += len(state.next)
        self._plan(work)
        return None if state.next else self._outcome(work)

    def _outcome(self, work: Work) -> Outcome:
        call, state = work.call, work.state
        assert isinstance(call, Tag)
        spans: list[Span] = []
        for line in state.lines:
            spans += state.scheme.spans(call.text, line.words, line.shares)
        return Outcome(
            output=Spans(in_order(spans), state.scheme.labels, "computed"),
            tokens_in=sum(window.row.tokens for window in state.windows),
            truncated=False,
            note=note(sum(bool(line.words) for line in state.lines), len(state.windows), state.most),
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


def note(lines: int, windows: int, most: int) -> str | None:
    """How a text was read, where that was not in one piece.

    >>> note(1, 1, 9), note(3, 3, 9), note(1, 14, 128)
    (None, 'Read line by line, 3 lines.', 'Read to its end in 14 overlapping windows of at most 128 tokens.')
    >>> note(3, 14, 128)
    'Read line by line, 3 lines, the long ones in overlapping windows of at most 128 tokens: 14 windows in all.'
    """
    if windows <= 1:
        return None
    if windows == lines:
        return f"Read line by line, {lines} lines."
    if lines == 1:
        return f"Read to its end in {windows} overlapping windows of at most {most} tokens."
    return (
        f"Read line by line, {lines} lines, the long ones in overlapping windows of at most {most} tokens: "
        f"{windows} windows in all."
    )


def shares(logits: np.ndarray) -> np.ndarray:
    """Softmax of each word's logits [words, L], in float64.

    >>> shares(np.zeros((1, 4), dtype=np.float32))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    found: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return found


def _scheme(ref: ModelRef, model: object) -> Scheme:
    """Raises NotSupported and LoadFailed where the model gives no tags, or no names to them."""
    outputs = getattr(model, "outputs", 0)
    if not hasattr(model, "word_runner"):
        raise NotSupported(f"The model {ref.id} labels no words: choose a tagger.")
    names = ref.labels or getattr(model, "labels", ())
    if not names or all(_NAMELESS.fullmatch(name) for name in names):
        raise NotSupported(f"The model {ref.id} has no names for its labels: choose another one.")
    if len(names) != outputs:
        raise LoadFailed(f"The model {ref.id} has {outputs} labels and {len(names)} names: correct the catalog.")
    return Scheme.read(names, getattr(model, "consistent", False))


OP = TagOp()
