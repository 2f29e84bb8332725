"""The Status tab: what is in memory, what waits, what left and why. Data in, HTML out; one string per part of the board."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from playground.core.run import TableProgress, Work
from playground.core.status import Device, Queue, RuntimeReport, Totals, Why
from playground.core.types import Resident
from playground.views import numbers
from playground.views.html import Child, Html, el
from playground.views.residents import models, under_backbones

PARTS = ("memory", "queue", "models", "events")  # in this order
SHADES = 5  # of the bar's segments; then they repeat
LEFT = {
    Why.ROOM: "for room",
    Why.OVER_BUDGET: "over budget",
    Why.OUT_OF_MEMORY: "out of memory",
    Why.OWNER: "by the owner",
}
EVENTS = 12  # lines shown of what left and what failed


def head() -> Html:
    return el(
        "header",
        el(
            "div",
            el("h1", "Models and memory"),
            el("p", "What this server holds, what is waiting for it, and what had to go. All visitors share it."),
        ),
        el(
            "div",
            el("span", cls="pg-as-of", role="status"),
            el("button", "Leave projector", type="button", cls="pg-link pg-projector-only", data_act="projector"),
            cls="pg-head-actions",
        ),
        cls="pg-page-head",
    )


def board() -> Html:
    """The places of the parts, empty: the page's script fills them while the tab is shown."""
    return el(
        "div",
        [el("section", cls="pg-panel", data_part=name, tabindex="-1", aria_busy="true") for name in PARTS],
        cls="pg-board",
    )


def parts(report: RuntimeReport, work: Work, *, owner: bool, now: datetime) -> dict[str, Html]:
    """What each part shows now. `owner`: with buttons."""
    return {
        "memory": _memory(report.device, report.residents),
        "queue": _queue(report, work),
        "models": models(report, owner=owner) + _totals(report.totals, work.since, now),
        "events": _events(report, now),
    }


# -- memory


def _memory(device: Device, residents: Sequence[Resident]) -> Html:
    """One bar: a segment per resident, then what is free of the budget."""
    held = [resident for resident in under_backbones(residents) if resident.bytes]
    facts = [device.name, device.dtype, f"{device.threads} threads" if device.threads and device.threads > 1 else None]
    free = max(0, device.budget - device.used)
    share = device.used / device.budget if device.budget else 0.0
    return Html(
        el("h2", "Memory", _aside(" · ".join(fact for fact in facts if fact)))
        + el(
            "p",
            el("b", numbers.size(device.used)),
            f" of {numbers.size(device.budget)} in models",
            el("span", f"{100 * share:.0f}{chr(0xA0)}%", cls="pg-quiet"),
            cls="pg-lead",
        )
        + _bar(device, held)
        + el("ul", [_legend(place, row) for place, row in enumerate(held)], _legend_free(free), cls="pg-legend")
        + _figures(
            (numbers.size(device.process), "this process", "Resident set: models, libraries and all the rest."),
            (
                f"{numbers.size(device.free)} of {numbers.size(device.total)}",
                "free on this machine" if device.name == "cpu" else f"free on {device.name}",
                "As the system tells it; other programs take their part of it.",
            ),
        )
    )


def _bar(device: Device, held: Sequence[Resident]) -> Html:
    """Widths are shares of the budget, or of what is held where one model alone is larger than it."""
    whole = max(device.budget, sum(row.bytes for row in held), 1)
    segments = [
        el(
            "span",
            style=f"--value:{100 * row.bytes / whole:.3f}%",
            data_shade=place % SHADES,
            data_loading=row.state == "loading",
            title=f"{row.model}: {numbers.size(row.bytes)}",
            data_key=row.key or f"{row.model}{place}",
        )
        for place, row in enumerate(held)
    ]
    said = f"{numbers.size(device.used)} of {numbers.size(device.budget)} are taken by {_count(len(held), 'model')}."
    return el("div", segments, cls="pg-memory-bar", role="img", aria_label=said)


def _legend(place: int, row: Resident) -> Html:
    swatch = el("i", data_shade=place % SHADES, data_loading=row.state == "loading", aria_hidden="true")
    size = numbers.size(row.bytes) + (" reserved" if row.state == "loading" else "")
    name = el("span", row.model, cls="pg-name", dir="auto", title=row.model)
    return el("li", swatch, name, el("b", size), data_key=row.key or f"{row.model}{place}")


def _legend_free(free: int) -> Html:
    return el("li", el("i", data_free=True, aria_hidden="true"), el("span", "free"), el("b", numbers.size(free)))


# -- the queue and what is under way


def _queue(report: RuntimeReport, work: Work) -> Html:
    queue, totals = report.queue, report.totals
    requests = work.runs + len(work.tables) + work.looks
    limit = f" of {work.limit:,}" if work.limit else ""
    batch = numbers.UNKNOWN if not totals.steps else f"{totals.rows / totals.steps:.1f}"
    return Html(
        el("h2", "Queue")
        + _figures(
            (
                f"{requests:,}{limit}",
                "requests in progress",
                "Runs, tables and looks of all visitors; the limit is a setting.",
            ),
            (f"{queue.running:,}", "on the device now", "Calls in the step that the device is computing."),
            (f"{queue.waiting:,}", "waiting for the device", ""),
            (f"{queue.loading:,}", "waiting for a model", "Its weights are being read, or it waits for memory."),
            (_wait(queue), "expected wait", "What a call sent now would wait for the device."),
            (batch, "inputs per step", "The mean batch: how many inputs one step of the device computes."),
        )
        + el("h3", "Under way")
        + _jobs(report, work)
    )


