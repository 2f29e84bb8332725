"""What operations share that write a text, token by token: a step is one token for each of its texts, or a part of a prompt."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.core.calls import Call, Generate, Rewrite
from playground.core.errors import InputError
from playground.core.events import Partial
from playground.core.types import ModelRef
from playground.core.writing_types import Ended, Text, TokenChoice, Writing, WrittenToken
from playground.engine.scheduler import Outcome, Work
from playground.engine.spelling import Speller
from playground.engine.writers import Opened, Prompt


@dataclass
class State:
    """One text: what is written of it so far. opened: None before the first step, and once its rows are free. `first`, `last`: when
    its first and its last token came.
    """

    prompt: Prompt
    sampling: Any
    note: str | None = None
    opened: Opened | None = None
    speller: Speller | None = None
    text: str = ""
    tokens: tuple[WrittenToken, ...] = ()
    count: int = 0
    first: float = 0.0
    last: float = 0.0
    ended: Ended = "length"


class WritingOp(ABC):
    def model(self, call: Call) -> ModelRef:
        return call.model

    @abstractmethod
    def prepare(self, work: Work) -> None:
        """Its state is a `State`, and its rows and size those of the first step. Raises PlaygroundError."""

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        model = works[0].model
        try:
            opened = [self._opened(work) for work in works]
            found = model.desk.advance(opened)
        except BaseException:
            for work in works:  # those that are tried again begin anew
                self._close(work)
            raise
        return [self._took(work, steps) for work, steps in zip(works, found, strict=True)]

    def drop(self, work: Work) -> None:
        self._close(work)

    def _opened(self, work: Work) -> Opened:
        state: State = work.state
        if state.opened is None:
            state.opened = work.model.desk.open(state.prompt.ids, state.sampling)
            state.speller = Speller(work.model.vocabulary.decode, state.opened.prompt)
        return state.opened

    def _close(self, work: Work) -> None:
        state: State | None = work.state
        if state is not None and state.opened is not None:
            work.model.desk.close(state.opened)
            state.opened = None

    def _took(self, work: Work, steps: Sequence[Any]) -> Outcome | None:
        """steps: the tokens that came."""
        call, state = work.call, work.state
        assert isinstance(call, Generate | Rewrite)
        assert state.opened is not None
        if steps:
            state.last = time.monotonic()
            state.first = state.first or state.last
            self._write(work, steps, call.writing)
        if state.opened.done:
            self._close(work)
            return self._outcome(work)
        work.size = state.opened.unread
        return None

    def _write(self, work: Work, steps: Sequence[Any], writing: Writing) -> None:
        state: State = work.state
        vocabulary, speller = work.model.vocabulary, state.speller
        assert speller is not None
        text, tokens = "", []
        state.count += len(steps)
        for step in steps:
            if step.token in vocabulary.stop:
                state.ended = "stop"
                break
            others = _alternatives(speller, step) if writing.details else ()
            more = speller.add(step.token)
            text += more
            if writing.details:
                tokens.append(WrittenToken(more, step.probability, others))
        state.text += text
        state.tokens += tuple(tokens)
        if text or tokens:
            work.emit(Partial(delta=text, tokens=tuple(tokens)))

    def _outcome(self, work: Work) -> Outcome:
        state: State = work.state
        assert work.started is not None
        # What came at once, as of beams, took all the time until then.
        at_once = state.last == state.first
        count, since = (state.count, work.started) if at_once else (state.count - 1, state.first)
        return Outcome(
            output=Text(state.text, state.tokens, state.ended),
            tokens_in=len(state.prompt.ids),
            tokens_out=state.count,
            truncated=state.prompt.truncated,
            note=state.note,
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
            first_token_seconds=state.first - work.started,
            seconds=state.last - work.started,
            tokens_per_second=count / (state.last - since) if state.last > since else None,
        )


def sampling(writing: Writing, length: int) -> Any:
    """How tokens are chosen (`scratch.sampling.Sampling`). Raises InputError."""
    from playground.scratch.sampling import Sampling

    try:
        return Sampling(
            length=length,
            temperature=writing.temperature,
            top_k=writing.top_k,
            top_p=writing.top_p,
            repetition_penalty=writing.repetition_penalty,
            seed=writing.seed,
            beams=writing.beams,
        )
    except ValueError as error:
        raise InputError(str(error)) from None


def _alternatives(speller: Speller, step: Any) -> tuple[TokenChoice, ...]:
    """Those that are text by themselves; no part of a character, no end."""
    choices = ((speller.would(token), probability) for token, probability in step.alternatives)
    return tuple(TokenChoice(text, probability) for text, probability in choices if text)
