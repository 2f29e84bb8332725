"""What goes on where a text ends."""

from __future__ import annotations

from playground.core.calls import Generate
from playground.core.errors import EmptyInput, NotSupported
from playground.engine.ops._writing import State, WritingOp, sampling
from playground.engine.scheduler import Work
from playground.engine.writers import READ, Prompt, Vocabulary, left_out


class GenerateOp(WritingOp):
    serves = Generate

    def prepare(self, work: Work) -> None:
        call, model = work.call, work.model
        assert isinstance(call, Generate)
        if not hasattr(model, "prompt"):
            raise NotSupported(f"The model {call.model.id} does not go on with a text: choose one that writes.")
        writing = call.writing
        # beams do not forget the beginning of their text, as others do when the model's context is full
        length = min(writing.length, model.context - 1) if writing.beams > 1 else writing.length
        prompt = model.prompt(call.text, length, writing.beams)
        if not prompt.ids:
            raise EmptyInput()
        work.state = State(prompt, sampling(writing, length), _note(call.text, prompt, model.vocabulary))
        work.rows = writing.beams
        work.size = min(len(prompt.ids), READ)


def _note(text: str, prompt: Prompt, vocabulary: Vocabulary) -> str | None:
    said = []
    if prompt.truncated:
        said.append(f"Only the last {len(prompt.ids)} tokens were read: the text is longer than this model takes.")
    said.append(left_out(vocabulary.unknown(text)))
    return " ".join(filter(None, said)) or None


OP = GenerateOp()
