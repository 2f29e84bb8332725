"""Confidence (of texts: speed) and latency of the tiers as bars: plain HTML, there at once, and can be saved as an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from playground.core.run import TierResult
from playground.views import numbers
from playground.views.html import Html, el, join
from playground.views.kinds import view_expected, view_of
from playground.views.state import NOTHING_KNOWN, Asked


def plot(results: Sequence[TierResult], titles: Mapping[str, str], asked: Asked = NOTHING_KNOWN) -> Html:
    """A row for every tier, filled or not, so that the panel has its height from the start. The stand-in stays out."""
    by_tier = {result.tier: result for result in results if result.compared}
    left_out = {result.tier: "left out" for result in results if not result.compared}
    latencies = {tier: result.stats.latency_seconds for tier, result in by_tier.items()}
    longest = max((value for value in latencies.values() if value), default=0.0)
    shown = {tier: None if value is None or not longest else value / longest for tier, value in latencies.items()}
    streams = view_expected(asked.kind).streams
    return el(
        "section",
        _speeds(by_tier, titles, left_out) if streams else _confidences(by_tier, titles, left_out, asked),
        _bars(
            "Latency",
            "shorter is faster",
            titles,
            shown,
            left_out | {tier: numbers.seconds(value) for tier, value in latencies.items()},
        ),
        el(
            "button",
            "image",
            type="button",
            cls="pg-link pg-corner",
            data_act="png-plot",
            title="Save this plot as a PNG",
            hidden=not by_tier,
        ),
        cls="pg-panel pg-plot",
        aria_label="Speed and latency by tier" if streams else "Confidence and latency by tier",
    )


def _confidences(
    results: Mapping[str, TierResult], titles: Mapping[str, str], left_out: Mapping[str, str], asked: Asked
) -> Html:
    values = {tier: view_of(result.output).confidence(result.output) for tier, result in results.items()}
    said = {tier: _said(result, values[tier], asked) for tier, result in results.items()}
    return _bars("Confidence", "in its own answer", titles, values, {**left_out, **said})


def _speeds(results: Mapping[str, TierResult], titles: Mapping[str, str], left_out: Mapping[str, str]) -> Html:
    speeds = {tier: result.stats.tokens_per_second for tier, result in results.items()}
    fastest = max((value for value in speeds.values() if value), default=0.0)
    values = {tier: value / fastest for tier, value in speeds.items() if value}
    said = {tier: numbers.rate(value) for tier, value in speeds.items()}
    return _bars("Tokens per second", "longer is faster", titles, values, {**left_out, **said})


def _said(result: TierResult, confidence: float | None, asked: Asked) -> Html:
    headline = view_of(result.output).headline(result.output, asked)
    words = el("span", headline, cls="pg-quiet", dir="auto", title=headline)
    return join([numbers.score(confidence), " ", words])


def _bars(
    title: str, caption: str, titles: Mapping[str, str], values: Mapping[str, float | None], texts: Mapping[str, str]
) -> Html:
    rows = [
        el(
            "div",
            _name(place, name),
            el(
                "dd",
                el("span", _fill(values.get(tier)), cls="pg-plot-track", aria_hidden="true"),
                el("span", texts.get(tier, numbers.UNKNOWN), cls="pg-plot-value"),
            ),
            data_tier=tier,
            cls="pg-plot-row",
        )
        for place, (tier, name) in enumerate(titles.items(), 1)
    ]
    return el("figure", el("figcaption", el("b", title), " ", caption), el("dl", rows))


@cache
def _name(place: int, name: str) -> Html:
    return el("dt", el("span", place, cls="pg-number"), " ", name)


def _fill(value: float | None) -> Html:
    return el("span", style=f"--value:{0 if value is None else round(100 * min(1.0, max(0.0, value)), 2)}%")
