"""A card's figures: latency, cost, tokens or memory, parameters; of a text also how fast it came. What was not measured is "–",
never 0.
"""

from __future__ import annotations

from playground.core.types import Stats
from playground.views import numbers
from playground.views.html import Html, el
from playground.views.kinds import view_for
from playground.views.state import CardState, Phase


def figures(state: CardState) -> Html:
    """Each with what it counts. The same places in every phase."""
    stats = state.stats
    if view_for(state).streams:
        rows = [_latency(stats), _first_token(stats), _speed(stats), _tokens(stats), _cost(state), _parameters(stats)]
        rows.append(_memory(stats))
    else:
        rows = [_latency(stats), _cost(state), _tokens(stats) if state.remote else _memory(stats), _parameters(stats)]
    cells = [
        el(
            "div",
            el("dd", value, title=hint or None),
            el("dt", caption),
            cls="pg-figure",
            data_unknown=value == numbers.UNKNOWN,
        )
        for value, caption, hint in rows
    ]
    return el("dl", cells, cls="pg-numbers")


def _latency(stats: Stats) -> tuple[str, str, str]:
    caption, hint = "latency", ""
    if stats.latency_seconds is not None and stats.cache_hit is not None:
        caption = "latency, warm" if stats.cache_hit else "latency, cold"
    if stats.load_seconds:
        hint = f"Loading the model took {numbers.seconds(stats.load_seconds)}, once."
    if stats.queue_seconds:
        hint = f"{hint} It waited {numbers.seconds(stats.queue_seconds)} in the queue.".strip()
    return numbers.seconds(stats.latency_seconds), caption, hint


def _first_token(stats: Stats) -> tuple[str, str, str]:
    return numbers.seconds(stats.time_to_first_token_seconds), "to the first token", ""


def _speed(stats: Stats) -> tuple[str, str, str]:
    return numbers.rate(stats.tokens_per_second), "tokens per second", ""


def _cost(state: CardState) -> tuple[str, str, str]:
    stats = state.stats
    hint = f"From published prices of {stats.price_date}." if stats.price_date else ""
    if stats.cost_usd is None and state.remote and state.phase is Phase.DONE and not state.stand_in:
        hint = "No published price of this model is known here."
    return numbers.usd(stats.cost_usd), "per call", hint


def _tokens(stats: Stats) -> tuple[str, str, str]:
    if stats.tokens_in is None and stats.tokens_out is None:
        return numbers.UNKNOWN, "tokens in → out", ""
    known = [numbers.UNKNOWN if value is None else f"{value:,}" for value in (stats.tokens_in, stats.tokens_out)]
    return f"{known[0]} → {known[1]}", "tokens in → out", "What an endpoint charges for."


def _parameters(stats: Stats) -> tuple[str, str, str]:
    caption = "parameters"
    if stats.adapter_parameters is not None:
        caption = f"parameters, {numbers.count(stats.adapter_parameters)} adapted"
    return numbers.count(stats.parameters), caption, "" if stats.parameters is None else f"{stats.parameters:,}"


def _memory(stats: Stats) -> tuple[str, str, str]:
    caption = "in memory"
    if stats.adapter_bytes is not None:
        caption = f"in memory, {numbers.size(stats.adapter_bytes)} its own"
    return (
        numbers.size(stats.resident_bytes),
        caption,
        "" if stats.resident_bytes is None else f"{stats.resident_bytes:,} bytes",
    )
