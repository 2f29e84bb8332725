"""Many inputs at once: a row per line, a column per tier, disagreement marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from playground.core.run import TierResult
from playground.core.types import Source
from playground.views import numbers
from playground.views.html import Html, el
from playground.views.kinds import view_of

SHORT = 24  # characters of an answer that a cell shows


class Row(Protocol):
    """As the service's TableRow: `index` from 0 in the pasted order."""

    @property
    def index(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def results(self) -> tuple[TierResult, ...]: ...


def differs(row: Row) -> bool | None:
    """Whether the compared tiers gave more than one answer; None where no two of them can be compared."""
    outputs = [result.output for result in row.results if result.compared]
    return view_of(outputs[0]).differ(outputs) if outputs else None


def table(rows: Sequence[Row], titles: Mapping[str, str], total: int, *, busy: bool = False) -> Html:
    """`rows` in any order; lines that have no row yet are not shown, the count says how many are missing."""
    ordered = sorted(rows, key=lambda row: row.index)
    verdicts = [differs(row) for row in ordered]
    different = sum(verdict is True for verdict in verdicts)
    head = el(
        "tr",
        el("th", "line", scope="col"),
        el("th", "text", scope="col"),
        [
            el("th", el("span", place, cls="pg-number"), " ", name, scope="col", data_tier=tier)
            for place, (tier, name) in enumerate(titles.items(), 1)
        ],
    )
    body = [_row(row, titles, verdict is True) for row, verdict in zip(ordered, verdicts, strict=True)]
    return el(
        "section",
        el(
            "div",
            el("h2", _count(len(ordered), total, busy)),
            el("span", _summary(verdicts, different), cls="pg-aside"),
            el(
                "label",
                el("input", type="checkbox", data_act="only-different", autocomplete="off"),
                " only where they differ",
                cls="pg-check",
                hidden=not different,
            ),
            el(
                "button",
                "Download CSV",
                type="button",
                cls="pg-button pg-small",
                data_act="table-csv",
                disabled=busy or not ordered,
            ),
            cls="pg-table-head",
        ),
        el(
            "div",
            el("table", el("thead", head), el("tbody", body)),
            cls="pg-scroll",
            tabindex="0",
            role="region",
            aria_label="Answers line by line",
        ),
        cls="pg-panel pg-table",
    )


def _count(done: int, total: int, busy: bool) -> str:
    lines = "line" if total == 1 else "lines"
    return (
        f"{done} of {total} {lines} …"
        if busy
        else f"{done} {lines}"
        if done == total
        else f"{done} of {total} {lines}, stopped"
    )


def _summary(verdicts: Sequence[bool | None], different: int) -> str:
    """Of the lines on which at least two tiers gave what can be compared."""
    comparable = sum(verdict is not None for verdict in verdicts)
    if not comparable:
        return "nothing to compare" if verdicts else ""
    if not different:
        return "the tiers agree on all of them" if comparable == len(verdicts) else f"the tiers agree on {comparable}"
    return f"the tiers differ on {different}"


def _row(row: Row, titles: Mapping[str, str], different: bool) -> Html:
    by_tier = {result.tier: result for result in row.results}
    return el(
        "tr",
        el("th", row.index + 1, scope="row"),
        el("td", el("span", row.text, dir="auto"), cls="pg-cell-text", title=row.text if len(row.text) > 80 else None),
        [_cell(by_tier.get(tier)) for tier in titles],
        data_differ=True if different else None,
    )


def _cell(result: TierResult | None) -> Html:
    if result is None:
        return el("td", numbers.UNKNOWN, cls="pg-quiet")
    if result.output is None:
        words = "stopped" if result.error is None else "no answer"
        return el(
            "td",
            words,
            cls="pg-quiet pg-cell-error" if result.error else "pg-quiet",
            title=str(result.error or "") or None,
        )
    view = view_of(result.output)
    said, muted = view.said(result.output), result.stats.source is Source.STAND_IN
    return el(
        "td",
        el("b", said, dir="auto", title=said if len(said) > SHORT else None),
        " ",
        el("span", numbers.score(view.confidence(result.output)), cls="pg-quiet"),
        data_tier=result.tier,
        cls="pg-muted" if muted else None,
    )
