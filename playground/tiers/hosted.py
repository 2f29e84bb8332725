"""The hosted tier: a model behind somebody's API, asked with the `openai` client.

Which endpoint it is, is in `hosted_endpoints`; what is sent, in `hosted_request`; how a reply is read, in `hosted_reply`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.core.cancel import Cancel
from playground.core.errors import DeadlineExceeded, EndpointTimeout, InternalError, NotSupported, PlaygroundError
from playground.core.events import Cancelled, Emit, Emitter, Failed, Finished, Progress
from playground.core.protocols import Handle
from playground.core.task import Task
from playground.core.types import Answer, Choice, Request, Source, Stats, Support
from playground.tiers.context import TierContext
from playground.tiers.hosted_ask import Asker, Exchange, host_of
from playground.tiers.hosted_endpoints import Ask, Endpoint, Endpoints
from playground.tiers.hosted_errors import NOT_FORESEEN, Scrubber, capital
from playground.tiers.hosted_http import Clients
from playground.tiers.hosted_loop import LOOP
from playground.tiers.hosted_models import ModelLists
from playground.tiers.hosted_prices import Cost, cost
from playground.tiers.hosted_reply import Reply, output_of
from playground.tiers.hosted_request import not_taken
from playground.tiers.hosted_writing import text_of

log = logging.getLogger("playground.tiers.hosted")


def build(context: TierContext) -> HostedTier:
    return HostedTier(context)


@dataclass(frozen=True)
class _Run:
    cancel: Callable[[], None]


class HostedTier:
    """All runs share one event loop; a run holds no thread."""

    name = "hosted"

    def __init__(self, context: TierContext) -> None:
        self._settings = context.settings
        clients = Clients(context.settings.hosted_timeout)
        self._asker = Asker(clients, context.settings.max_new_tokens)
        self.endpoints = Endpoints(context, ModelLists(clients))
        # Also when the tier is only let go of: an idle connection must be closed in its own loop.
        self._end = weakref.finalize(self, lambda: LOOP.submit(clients.close()))
        self._end.atexit = False

    def supports(self, task: Task, session: str = "") -> Support:
        if task.foresee:
            return Support(False, NOT_FORESEEN)
        cannot = self.endpoints.stand_in_cannot(task) if self.endpoints.only_stand_in(session) else ""
        return Support(not cannot, cannot)

    def choices(self, task: Task, session: str) -> Sequence[Choice]:
        return self.endpoints.choices(session)

    def start(self, task: Task, request: Request, emit: Emit, cancel: Cancel) -> Handle:
        emitter = Emitter(emit)
        future = LOOP.submit(self._run(task, request, emitter, cancel))

        def stop() -> None:
            emitter(Cancelled())  # at once; closing the connection takes the loop's next turn
            future.cancel()

        forget = cancel.on_set(stop)
        future.add_done_callback(lambda _: forget())
        return _Run(stop)

    def close(self) -> None:
        self._end()

    async def _run(self, task: Task, request: Request, emitter: Emitter, cancel: Cancel) -> None:
        """Emits the last word, whatever happens."""
        endpoint: Endpoint | None = None
        exchange = Exchange({})
        limit, too_late = self._limit(cancel)
        try:
            if task.foresee:
                raise NotSupported(NOT_FORESEEN)
            async with asyncio.timeout(limit):
                endpoint = await self.endpoints.resolve(Ask(task, request))
                emitter(Progress(what=f"waiting for {host_of(endpoint)}"))
                await self._asker.ask(task, request.text, endpoint, emitter, exchange)
            output = _output(task, exchange, request.text)
        except asyncio.CancelledError:
            emitter(Cancelled())
            raise
        except TimeoutError:
            where = "the endpoint" if endpoint is None else host_of(endpoint)
            self._fail(task, emitter, too_late(where), endpoint, exchange)
        except PlaygroundError as error:
            self._fail(task, emitter, error, endpoint, exchange)
        except Exception:
            # The text of an unforeseen error may quote a request: without the key, and to the log alone.
            scrub = Scrubber("" if endpoint is None else endpoint.api_key)
            log.error("a hosted run failed\n%s", scrub(traceback.format_exc()))
            self._fail(task, emitter, InternalError(), endpoint, exchange)
        else:
            _settle(endpoint, exchange)  # before the last word, after which the visitor may run again
            emitter(Finished(output=output, stats=_stats(task, endpoint, exchange, answered=True)))
        finally:
            _settle(endpoint, exchange)

    def _fail(
        self, task: Task, emitter: Emitter, error: PlaygroundError, endpoint: Endpoint | None, exchange: Exchange
    ) -> None:
        log.info("hosted run failed: %s", error.kind)
        _settle(endpoint, exchange)
        emitter(Failed(error=error, stats=_stats(task, endpoint, exchange, answered=False)))

    def _limit(self, cancel: Cancel) -> tuple[float, Callable[[str], PlaygroundError]]:
        """Seconds this run may take, and what to say when they are over."""
        hosted, card, left = self._settings.hosted_timeout, self._settings.deadline, cancel.remaining()
        card = card if left is None else min(card, left)
        if hosted <= card:
            return hosted, lambda host: EndpointTimeout(
                capital(f"{host} did not answer within {hosted:g} s: run again or choose a faster model.")
            )
        return card, lambda host: DeadlineExceeded(capital(f"{host} did not answer before the deadline: run again."))


def _output(task: Task, exchange: Exchange, text: str) -> Answer:
    """Raises Refused or BadReply."""
    if exchange.written is None:
        return output_of(task, exchange.reply, text)
    return text_of(task, exchange.reply, exchange.written, text)


def _stats(task: Task, endpoint: Endpoint | None, exchange: Exchange, *, answered: bool) -> Stats:
    """What is known of a run, also of one that failed. The key is taken out of what the endpoint sent."""
    if endpoint is None:
        return Stats()
    reply, scrub = exchange.reply, Scrubber(endpoint.api_key)
    stats = Stats(
        model=scrub.exact(reply.model or endpoint.model),
        source=endpoint.source,
        request_json=_pretty(exchange.body) if exchange.body else None,
        response_json=scrub.exact(_pretty(reply.json())) if reply.chunks else None,
        note=_note(task, endpoint, exchange),
    )
    if not answered:
        return stats
    tokens_in, tokens_out, _ = reply.tokens()
    paid = _cost(endpoint, exchange)
    return replace(
        stats,
        revision=None if reply.fingerprint is None else scrub.exact(reply.fingerprint),
        latency_seconds=exchange.latency,
        time_to_first_token_seconds=exchange.first_token,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_per_second=_speed(exchange, tokens_out),
        cost_usd=None if paid is None else paid.usd,
        price_date=None if paid is None else paid.date,
    )


def _speed(exchange: Exchange, tokens_out: int | None) -> float | None:
    """Tokens per second over the whole reply; of a plain text that came in pieces, from its first one on, unless its tokens were
    partly thoughts, which came before.
    """
    if not tokens_out or not exchange.latency:
        return None
    written, first = exchange.written, exchange.first_token
    thought = exchange.reply.thought or (written is not None and written.thought)
    if written is None or first is None or thought or tokens_out < 2 or exchange.latency <= first:
        return tokens_out / exchange.latency
    return (tokens_out - 1) / (exchange.latency - first)


def _cost(endpoint: Endpoint, exchange: Exchange) -> Cost | None:
    """Of every attempt that was billed."""
    paid = [_cost_of(endpoint, reply) for reply in (*exchange.earlier, exchange.reply)]
    known = [one for one in paid if one is not None]
    return Cost(sum(one.usd for one in known), known[-1].date) if len(known) == len(paid) else None


def _cost_of(endpoint: Endpoint, reply: Reply) -> Cost | None:
    tokens_in, tokens_out, cached = reply.tokens()
    if endpoint.source is not Source.LIVE or tokens_in is None or tokens_out is None:
        return None
    by_reported = cost(endpoint.base_url, reply.model or endpoint.model, tokens_in, tokens_out, cached)
    return by_reported or cost(endpoint.base_url, endpoint.model, tokens_in, tokens_out, cached)


def _settle(endpoint: Endpoint | None, exchange: Exchange) -> None:
    """A visitor's reservation: what the call cost; all of it where the endpoint may have worked and did not say. Once: the first
    word counts.
    """
    if endpoint is None or endpoint.reservation is None:
        return
    if not exchange.sent:
        endpoint.reservation.release()
        return
    paid = _cost(endpoint, exchange)
    endpoint.reservation.charge(None if paid is None else paid.usd)


def _note(task: Task, endpoint: Endpoint, exchange: Exchange) -> str | None:
    said = [] if endpoint.note is None else [endpoint.note]
    left_out = list(dict.fromkeys(exchange.left_out))
    if left_out and endpoint.note is None:
        said.append(f"Asked again without {', '.join(left_out)}, which this endpoint refused.")
    if task.writing is not None and exchange.body:
        missing = [name for name in not_taken(task.writing, exchange.body) if name.replace("-", "_") not in left_out]
        if missing:
            said.append(
                f"Settings that this endpoint does not take, so that they changed nothing: {', '.join(missing)}."
            )
    return " ".join(said) or None


def _pretty(value: Any) -> str:
    """Indented; lists of numbers (a token's bytes) in one line. A line break never stands inside a JSON string."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return re.sub(r"\[\n[\d,\s]+\]", lambda numbers: re.sub(r"\s+", "", numbers[0]).replace(",", ", "), text)
