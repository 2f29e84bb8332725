"""The table of resident models: backbones with their adapters under them, what each did, and which one goes next."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.status import RuntimeReport
from playground.core.types import Resident
from playground.views import numbers
from playground.views.html import Child, Html, el

NO_MODELS = "No model is in memory yet. The first Run that needs one loads it, and it stays until its place is needed."

FOR_THE_OWNER = "The owner can pin and unload: the address for that is in the server's log."
COLUMNS = ("Model", "State", "Memory", "Hits", "Loads", "Load time", "Leaves")
NUMBERS = ("Memory", "Hits", "Loads", "Load time")


def models(report: RuntimeReport, *, owner: bool) -> Html:
    residents = under_backbones(report.residents)
    going = leaving_order(residents)
    unload = el(
        "button",
        "Unload all idle",
        type="button",
        cls="pg-button pg-small",
        data_act="unload-idle",
        data_key="unload-idle",
        **_refused("" if any(going.values()) else "No model is idle.", "All that is neither in use nor pinned"),
    )
    heading = el(
        "div",
        el("h2", "Models", _number(residents)),
        unload if owner else el("span", FOR_THE_OWNER, cls="pg-for-owner"),
        cls="pg-table-head",
    )
    if not residents:
        return Html(heading + el("p", NO_MODELS, cls="pg-aside"))
    head = [_cell("th", name, role="columnheader", scope="col", number=name in NUMBERS) for name in COLUMNS]
    if owner:
        head.append(_cell("th", el("span", "Owner", cls="pg-sr"), role="columnheader", scope="col"))
    rows = [_row(row, residents, going, owner=owner) for row in residents]
    table = el(
        "table",
        el("thead", el("tr", head, role="row"), role="rowgroup"),
        el("tbody", rows, role="rowgroup"),
        cls="pg-residents",
        role="table",
        aria_label="Models in memory",
    )
    return Html(heading + el("div", table, cls="pg-scroll"))


def under_backbones(residents: Sequence[Resident]) -> list[Resident]:
    """Each adapter after its backbone; otherwise in the order in which they were given."""
    here = {resident.model for resident in residents}
    rows: list[Resident] = []
    for resident in residents:
        if resident.base not in here:
            rows.append(resident)
            rows += [other for other in residents if other.base == resident.model and other not in rows]
    return rows + [resident for resident in residents if resident not in rows]


def leaving_order(residents: Sequence[Resident]) -> dict[str, int]:
    """By key: 1 for the one that goes next, 0 for one that stays while things are as they are.

    The lowest credit goes first, and of equals the one that has been idle for longest. A backbone stays while an adapter over
    it is here.
    """
    bases = {resident.base for resident in residents}
    free = [row for row in residents if _may_go(row) and row.model not in bases]
    free.sort(key=lambda row: (row.credit, -(row.idle_seconds or 0.0)))
    order = {row.key: turn for turn, row in enumerate(free, 1)}
    return {row.key: order.get(row.key, 0) for row in residents}


def _may_go(row: Resident) -> bool:
    return row.state == "ready" and not row.leases and not row.pinned


def _row(row: Resident, residents: Sequence[Resident], going: dict[str, int], *, owner: bool) -> Html:
    adapter = any(row.base == other.model for other in residents)
    mark = (
        el("span", "pinned", cls="pg-badge", title="It stays in memory until it is unpinned.") if row.pinned else None
    )
    cells = [
        el(
            "th",
            el("span", row.model, cls="pg-name", dir="auto", title=row.model),
            " ",
            mark,
            role="rowheader",
            scope="row",
        ),
        _cell("td", _state(row), label="State"),
        _cell("td", numbers.size(row.bytes), label="Memory", number=True),
        _cell("td", f"{row.hits:,}", label="Hits", number=True),
        _cell("td", f"{row.loads:,}", label="Loads", number=True),
        _cell("td", numbers.seconds(row.load_seconds or None), label="Load time", number=True),
        _cell("td", _leaves(row, residents, going[row.key]), label="Leaves"),
    ]
    if owner:
        cells.append(_cell("td", _buttons(row, residents), label="Owner", cls="pg-owner"))
    return el("tr", cells, role="row", data_adapter=adapter, data_state=row.state, data_key=row.key or row.model)


def _state(row: Resident) -> Child:
    if row.state == "loading":
        return "loading" if row.fraction is None else f"loading {100 * row.fraction:.0f}{chr(0xA0)}%"
    if row.state != "ready":
        return "leaving" if row.state == "unloading" else "leaving when free"
    if row.leases:
        many = "request holds" if row.leases == 1 else "requests hold"
        return el("b", f"in use by {row.leases:,}", title=f"{row.leases:,} {many} it just now")
    return "idle" if row.idle_seconds is None else f"used {numbers.ago(row.idle_seconds)}"


def _leaves(row: Resident, residents: Sequence[Resident], turn: int) -> Child:
    """What a user wants to know of the eviction order, in words."""
    if turn == 1:
        return el("b", "next to go", title="It is worth least: the first to leave when another model needs room.")
    if turn:
        return f"{_ordinal(turn)} to go"
    if row.state != "ready":
        return numbers.UNKNOWN
    if row.pinned:
        return "stays: pinned"
    return "stays: in use" if row.leases else f"after its {_adapters(row, residents)}"


def _buttons(row: Resident, residents: Sequence[Resident]) -> list[Html]:
    """Never quite disabled: a keyboard reaches them, and they say why they do nothing."""
    leaving = "It is leaving already." if row.state in ("draining", "unloading") else ""
    hint = "" if row.pinned else "Keep it in memory, whatever else needs room"
    return [
        _button("Unpin" if row.pinned else "Pin", "pin", row, leaving, hint),
        _button("Unload", "unload", row, leaving or _held(row, residents), _with_adapters(row, residents)),
    ]


def _held(row: Resident, residents: Sequence[Resident]) -> str:
    """Why it cannot be unloaded now. A backbone takes the adapters over it along, so that they may hold it too."""
    above = [other for other in residents if other.base == row.model]
    if row.state == "loading":
        return "It is still loading."
    if row.leases:
        return "It is in use: wait until its requests have ended."
    if row.pinned:
        return "It is pinned: unpin it first."
    if any(other.leases or other.state == "loading" for other in above):
        return "An adapter over it is in use: wait until its requests have ended."
    return "An adapter over it is pinned: unpin that first." if any(other.pinned for other in above) else ""


def _with_adapters(row: Resident, residents: Sequence[Resident]) -> str:
    return f"With its {_adapters(row, residents)}" if any(other.base == row.model for other in residents) else ""


def _button(word: str, act: str, row: Resident, why: str, hint: str = "") -> Html:
    return el(
        "button",
        word,
        type="button",
        cls="pg-button pg-small",
        data_act=act,
        data_model=row.key,
        data_pinned=row.pinned,
        data_key=f"{act} {row.key}",
        aria_label=f"{word} {row.model}",
        **_refused(why, hint),
    )


def _refused(why: str, hint: str = "") -> dict[str, str | None]:
    """Attributes of a button that does nothing now, and says why when it is pressed all the same."""
    return {"aria_disabled": "true" if why else None, "data_why": why or None, "title": why or hint or None}


def _cell(name: str, *children: Child, label: str = "", number: bool = False, **attributes: str | None) -> Html:
    """`label` stands before it on a phone, where the table becomes cards."""
    attributes.setdefault("role", "cell")
    return el(name, *children, data_label=label or None, data_number=number, **attributes)


def _adapters(row: Resident, residents: Sequence[Resident]) -> str:
    count = sum(other.base == row.model for other in residents)
    return "adapter" if count == 1 else f"{count} adapters"


def _number(residents: Sequence[Resident]) -> Html | None:
    return el("span", f"{len(residents):,} in memory", cls="pg-count") if residents else None


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"
