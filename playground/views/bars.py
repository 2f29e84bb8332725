"""A bar for each label: how much a model gives it and, where it is judged by itself, from where on it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from playground.views import numbers
from playground.views.html import Html, el

FEW = 6  # labels that are all shown, in the task's order, so that bars never change places
TOP = 5  # of more: the best, and a button for all of them, which then scroll in the same place
_MARKS = {"right": ("✓", "right"), "extra": ("✗", "not true"), "missed": ("○", "true, and missed")}


@dataclass(frozen=True)
class Bar:
    """said: whether it is the answer, or part of it. threshold: from which score on it holds. old: its score in the last run.
    mark: how that stands to the true answer, where there is one; empty for what is rightly left out.
    """

    label: str
    score: float | None = None
    said: bool = False
    threshold: float | None = None
    old: float | None = None
    mark: Literal["", "right", "extra", "missed"] = ""


def bars(
    rows: Sequence[Bar], total: int, *, judged: bool = False, key: Html | None = None, hint: str | None = None
) -> Html:
    """The body of a card. rows: best first, or in the task's order where `total` labels are few; missing ones are filled up.

    judged: each label is judged by itself, and holds or does not. key: what stands beside the button. The height follows from
    `total`, `judged` and nothing else.
    """
    ranked = total > FEW
    shown = rows[:TOP] if ranked else rows
    items = [_item(row, judged) for row in shown] + [_BLANK] * (min(total, TOP if ranked else FEW) - len(shown))
    items += [_item(row, judged, rest=True) for row in rows[TOP:]] if ranked else []
    listed = el(
        "ul",
        items,
        cls="pg-bars pg-ranked" if ranked else "pg-bars",
        aria_label="scores",
        title=hint,
        tabindex=0 if ranked else None,
        role="list" if ranked else None,
    )
    foot = el("div", key or el("span"), _toggle(len(rows), total) if ranked else None, cls="pg-bars-foot")
    return el("div", listed, foot if ranked or judged else None, cls="pg-body")


def _toggle(there: int, total: int) -> Html:
    """One for the whole tab, whose style sheet shows what it says: so no update of a card undoes it."""
    return el(
        "button",
        el("span", f"all {total:,}", cls="pg-show-all"),
        el("span", "top five", cls="pg-show-top"),
        type="button",
        cls="pg-link",
        data_act="all-labels",
        disabled=there <= TOP,
    )


def _item(row: Bar, judged: bool, *, rest: bool = False) -> Html:
    classes = ["pg-bar", "pg-said" if row.said else "", "pg-rest" if rest else ""]
    return el(
        "li",
        el("span", _mark(row), row.label, cls="pg-bar-label", title=None if judged else row.label, dir="auto"),
        el(
            "span",
            el("span", cls="pg-bar-fill", style=_at(row.score)),
            _tick(row),
            None if row.threshold is None else el("span", cls="pg-bar-threshold", style=_at(row.threshold)),
            cls="pg-bar-track",
            aria_hidden="true",
        ),
        el("span", numbers.score(row.score), cls="pg-bar-score"),
        el("span", _spoken(row), cls="pg-sr") if judged else None,
        cls=" ".join(filter(None, classes)),
        title=_told(row) if judged else None,
    )


def _at(value: float | None) -> str:
    return f"--value:{0 if value is None else round(100 * min(1.0, max(0.0, value)), 2)}%"


def _tick(row: Bar) -> Html | None:
    """Where the bar ended in the last run."""
    if row.score is None or row.old is None or abs(row.score - row.old) < 0.005:
        return None
    return el("span", cls="pg-bar-tick", style=_at(row.old), title=f"last run: {numbers.score(row.old)}")


def _mark(row: Bar) -> list[Html] | None:
    if not row.mark:
        return None
    sign, means = _MARKS[row.mark]
    return [
        el("span", f"{sign} ", cls="pg-right" if row.mark == "right" else "pg-wrong", aria_hidden="true"),
        el("span", f"{means}: ", cls="pg-sr"),
    ]


def _spoken(row: Bar) -> str:
    holds = "holds" if row.said else "does not hold"
    return f" {holds}" if row.threshold is None else f" {holds}, threshold {numbers.score(row.threshold)}"


def _told(row: Bar) -> str:
    score = "" if row.score is None else f" {numbers.score(row.score)},"
    bound = "" if row.threshold is None else f": its threshold is {numbers.score(row.threshold)}"
    old = "" if row.old is None else f"; last run {numbers.score(row.old)}"
    means = f". {_MARKS[row.mark][1].capitalize()}" if row.mark else ""
    return f"{row.label}:{score} {'holds' if row.said else 'does not hold'}{bound}{old}{means}."


_BLANK = el(
    "li",
    el("span", cls="pg-bar-label"),
    el("span", cls="pg-bar-track"),
    el("span", numbers.UNKNOWN, cls="pg-bar-score pg-quiet"),
    cls="pg-bar pg-blank",
    aria_hidden="true",
)
