"""A generalist that was not trained for any task: it fills a JSON schema by comparing descriptions with the text.

Zero-shot classification by sentence embeddings: each choice is written as "value: description", and the softmax over
scaled cosine similarities between those and the text is the distribution over the choices. Where several may be true, the
sigmoid of the scaled similarity is the probability of each.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from playground.core.calls import Embed
from playground.core.cancel import Cancel
from playground.core.events import Cancelled, Failed, Finished
from playground.core.protocols import Runtime
from playground.core.streams import aiterate
from playground.core.types import Embeddings, ModelRef
from playground.gateway.faults import GatewayFault, from_runtime
from playground.gateway.pieces import Piece, Prompt, Reply
from playground.gateway.schema import Fixed, Form, Node, Option, Pick, Probability, Several

# all-MiniLM-L6-v2 was trained with cosine similarities times 20 as logits (train_script.py of the published model;
# also the default `scale` of sentence-transformers' MultipleNegativesRankingLoss).
SCALE = 20.0
# Where several may be true: fitted by maximum likelihood on Banking77 (five labels of which one is true) and GoEmotions' dev set
# (28 labels, 1.2 true), together. From the threshold on, a label holds: a cosine of 0.27, between the best for the one (0.45)
# and the other (0.20), with 0.94 and 0.77 of the F1 that each could have by itself.
SCALE_EACH, OFFSET_EACH, HOLDS_EACH = 11.2, 5.4, 0.08

WHAT_IT_IS = (
    "This is the playground's stand-in, a small sentence encoder behind an OpenAI-compatible address. "
    "It writes no text: send a response_format of type json_schema whose fields are choices, and it picks."
)
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 2000


class Generalist:
    """Lives in one event loop. Token counts are the encoder's own, of the texts it read and of the reply."""

    def __init__(self, runtime: Runtime, encoder: ModelRef) -> None:
        self._runtime = runtime
        self._encoder = encoder
        # Choices, instructions and replies come again with every request; a visitor's text is not remembered.
        self._known: OrderedDict[str, tuple[np.ndarray, int]] = OrderedDict()

    async def fill(self, form: Form, prompt: Prompt, cancel: Cancel) -> Reply:
        """The form filled as JSON. Raises GatewayFault."""
        asked = list(form.choices())
        choices = [option.text for _, node in asked for option in _options(node)]
        text, known = await self._read(prompt, choices, cancel)
        probabilities = {}
        for path, node in asked:
            vectors = np.stack([known[option.text][0] for option in _options(node)])  # [options, dimensions]
            cosines = vectors @ text[0]
            one = isinstance(node, Pick)
            probabilities[path] = softmax(SCALE * cosines) if one else sigmoid(SCALE_EACH * cosines - OFFSET_EACH)
        pieces = tuple(_merged(_write(form, (), probabilities)))
        prompt_tokens = text[1] + sum(known[read][1] for read in (*prompt.context, *choices))
        return await self._counted(pieces, prompt_tokens, prompt.user, cancel)

    async def introduce(self, prompt: Prompt, cancel: Cancel) -> Reply:
        """What it says when no schema is given. Raises GatewayFault."""
        text, known = await self._read(prompt, [], cancel)
        words = WHAT_IT_IS.split(" ")
        pieces = tuple(Piece(word if index == 0 else f" {word}") for index, word in enumerate(words))
        prompt_tokens = text[1] + sum(known[read][1] for read in prompt.context)
        return await self._counted(pieces, prompt_tokens, prompt.user, cancel)

    async def _counted(self, pieces: tuple[Piece, ...], prompt_tokens: int, user: str, cancel: Cancel) -> Reply:
        text = "".join(piece.text for piece in pieces)
        known = await self._remembered([text], user, cancel)
        return Reply(pieces, prompt_tokens, known[text][1])

    async def _read(
        self, prompt: Prompt, choices: Sequence[str], cancel: Cancel
    ) -> tuple[tuple[np.ndarray, int], dict[str, tuple[np.ndarray, int]]]:
        """The text's vector and token count, and those of everything else; one call when all else is remembered."""
        wanted = [*prompt.context, *choices]
        missing = [text for text in dict.fromkeys(wanted) if text not in self._known]
        vectors, tokens = await self._embed([prompt.text, *missing], prompt.user, cancel)
        fresh = {text: (vectors[1 + index], tokens[1 + index]) for index, text in enumerate(missing)}
        known = {text: fresh.get(text) or self._known[text] for text in wanted}
        self._remember(known)
        return (vectors[0], tokens[0]), known

    async def _remembered(self, texts: list[str], user: str, cancel: Cancel) -> dict[str, tuple[np.ndarray, int]]:
        missing = [text for text in texts if text not in self._known]
        fresh = {}
        if missing:
            vectors, tokens = await self._embed(missing, user, cancel)
            fresh = {text: (vectors[index], tokens[index]) for index, text in enumerate(missing)}
        known = {text: fresh.get(text) or self._known[text] for text in texts}
        self._remember(known)
        return known

    def _remember(self, known: dict[str, tuple[np.ndarray, int]]) -> None:
        for text, row in known.items():
            if len(text) <= _LONGEST_REMEMBERED:
                self._known[text] = row
                self._known.move_to_end(text)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _embed(self, texts: list[str], user: str, cancel: Cancel) -> tuple[np.ndarray, tuple[int, ...]]:
        """Unit vectors [texts, dimensions] and token counts. Raises GatewayFault."""
        call = Embed(model=self._encoder, user=user, texts=tuple(texts))
        async for event in aiterate(lambda emit: self._runtime.submit(call, emit, cancel)):
            if isinstance(event, Finished) and isinstance(event.output, Embeddings):
                return event.output.vectors, event.output.tokens
            if isinstance(event, Failed):
                raise from_runtime(event.error)
            if isinstance(event, Cancelled):
                raise GatewayFault(503, "The work was stopped: send the request again.", code="cancelled")
        raise GatewayFault(500, "The runtime gave no vectors.", code="internal_error")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis; in float64, so that the probabilities add up to 1 within 1e-15."""
    shifted = np.exp(logits.astype(np.float64) - logits.max())
    probabilities: np.ndarray = shifted / shifted.sum()
    return probabilities


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Of each; in float64. Similarities are bounded, so nothing overflows."""
    probabilities: np.ndarray = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return probabilities


