"""Where tiers that label a text agree and differ: a sentence, what their labels have in common, and a table place by place."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.task import canonical_label
from playground.core.types import Span, Spans
from playground.views.comparison import Comparison, listed, lowered, sentence
from playground.views.html import Child, Html, el
from playground.views.span_compare import Cell, Found, Row, rows_of
from playground.views.span_text import Palette

MOST_ROWS = 60
MOST_NAMES = 8  # labels that a sentence lists
LONGEST = 60  # characters of a stretch that a row shows
AROUND = 18  # characters of the text beside a word, by which it is found again


def compared(comparison: Comparison) -> tuple[str, Child]:
    """Heading, and the rest: of entities every place, of word classes those on which the tiers differ."""
    outputs = [result.output for result in comparison.results if isinstance(result.output, Spans)]
    gold = comparison.gold if isinstance(comparison.gold, tuple) else None
    rows = rows_of(outputs, gold)
    heading, said = _summary(comparison, rows)
    shown = [row for row in rows if row.counted and not row.agreed] if comparison.asked.every_word else rows
    table = _table(comparison, shown, outputs, gold) if shown else None
    counted = any(row.counted for row in rows)
    return heading, [el("p", el("b", said), " " if said else None, _labels(comparison, outputs, counted)), table]


def _summary(comparison: Comparison, rows: Sequence[Row]) -> tuple[str, str]:
    one, many = comparison.asked.noun
    found = [row for row in rows if any(cell.span is not None for cell in row.cells)]
    counted = [row for row in rows if row.counted]
    count, agreed = len(counted), sum(row.agreed for row in counted)
    # Where not everything that was found can be compared, or not by all of them, it is said what can.
    whole = len(found) == count and all(cell.knows for row in counted for cell in row.cells)
    of_these = "" if whole else " whose label two or more of them know"
    these = f"the one {one}" if count == 1 else f"all {count:,} {many}"
    if len(comparison.results) == 1:
        return "One answer.", ""
    if not found:
        return "Tiers agree.", f"None of them found any {one}."
    if not counted:
        return "Nothing in common to compare.", "What was found has labels that only one of these models knows."
    if agreed == count:
        return "Tiers agree." if whole else "Tiers that can be compared agree.", f"They agree on {these}{of_these}."
    if not agreed:
        return "Tiers differ.", f"They differ on {these}{of_these}."
    share = f" ({min(99, round(100 * agreed / count))}%)" if comparison.asked.every_word else ""
    return "Tiers differ.", f"They agree on {agreed:,} of {count:,} {one if count == 1 else many}{of_these}{share}."


def _known(comparison: Comparison) -> dict[str, tuple[str, tuple[int, ...]]]:
    """By canonical label: its name, and which of the compared models know it."""
    known: dict[str, tuple[str, tuple[int, ...]]] = {}
    for place, result in enumerate(comparison.results):
        for label in result.output.labels if isinstance(result.output, Spans) else ():
            name, models = known.get(canonical_label(label), (label, ()))
            known[canonical_label(label)] = (name, models if place in models else (*models, place))
    return known


def _labels(comparison: Comparison, outputs: Sequence[Spans], counted: bool) -> str:
    """Who knows which labels, and who is compared on them where anything is (`counted`), in words."""
    tiers = [result.tier for result in comparison.results]
    by_models: dict[tuple[int, ...], list[str]] = {}
    for name, models in _known(comparison).values():
        by_models.setdefault(models, []).append(name)
    everybody = tuple(range(len(tiers)))
    if not by_models:
        return ""
    if list(by_models) == [everybody]:
        names = by_models[everybody]
        if len(tiers) == 1:
            return f"{comparison.title(tiers[0])} knows {_names(names)}."
        return f"All know the same labels: {_names(names)}."
    alike: dict[tuple[str, ...], list[str]] = {}
    for tier, output in zip(tiers, outputs, strict=True):
        alike.setdefault(tuple(sorted(map(canonical_label, output.labels))), []).append(tier)
    knows = []
    for group in alike.values():
        labels = outputs[tiers.index(group[0])].labels
        who = sentence([comparison.title(tier) for tier in group])
        knows.append(f"{who} {'knows' if len(group) == 1 else 'know'} {_names(labels) if labels else 'no label'}")
    said = "; ".join([knows[0], *map(lowered, knows[1:])]) + "."
    both = [
        f"{_names(names)} ({listed([lowered(comparison.title(tiers[model])) for model in models])})"
        for models, names in by_models.items()
        if len(models) > 1
    ]
    if not both:
        return f"{said} They share no label."
    return f"{said} Compared on " + "; ".join(both) + "." if counted else said


def _names(labels: Sequence[str]) -> str:
    if len(labels) > MOST_NAMES:
        return f"{', '.join(labels[:MOST_NAMES])} and {len(labels) - MOST_NAMES} more"
    return listed(list(labels))


def _table(comparison: Comparison, rows: Sequence[Row], outputs: Sequence[Spans], gold: Sequence[Span] | None) -> Html:
    palette = Palette(comparison.asked, [label for output in outputs for label in output.labels])
    numbers = {tier: number for number, tier in enumerate(comparison.titles, 1)}
    tiers = [result.tier for result in comparison.results]
    head = el(
        "tr",
        el("th", "where they differ" if comparison.asked.every_word else comparison.asked.noun[0], scope="col"),
        el("th", "gold", scope="col") if gold is not None else None,
        [
            el(
                "th",
                el("span", numbers.get(tier, ""), cls="pg-number"),
                " ",
                comparison.title(tier),
                scope="col",
                data_tier=tier,
            )
            for tier in tiers
        ],
    )
    groups = _alike(comparison, rows)
    body = [_row(comparison, group, palette) for group in groups[:MOST_ROWS]]
    more = f"and {len(groups) - MOST_ROWS:,} more" if len(groups) > MOST_ROWS else ""
    return Html(
        el(
            "div",
            el("table", el("thead", head), el("tbody", body)),
            cls="pg-scroll pg-places",
            tabindex="0",
            role="region",
            aria_label="Answers place by place",
        )
        + (el("p", more, cls="pg-aside") if more else "")
    )


def _alike(comparison: Comparison, rows: Sequence[Row]) -> list[list[Row]]:
    """The same entity again, with the same answers, is one row. A word stands in a sentence, so each has its own."""
    if comparison.asked.every_word:
        return [[row] for row in rows]
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        cells = tuple((cell.found, cell.span and (cell.span.label, cell.span.text)) for cell in row.cells)
        groups.setdefault((comparison.text[row.start : row.end], row.label, row.true, cells), []).append(row)
    return list(groups.values())


def _row(comparison: Comparison, group: Sequence[Row], palette: Palette) -> Html:
    row = group[0]
    label = el("span", row.label, cls=f"pg-label {palette.cls(row.label)}", title=palette.means(row.label))
    gold = None
    if row.true is not None:
        gold = el("td", "✓" if row.true else el("span", "–", el("span", " not there", cls="pg-sr")), cls="pg-quiet")
    if comparison.asked.every_word:  # the tiers' cells say their labels
        first = el("th", _in_its_place(comparison.text, row), scope="row")
        if row.true is not None:
            gold = el("td", label if row.true else "–")
    else:
        stretch = el("b", _cut(comparison.text[row.start : row.end]), dir="auto")
        times = el("span", f" ×{len(group):,}", cls="pg-quiet") if len(group) > 1 else None
        first = el("th", stretch, " ", label, times, scope="row")
    cells = [_cell(comparison, row, cell) for cell in row.cells]
    return el("tr", first, gold, cells, data_differ=True if row.counted and not row.agreed else None)


def _cell(comparison: Comparison, row: Row, cell: Cell) -> Html:
    said, title = _words(comparison, row, cell)
    right = cell.found is Found.SAME and row.true
    wrong = row.true is not None and not right and cell.span is not None
    cls = "pg-right" if right else "pg-wrong" if wrong else None if cell.span is not None and cell.knows else "pg-quiet"
    return el("td", said, cls=cls, title=title or None)


def _words(comparison: Comparison, row: Row, cell: Cell) -> tuple[Child, str]:
    span = cell.span
    if cell.found is Found.UNKNOWN:
        return "not its kind", f"{row.label} is none of its labels."
    if span is None:
        return [el("span", "–", aria_hidden="true"), el("span", "not found", cls="pg-sr")], "Not found."
    foreign = "" if cell.knows else f" {row.label} is none of its labels."
    if cell.found is Found.SAME:
        if comparison.asked.every_word or row.true is False:  # a mark of agreement beside what is wrong would mislead
            return span.label, ""
        return [el("span", "✓", aria_hidden="true"), el("span", "the same", cls="pg-sr")], ""
    if cell.found is Found.OTHER:
        return span.label, f"Another label for the same words.{foreign}"
    part = _cut(comparison.text[span.start : span.end])
    return [el("bdi", f"“{part}”"), " ", span.label], f"Other words, which overlap these.{foreign}"


def _in_its_place(text: str, row: Row) -> list[Child]:
    """A word with what stands around it."""
    before, after = text[max(0, row.start - AROUND) : row.start], text[row.end : row.end + AROUND]
    before = before[before.find(" ") + 1 :] if row.start > AROUND else before
    after = after[: after.rfind(" ") + 1] if row.end + AROUND < len(text) else after
    return [
        el("span", " ".join(before.split()), " " if before[-1:].isspace() else None, cls="pg-quiet"),
        el("b", _cut(text[row.start : row.end])),
        el("span", " " if after[:1].isspace() else None, " ".join(after.split()), cls="pg-quiet"),
    ]


def _cut(words: str) -> str:
    whole = " ".join(words.split())
    return whole if len(whole) <= LONGEST else whole[: LONGEST - 2] + " …"
