"""One text to one of the model's labels; or each of them judged by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.calls import Call, Classify
from playground.core.errors import LoadFailed, NotSupported
from playground.core.types import ModelRef
from playground.engine.ops._text import cut_note
from playground.engine.scheduler import Outcome, Work
from playground.engine.scores import chosen, judged


class ClassifyOp:
    serves = Classify

    def model(self, call: Call) -> ModelRef:
        return call.model

    def prepare(self, work: Work) -> None:
        call = work.call
        assert isinstance(call, Classify)
        if not hasattr(work.model, "runner"):
            raise NotSupported(f"The model {call.model.id} gives no label to a text as a whole: choose a classifier.")
        if getattr(work.model, "judges", False) and not call.many:
            raise NotSupported(f"The model {call.model.id} judges each label by itself: choose one that chooses.")
        work.state = work.model.encode(call.text, call.model.max_length)
        work.size = work.state.tokens

    def step(self, works: Sequence[Work]) -> Sequence[Outcome | None]:
        logits = works[0].model.runner.logits([(work.model, work.state) for work in works])
        return [self._outcome(work, row) for work, row in zip(works, logits, strict=True)]

    def drop(self, work: Work) -> None:
        pass

    def _outcome(self, work: Work, logits: np.ndarray) -> Outcome:
        call, ref = work.call, work.call.model
        assert isinstance(call, Classify)
        names = ref.labels or work.model.labels
        if len(names) != len(logits):
            raise LoadFailed(
                f"The model {ref.id} has {len(logits)} labels and {len(names)} names: correct the catalog."
            )
        if call.many and ref.thresholds and len(ref.thresholds) != len(logits):
            raise LoadFailed(
                f"The model {ref.id} has {len(logits)} labels and {len(ref.thresholds)} thresholds: correct the catalog."
            )
        return Outcome(
            output=judged(names, logits, ref.thresholds) if call.many else chosen(names, logits),
            tokens_in=work.state.tokens,
            truncated=work.state.truncated,
            note=cut_note(work.state.tokens) if work.state.truncated else None,
            fingerprint=work.model.identity.fingerprint,
            path=work.model.path,
        )


OP = ClassifyOp()