def _options(node: Pick | Several) -> tuple[Option, ...]:
    return node.options if isinstance(node, Pick) else node.pick.options


def _write(form: Form, path: tuple[str, ...], probabilities: dict[tuple[str, ...], np.ndarray]) -> list[Piece]:
    """The form as JSON in pieces: each chosen value is a piece of its own with its alternatives."""
    pieces = [Piece("{")]
    for index, (name, node) in enumerate(form.fields):
        pieces.append(Piece(f"{', ' if index else ''}{_json(name)}: "))
        if isinstance(node, Form):
            pieces += _write(node, (*path, name), probabilities)
        elif isinstance(node, Pick):
            pieces += [Piece('"'), _choice(node, probabilities[*path, name]), Piece('"')]
        elif isinstance(node, Several):
            pieces += _rows(node, probabilities[*path, name])
        elif isinstance(node, Probability):
            # Two digits: more would claim a precision that similarities do not have.
            pieces.append(Piece(_json(round(float(probabilities[node.of].max()), 2))))
        elif isinstance(node, Fixed):
            pieces.append(Piece(_json(node.value)))
    pieces.append(Piece("}"))
    return pieces


def _rows(several: Several, probabilities: np.ndarray) -> list[Piece]:
    """A list with a row for each option that is likely enough, best first; as many as the schema allows. An option of a list has
    no alternatives: to list one says nothing against another.
    """
    best_first = np.argsort(-probabilities, kind="stable")
    count = max(int((probabilities >= HOLDS_EACH).sum()), several.least)
    count = count if several.most is None else min(count, several.most)
    pieces = [Piece("[")]
    for number, index in enumerate(best_first[:count]):
        only = Pick((several.pick.options[index],))
        pieces.append(Piece(", " if number else ""))
        if isinstance(several.row, Pick):
            pieces.append(Piece(_json(only.options[0].value)))
        else:
            row = _with(several.row, several.at, only)
            pieces += [Piece(piece.text) for piece in _write(row, (), {several.at: probabilities[[index]]})]
    return [*pieces, Piece("]")]


def _with(form: Form, at: tuple[str, ...], pick: Pick) -> Form:
    """The form with another choice in this place."""

    def changed(name: str, node: Node) -> Node:
        if name != at[0]:
            return node
        return pick if len(at) == 1 or not isinstance(node, Form) else _with(node, at[1:], pick)

    return Form(tuple((name, changed(name, node)) for name, node in form.fields))


def _choice(pick: Pick, distribution: np.ndarray) -> Piece:
    best_first = np.argsort(-distribution, kind="stable")  # ties go to the schema's order
    alternatives = tuple((_json(pick.options[i].value)[1:-1], float(distribution[i])) for i in best_first)
    return Piece(alternatives[0][0], alternatives, alternatives[0][1])


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbouring pieces that were not open become one."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and not piece.alternatives and not merged[-1].alternatives:
            merged[-1] = Piece(merged[-1].text + piece.text)
        else:
            merged.append(piece)
    return merged


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
