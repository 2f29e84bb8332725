"""This session's runs, newest first; each can be opened again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from playground.core.run import RunRecord, TierResult
from playground.core.types import Source
from playground.views import numbers
from playground.views.html import Html, el
from playground.views.kinds import view_of

SHORT = 24  # characters of an answer that a cell shows
SHOWN_TEXT = 300  # characters of a text that a row carries; the rest is cut off on screen anyway


def history(
    records: Sequence[RunRecord], titles: Mapping[str, str], rights: Mapping[int, Mapping[str, bool]] | None = None
) -> Html:
    """`rights`: by run id and tier, where a run's input had a true answer. Nothing at all before the first run."""
    if not records:
        return el("section", cls="pg-history", hidden=True)
    rows = [history_row(record, titles, (rights or {}).get(record.id, {})) for record in records]
    summary = el("summary", el("h2", "This session's runs"), " ", el("span", len(records), cls="pg-count"))
    head = el(
        "tr",
        el("th", "time (UTC)", scope="col"),
        el("th", "text", scope="col"),
        [
            el("th", el("span", place, cls="pg-number"), " ", name, scope="col", data_tier=tier)
            for place, (tier, name) in enumerate(titles.items(), 1)
        ],
    )
    return el(
        "section",
        el(
            "details",
            summary,
            el(
                "div",
                el("table", el("thead", head), el("tbody", rows)),
                cls="pg-scroll",
                tabindex="0",
                role="region",
                aria_label="Runs of this session",
            ),
            el(
                "div",
                el("button", "Download CSV", type="button", cls="pg-button pg-small", data_act="history-csv"),
                cls="pg-table-foot",
            ),
        ),
        cls="pg-panel pg-history",
    )


def history_row(record: RunRecord, titles: Mapping[str, str], right: Mapping[str, bool]) -> Html:
    """One run's row. `right`: by tier, where its input had a true answer."""
    text = record.text if len(record.text) <= SHOWN_TEXT else record.text[:SHOWN_TEXT] + " …"
    opener = el(
        "button",
        text,
        type="button",
        cls="pg-open",
        data_act="open",
        data_run=record.id,
        dir="auto",
        title="Open this run again",
    )
    at = el("time", record.at.strftime("%H:%M:%S"), datetime=record.at.isoformat(timespec="seconds"))
    cells = [_cell(record.result(tier), right.get(tier)) for tier in titles]
    return el("tr", el("td", at, cls="pg-quiet"), el("td", opener, cls="pg-cell-text"), cells)


def _cell(result: TierResult | None, right: bool | None) -> Html:
    if result is not None and result.written:
        short = f"{result.written[:SHORT].rstrip()} …"
        return el(
            "td",
            "stopped: " if result.cancelled else "broken off: ",
            el("span", short, dir="auto"),
            cls="pg-quiet",
            title=str(result.error or "") or None,
        )
    if result is None or result.output is None:
        return el("td", numbers.UNKNOWN, cls="pg-quiet", title=str(result.error) if result and result.error else None)
    mark = "" if right is None else " ✓" if right else " ✗"
    said, muted = view_of(result.output).said(result.output), result.stats.source is Source.STAND_IN
    return el(
        "td",
        el("b", said, dir="auto", title=said if len(said) > SHORT else None),
        el("span", mark, cls="pg-mark"),
        data_tier=result.tier,
        cls="pg-muted" if muted else None,
    )
