"""Where the tiers agree and differ, and who was right where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.run import TierResult
from playground.core.types import Gold, Source
from playground.views.comparison import Comparison, listed, sentence
from playground.views.html import Child, Html, el
from playground.views.kinds import view_of
from playground.views.state import NOTHING_KNOWN, Asked


def agreement(
    results: Sequence[TierResult],
    titles: Mapping[str, str],
    *,
    right: Mapping[str, bool] | None = None,
    trained_on: Mapping[str, str] | None = None,
    silent: Sequence[str] = (),
    busy: bool = False,
    asked: Asked = NOTHING_KNOWN,
    text: str = "",
    gold: Gold | None = None,
) -> Html:
    """`silent`: tiers that failed or were stopped. The rest as in `Comparison`."""
    compared = [result for result in results if result.compared]
    heading: str
    said: Child
    if not compared:
        heading, said = ("Comparing …", None) if busy else ("Nothing to compare yet.", None)
    else:
        # A task has one kind of answer.
        comparison = Comparison(compared, titles, right or {}, trained_on or {}, asked, text, gold)
        heading, said = view_of(compared[0].output).compare(comparison)
    if silent and compared:
        said = [said, " ", f"{sentence([titles.get(tier, tier) for tier in silent])} gave no answer."]
    return el(
        "section",
        el("h2", heading),
        el("div", said, cls="pg-agreement"),
        _left_out(results, titles),
        cls="pg-panel pg-compare",
        data_kind=asked.kind or None,
        aria_label="Agreement",
    )


def _left_out(results: Sequence[TierResult], titles: Mapping[str, str]) -> Html | None:
    stand_ins = [result for result in results if result.output is not None and result.stats.source is Source.STAND_IN]
    if not stand_ins:
        return None
    names = listed([titles.get(result.tier, result.tier) for result in stand_ins])
    return el(
        "p", f"{names} is left out: its stand-in shows how an API call works, not how good one is.", cls="pg-aside"
    )
