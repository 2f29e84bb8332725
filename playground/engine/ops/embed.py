"""Texts to unit vectors by the bare encoder: mean pooling over real tokens (Reimers & Gurevych 2019, arXiv 1908.10084)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from playground.core.calls import Call, Embed
from playground.core.errors import EmptyInput, NotSupported
from playground.core.types import Embeddings, ModelRef
from playground.engine.inputs import Encoded
from playground.engine.ops._text import cut_note
from playground.engine.scheduler import Outcome, Work

CHUNK = 16  # most texts of one call in a step


@dataclass
class _State:
    texts: list[Encoded]
    vectors: list[np.ndarray] = field(default_factory=list)

    @property
    def next(self) -> list[Encoded]:
        return self.texts[len(self.vectors) : len(self.vectors) + CHUNK]


class EmbedOp:
    serves = Embed

    def model(self, call: Call) -> ModelRef:
        return call.model.base or call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Embed)
        if not call.texts:
            raise EmptyInput()
        if not hasattr(work.model, "embed"):
            raise NotSupported(f"The model {call.model.id} gives no sentence vectors: choose an encoder.")
        work.state = _State([work.model.encode(text, call.model.max_length) for text in call.texts])
        self._plan(work)

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        parts = [work.state.next for work in works]
        vectors = works[0].model.embed([row for part in parts for row in part])  # [rows, D]
        outcomes: list[Outcome | None] = []
        start = 0
        for work, part in zip(works, parts, strict=True):
            work.state.vectors.extend(vectors[start : start + len(part)])
            start += len(part)
            outcomes.append(self._outcome(work))
        return outcomes

    def drop(self, work: Work) -> None:
        pass

    def _plan(self, work: Work) -> None:
        part = work.state.next
        work.rows, work.size = len(part), max(row.tokens for row in part)

    def _outcome(self, work: Work) -> Outcome | None:
        state: _State = work.state
        if len(state.vectors) < len(state.texts):
            self._plan(work)
            return None
        longest = max(row.tokens for row in state.texts)
        cut = any(row.truncated for row in state.texts)
        return Outcome(
            output=Embeddings(np.stack(state.vectors).astype(np.float32), tuple(row.tokens for row in state.texts)),
            tokens_in=sum(row.tokens for row in state.texts),
            truncated=cut,
            note=cut_note(longest) if cut else None,
            fingerprint=work.model.identity.fingerprint,
        )


OP = EmbedOp()
