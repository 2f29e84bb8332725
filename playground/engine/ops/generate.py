"""What goes on where a text ends."""

from __future__ import annotations

from playground.core.calls import Generate
from playground.core.errors import NotSupported
from playground.core.writing_types import Writing
from playground.engine.ops._writing import WritingOp
from playground.engine.scheduler import Work
from playground.engine.writers import Prompt


class GenerateOp(WritingOp):
    serves = Generate

    def reads(self, work: Work, writing: Writing) -> tuple[Prompt, int]:
        call, model = work.call, work.model
        assert isinstance(call, Generate)
        if not hasattr(model, "prompt"):
            raise NotSupported(f"The model {call.model.id} does not go on with a text: choose one that writes.")
        # beams do not forget the beginning of their text, as others do when the model's context is full
        length = min(writing.length, model.context - 1) if writing.beams > 1 else writing.length
        return model.prompt(call.text, length, writing.beams), length


OP = GenerateOp()
