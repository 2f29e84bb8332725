"""A generalist that was not trained for any task: it fills a JSON schema by comparing descriptions with the text.

Zero-shot classification by sentence embeddings: each choice is written as "value: description", and the softmax over
scaled cosine similarities between those and the text is the distribution over the choices.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playground.core.calls import Embed
from playground.core.cancel import Cancel
from playground.core.events import Cancelled, Failed, Finished
from playground.core.protocols import Runtime
from playground.core.streams import aiterate
from playground.core.types import Embeddings, ModelRef
from playground.gateway.faults import GatewayFault, from_runtime
from playground.gateway.schema import Fixed, Form, Pick, Probability

# all-MiniLM-L6-v2 was trained with cosine similarities times 20 as logits (train_script.py of the published model;
# also the default `scale` of sentence-transformers' MultipleNegativesRankingLoss).
SCALE = 20.0

WHAT_IT_IS = (
    "This is the playground's stand-in, a small sentence encoder behind an OpenAI-compatible address. "
    "It writes no text: send a response_format of type json_schema whose fields are choices, and it picks."
)
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 2000


@dataclass(frozen=True)
class Prompt:
    """`text` is the last user message, which is judged; `context` the others, read but not judged."""

    text: str
    context: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True)
class Piece:
    """A token of the reply. `alternatives`: (token, probability) of a choice, best first; empty where nothing was open."""

    text: str
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Reply:
    pieces: tuple[Piece, ...]
    prompt_tokens: int
    completion_tokens: int

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


class Generalist:
    """Lives in one event loop. Token counts are the encoder's own, of the texts it read and of the reply."""

    def __init__(self, runtime: Runtime, encoder: ModelRef) -> None:
        self._runtime = runtime
        self._encoder = encoder
        # Choices, instructions and replies come again with every request; a visitor's text is not remembered.
        self._known: OrderedDict[str, tuple[np.ndarray, int]] = OrderedDict()

    async def fill(self, form: Form, prompt: Prompt, cancel: Cancel) -> Reply:
        """The form filled as JSON. Raises GatewayFault."""
        picks = list(form.picks())
        choices = [option.text for _, pick in picks for option in pick.options]
        text, known = await self._read(prompt, choices, cancel)
        distributions = {}
        for path, pick in picks:
            vectors = np.stack([known[option.text][0] for option in pick.options])  # [options, dimensions]
            distributions[path] = softmax(SCALE * (vectors @ text[0]))  # [options]
        pieces = tuple(_merged(_write(form, (), distributions)))
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


def _write(form: Form, path: tuple[str, ...], distributions: dict[tuple[str, ...], np.ndarray]) -> list[Piece]:
    """The form as JSON in pieces: each chosen value is a piece of its own with its alternatives."""
    pieces = [Piece("{")]
    for index, (name, node) in enumerate(form.fields):
        pieces.append(Piece(f"{', ' if index else ''}{_json(name)}: "))
        if isinstance(node, Form):
            pieces += _write(node, (*path, name), distributions)
        elif isinstance(node, Pick):
            pieces += [Piece('"'), _choice(node, distributions[*path, name]), Piece('"')]
        elif isinstance(node, Probability):
            # Two digits: more would claim a precision that similarities do not have.
            pieces.append(Piece(_json(round(float(distributions[node.of].max()), 2))))
        elif isinstance(node, Fixed):
            pieces.append(Piece(_json(node.value)))
    pieces.append(Piece("}"))
    return pieces


def _choice(pick: Pick, distribution: np.ndarray) -> Piece:
    best_first = np.argsort(-distribution, kind="stable")  # ties go to the schema's order
    alternatives = tuple((_json(pick.options[i].value)[1:-1], float(distribution[i])) for i in best_first)
    return Piece(alternatives[0][0], alternatives)


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
