"""A language model that goes on with the last user message: it was never taught to follow an instruction."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from playground.core.calls import Generate
from playground.core.cancel import Cancel
from playground.core.events import Cancelled, Failed, Finished, Partial
from playground.core.protocols import Runtime
from playground.core.streams import aiterate
from playground.core.types import ModelRef
from playground.core.writing_types import Text, Writing, WrittenToken
from playground.gateway.faults import GatewayFault, from_runtime
from playground.gateway.pieces import Piece, Prompt, Reply


class Continuing:
    """Token counts are the decoder's own."""

    def __init__(self, runtime: Runtime, decoder: ModelRef) -> None:
        self._runtime = runtime
        self._decoder = decoder

    async def go_on(self, prompt: Prompt, writing: Writing, cancel: Cancel) -> AsyncGenerator[Piece | Reply, None]:
        """Each piece as it is written; at last the whole reply. Whoever leaves early ends the writing. Raises GatewayFault."""
        call = Generate(model=self._decoder, user=prompt.user, text=prompt.text, writing=writing)
        said, told = "", 0
        async with aclosing(aiterate(lambda emit: self._runtime.submit(call, emit, cancel))) as events:
            async for event in events:
                if isinstance(event, Partial):
                    said, told = said + event.delta, told + len(event.tokens)
                    for piece in _pieces(event.delta, event.tokens):
                        yield piece
                elif isinstance(event, Finished) and isinstance(event.output, Text):
                    output, stats = event.output, event.stats
                    for piece in _pieces(output.text.removeprefix(said), output.tokens[told:]):  # held back to the end
                        yield piece
                    whole = _pieces(output.text, output.tokens)
                    yield Reply(whole, stats.tokens_in, stats.tokens_out, output.ended or "stop")
                    return
                elif isinstance(event, Failed):
                    raise from_runtime(event.error)
                elif isinstance(event, Cancelled):
                    raise GatewayFault(503, "The work was stopped: send the request again.", code="cancelled")
        raise GatewayFault(500, "The runtime gave no text.", code="internal_error")


def _pieces(text: str, tokens: tuple[WrittenToken, ...]) -> tuple[Piece, ...]:
    """One for each token; where tokens were not wanted, the text as it came."""
    if not tokens:
        return (Piece(text, probability=None),) if text else ()
    return tuple(
        Piece(token.text, tuple((choice.text, choice.probability) for choice in token.alternatives), token.probability)
        for token in tokens
    )
