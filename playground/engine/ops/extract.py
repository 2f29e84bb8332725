"""The stretch of a context that answers a question: the context in windows that overlap, a few windows a step, and one
normalization over the spans of all of them (`core.reading`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core import reading
from playground.core.calls import Call, Extract
from playground.core.errors import NotSupported
from playground.core.events import Progress
from playground.core.reading_types import AnswerSpan, ExtractedAnswer
from playground.core.types import ModelRef
from playground.engine.inputs import Context, EncodedQuestion
from playground.engine.ops.tag import note
from playground.engine.scheduler import Outcome, Work

TOKENS = 256  # of one call in a step, its padding counted; a single window may have more
RUNNERS_UP = 3
LONG = 3  # windows after which a visitor is told how far it is


@dataclass
class _State:
    """windows: [first, after) of the context's tokens; found: of each that was read, scores [tokens, 2] less those of "no
    answer".
    """

    question: list[int]
    context: Context
    windows: list[tuple[int, int]]
    found: list[np.ndarray] = field(default_factory=list)
    next: list[EncodedQuestion] = field(default_factory=list)
    tokens: int = 0
    most: int = 0


class ExtractOp:
    serves = Extract

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Extract)
        if not hasattr(model, "span_runner"):
            raise NotSupported(f"The model {call.model.id} finds no answers in a text: choose a reader.")
        question, context = model.reader.question(call.question), model.reader.context(call.context)
        room = model.reader.room(question, call.model.max_length)
        work.state = _State(question, context, reading.windows(len(context.ids), room))
        self._plan(work)

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        rows = [(work.model, row) for work in works for row in work.state.next]
        logits = iter(works[0].model.span_runner.logits(rows))
        return [self._took(work, [next(logits) for _ in work.state.next]) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _plan(self, work: Work) -> None:
        """The next windows; all but the last are of one length."""
        state: _State = work.state
        left = state.windows[len(state.found) :]
        rows: list[EncodedQuestion] = []
        for first, after in left:
            row = work.model.reader.window(state.question, state.context.ids[first:after])
            if rows and (len(rows) + 1) * max(rows[0].tokens, row.tokens) > TOKENS:
                break
            rows.append(row)
        state.next = rows
        work.rows, work.size = max(1, len(rows)), max((row.tokens for row in rows), default=1)

    def _took(self, work: Work, logits: Sequence[np.ndarray]) -> Outcome | None:
        """logits: [1 + tokens, 2] of each window of this step."""
        state: _State = work.state
        state.found += [numbers[1:] - numbers[:1] for numbers in logits]
        state.tokens += sum(row.tokens for row in state.next)
        state.most = max(state.most, *(row.tokens for row in state.next))
        done, count = len(state.found), len(state.windows)
        if done == count:
            return self._outcome(work)
        self._plan(work)
        if done >= LONG:
            work.emit(Progress(what=f"read {done} of {count} windows", fraction=done / count))
        return None

    def _outcome(self, work: Work) -> Outcome:
        call, state = work.call, work.state
        assert isinstance(call, Extract)
        context: Context = state.context
        start, end = reading.joined(
            len(context.ids), state.windows, [s[:, 0] for s in state.found], [s[:, 1] for s in state.found]
        )
        lines = reading.lines_of(call.context, context.places)
        ranking = reading.rank(start, end, context.begins, context.ends, lines, count=1 + RUNNERS_UP)
        spans = [_span(call.context, context, one) for one in ranking.candidates]
        return Outcome(
            output=answered(spans, ranking.none, call.model.no_answer),
            tokens_in=state.tokens,
            truncated=False,
            note=note(1, len(state.windows), state.most),
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


def answered(spans: Sequence[AnswerSpan], none: float, limit: float) -> ExtractedAnswer:
    """The best span; "no answer" where that is likely enough, or there is no span."""
    if not spans or none >= limit:
        return ExtractedAnswer("", 0, 0, none, tuple(spans[:RUNNERS_UP]), none)
    best = spans[0]
    return ExtractedAnswer(best.answer, best.start, best.end, best.score, tuple(spans[1:]), none)


def _span(text: str, context: Context, found: reading.Candidate) -> AnswerSpan:
    """Without the blank that some tokenizers count to a word, and with the marks and joiners that others leave out behind it."""
    start, end = context.places[found.first][0], context.places[found.last][1]
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while end < len(text) and (unicodedata.category(text[end])[0] == "M" or text[end] in "\u200c\u200d"):
        end += 1
    return AnswerSpan(text[start:end], start, end, found.score)


OP = ExtractOp()
