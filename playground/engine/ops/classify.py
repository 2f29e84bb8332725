"""One text to one of the model's labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.calls import Call, Classify
from playground.core.errors import LoadFailed, NotSupported
from playground.core.types import Labels, LabelScore, ModelRef
from playground.engine.ops._text import cut_note
from playground.engine.scheduler import Outcome, Work


class ClassifyOp:
    serves = Classify

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Classify)
        if not hasattr(work.model, "runner"):
            raise NotSupported(f"The model {call.model.id} gives no label to a text as a whole: choose a classifier.")
        work.state = work.model.encode(call.text, call.model.max_length)
        work.size = work.state.tokens

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        logits = works[0].model.runner.logits([(work.model, work.state) for work in works])
        return [self._outcome(work, row) for work, row in zip(works, logits, strict=True)]

    def drop(self, work: Work) -> None:
        pass

    def _outcome(self, work: Work, logits: np.ndarray) -> Outcome:
        ref = work.call.model
        names = ref.labels or work.model.labels
        if len(names) != len(logits):
            raise LoadFailed(
                f"The model {ref.id} has {len(logits)} labels and {len(names)} names: correct the catalog."
            )
        return Outcome(
            output=labels(names, logits),
            tokens_in=work.state.tokens,
            truncated=work.state.truncated,
            note=cut_note(work.state.tokens) if work.state.truncated else None,
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


def labels(names: Sequence[str], logits: np.ndarray) -> Labels:
    """Softmax of logits [L], best first.

    >>> [round(row.score, 2) for row in labels(("no", "yes"), np.array([0.0, 1.0])).scores]
    [0.73, 0.27]
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    shares = shifted / shifted.sum()
    rows = [LabelScore(name, float(share)) for name, share in zip(names, shares, strict=True)]
    rows.sort(key=lambda row: -row.score)
    return Labels(rows[0].label, tuple(rows), "computed")


OP = ClassifyOp()