def _wait(queue: Queue) -> str:
    """Nothing measured is no number; an idle device is no wait."""
    if queue.wait_seconds is None:
        return numbers.UNKNOWN
    return "none" if queue.wait_seconds < 0.005 else numbers.seconds(queue.wait_seconds)


def _jobs(report: RuntimeReport, work: Work) -> Html:
    loads = [_load(row) for row in report.residents if row.state == "loading"]
    rows = [*loads, *(_table(table, place) for place, table in enumerate(work.tables))]
    if work.runs:
        rows.append(el("li", el("span", _count(work.runs, "run"), " in progress"), data_key="runs"))
    if work.looks:
        rows.append(el("li", el("span", _count(work.looks, "look"), " into a model in progress"), data_key="looks"))
    if not rows:
        return el("p", "Nothing: the server is idle.", cls="pg-aside")
    return el("ul", rows, cls="pg-jobs")


def _load(row: Resident) -> Html:
    said = "" if row.fraction is None else f"{100 * row.fraction:.0f}{chr(0xA0)}%"
    name = el("span", "Loading ", el("b", row.model, dir="auto"))
    return el("li", name, el("span", said, cls="pg-quiet"), _progress(row.fraction), data_key=f"load {row.key}")


def _table(table: TableProgress, place: int) -> Html:
    name = el("span", "A table of ", el("b", table.task))
    said = el("span", f"{table.done:,} of {_count(table.lines, 'line')}", cls="pg-quiet")
    return el("li", name, said, _progress(table.done / table.lines if table.lines else None), data_key=f"table {place}")


def _progress(fraction: float | None) -> Html:
    percent = None if fraction is None else min(100, max(0, round(100 * fraction)))
    style = None if percent is None else f"--value:{percent}%"
    return el(
        "div",
        el("span", style=style),
        cls="pg-progress",
        aria_hidden="true",
        data_unknown=True if percent is None else None,
    )


# -- the sums below the models, and what happened


def _totals(totals: Totals, since: datetime | None, now: datetime) -> Html:
    asked = totals.hits + totals.misses
    hits = f"{100 * totals.hits / asked:.0f}{chr(0xA0)}%" if asked else numbers.UNKNOWN
    failed = f", {totals.failed_loads:,} failed" if totals.failed_loads else ""
    why = ", ".join(f"{count:,} {LEFT[reason]}" for reason, count in totals.evictions if count)
    evictions = sum(count for _, count in totals.evictions)
    began = "" if since is None else f"Since the start, {numbers.ago((now - since).total_seconds())}"
    return Html(
        el("h3", began or "Since the start")
        + _figures(
            (
                hits,
                "found in memory",
                f"{totals.hits:,} of {_count(asked, 'request')} did not have to wait for a load.",
            ),
            (f"{totals.loads:,}", f"loads{failed}", ""),
            (numbers.seconds(totals.load_seconds) if totals.loads else numbers.UNKNOWN, "spent on loading", ""),
            (f"{evictions:,}", "left memory" + (f": {why}" if why else ""), ""),
        )
    )


def _events(report: RuntimeReport, now: datetime) -> Html:
    """What left memory and which loads failed, newest first."""
    rows = [
        (_aware(gone.at), gone.model, numbers.size(gone.bytes), gone.reason or f"It left: {gone.why}.", False)
        for gone in report.departures
    ]
    rows += [
        (_aware(load.at), load.model, "failed", load.error, True) for load in report.loads if load.error is not None
    ]
    rows.sort(key=lambda row: row[0], reverse=True)
    lines = [_event(at, model, size, why, failed, now) for at, model, size, why, failed in rows[:EVENTS]]
    heading = el("h2", "What left memory, and why")
    if not lines:
        return Html(
            heading
            + el(
                "p",
                "Nothing yet. A model leaves when another one needs its place, or when the owner unloads it.",
                cls="pg-aside",
            )
        )
    return Html(heading + el("ol", lines, cls="pg-events"))


def _event(at: datetime, model: str, size: str, why: str, failed: bool, now: datetime) -> Html:
    seconds = max(0.0, (now - at).total_seconds())
    return el(
        "li",
        el(
            "time",
            numbers.ago(seconds),
            datetime=at.isoformat(timespec="seconds"),
            title=f"{at:%Y-%m-%d %H:%M:%S %Z}",
        ),
        el("b", model, dir="auto", cls="pg-name"),
        el("span", size, cls="pg-event-size"),
        el("p", why, dir="auto"),
        data_failed=failed,
        data_key=f"{at.isoformat()} {model}",
    )


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _figures(*rows: tuple[str, str, str]) -> Html:
    cells = [
        el(
            "div",
            el("dd", value),
            el("dt", caption),
            cls="pg-figure",
            title=hint or None,
            data_unknown=value == numbers.UNKNOWN,
        )
        for value, caption, hint in rows
    ]
    return el("dl", cells, cls="pg-numbers pg-figures")


def _aside(words: Child) -> Html:
    return el("span", words, cls="pg-count")


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
