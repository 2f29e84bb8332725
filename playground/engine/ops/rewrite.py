"""A text made of a text by an encoder-decoder: a translation, a summary. The source is read in a step, then comes a token a step.

A model that was trained on single sentences makes little of a paragraph. It gets sentence after sentence (a row of the catalog says
so: `sentences`), and what stood between two of them, a blank or a line break, stands between what it makes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from playground.core.calls import Rewrite
from playground.core.errors import EmptyInput, NotSupported
from playground.core.events import Partial
from playground.core.sentences import parts
from playground.core.writing_types import WrittenToken
from playground.engine.ops._text import cut_note
from playground.engine.ops._writing import State, WritingOp, sampling
from playground.engine.scheduler import Outcome, Work
from playground.engine.writers import Prompt


@dataclass(frozen=True)
class _Part:
    """between: what stands before it, behind the part before."""

    between: str
    source: Prompt


@dataclass
class _Rewriting(State):
    """`prompt` is the source of the part that is being made; `later`: the parts after it. before: tokens of those made before it.

    read: tokens of all sources; cut: those of the longest that was cut, 0 where none was.
    """

    later: list[_Part] = field(default_factory=list)
    before: int = 0
    length: int = 0
    read: int = 0
    cut: int = 0


class RewriteOp(WritingOp):
    serves = Rewrite

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Rewrite)
        if not hasattr(model, "source"):
            raise NotSupported(f"The model {call.model.id} makes no text of a text: choose an encoder-decoder.")
        cut = _cut(call.text, call.model.sentences)
        found = [_Part(between, model.source(text, call.model.max_length)) for between, text in cut]
        if not found:
            raise EmptyInput()
        length = min(call.writing.length, model.context - 1)
        first, *later = found
        work.state = _Rewriting(
            prompt=first.source,
            sampling=sampling(call.writing, length),
            later=later,
            length=length,
            read=sum(len(part.source.ids) for part in found),
            cut=max((len(part.source.ids) for part in found if part.source.truncated), default=0),
        )
        self._plan(work)

    def _plan(self, work: Work) -> None:
        """The next step reads a source."""
        work.rows, work.size = 1, len(work.state.prompt.ids)

    def _took(self, work: Work, steps: Sequence[Any]) -> Outcome | None:
        state: _Rewriting = work.state
        outcome = super()._took(work, steps)
        if outcome is None:
            assert state.opened is not None
            work.rows = state.opened.rows
            return None
        left = state.length - state.count
        if work.model.stops_at_length and state.count - state.before >= state.sampling.length:
            state.ended = "length"  # it had to
        if state.later and left > 0:
            self._go_on(work, left)
            return None
        return self._outcome(work)

    def _go_on(self, work: Work, left: int) -> None:
        """To the next part; `left`: tokens that the whole text may still have."""
        call, state = work.call, work.state
        assert isinstance(call, Rewrite)
        part = state.later.pop(0)
        state.prompt, state.before, state.ended = part.source, state.count, "length"
        state.sampling = replace(state.sampling, length=left)
        tokens = (WrittenToken(part.between),) if call.writing.details else ()
        state.text += part.between
        state.tokens += tokens
        work.emit(Partial(delta=part.between, tokens=tokens))
        self._plan(work)

    def _outcome(self, work: Work) -> Outcome:
        state: _Rewriting = work.state
        return replace(
            super()._outcome(work),
            tokens_in=state.read,
            truncated=state.cut > 0,
            note=_note(state),
        )


def _cut(text: str, by_sentence: bool) -> list[tuple[str, str]]:
    """(what stands before it, part): the sentences of a text, or all of it."""
    if by_sentence:
        return parts(text)
    return [("", text)] if text.strip() else []


def _note(state: _Rewriting) -> str | None:
    said = []
    if state.cut:
        said.append(cut_note(state.cut))
    if state.later:
        said.append("The length was reached before all sentences were read: ask for more tokens.")
    return " ".join(said) or None


OP = RewriteOp()
