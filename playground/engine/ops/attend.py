"""Where each token of a text looks, in every layer and head of the model that answers, while it goes on answering others."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from playground.core.calls import Attend, Call
from playground.core.errors import NotSupported
from playground.core.types import AttentionMap, ModelRef
from playground.engine.scheduler import Outcome, Work

MOST_BYTES = 64 * 2**20  # of one answer: 12 layers of 12 heads take 512 tokens to 151 MB


def longest(heads: int) -> int:
    """Tokens whose weights fit: `heads` (of all layers) times tokens times tokens times 4 bytes.

    >>> longest(6 * 12), longest(12 * 12), longest(24 * 16)
    (482, 341, 209)
    """
    return isqrt(MOST_BYTES // (4 * heads))


class AttendOp:
    serves = Attend

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Attend)
        if not hasattr(work.model, "attend"):
            raise NotSupported(f"The model {call.model.id} has no attention to show: choose another one to look into.")
        most = min(call.model.max_length, longest(work.model.heads))
        work.state = work.model.encode(call.text, most)
        work.size = work.state.tokens
        work.alone = True  # its answer is large enough

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        return [self._outcome(work) for work in works]

    def drop(self, work: Work) -> None:
        pass

    def _outcome(self, work: Work) -> Outcome:
        row = work.state
        assert isinstance(work.call, Attend)
        tokens, spans = work.model.pieces(work.call.text, row.tokens)
        return Outcome(
            output=AttentionMap(work.model.attend(row), tokens, spans),
            tokens_in=row.tokens,
            truncated=row.truncated,
            note=f"Only the first {row.tokens} tokens are shown: the text has more." if row.truncated else None,
            fingerprint=work.model.identity.fingerprint,
        )


OP = AttendOp()
