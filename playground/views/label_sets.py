"""Sets of labels side by side: what is missing and too much against the truth, and which tiers give which label."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from playground.core.task import canonical_label
from playground.core.types import Gold, MultiLabels
from playground.views import numbers
from playground.views.comparison import Comparison, listed, lowered
from playground.views.html import Child, Html, el

NAMED = 4  # labels that a headline, a cell or a spoken sentence names
MOST_ROWS = 40


@dataclass(frozen=True)
class SetVerdict:
    """found, extra: of the labels that were given. missed: true ones that were not."""

    found: tuple[str, ...]
    missed: tuple[str, ...]
    extra: tuple[str, ...]


def judged(output: MultiLabels, gold: Gold | None) -> SetVerdict | None:
    """None where there is no true answer of this kind."""
    if not isinstance(gold, frozenset):
        return None
    true = {canonical_label(label) for label in gold}
    said = {canonical_label(label) for label in output.labels}
    return SetVerdict(
        tuple(label for label in output.labels if canonical_label(label) in true),
        tuple(label for label in sorted(gold) if canonical_label(label) not in said),
        tuple(label for label in output.labels if canonical_label(label) not in true),
    )


def shortened(labels: Sequence[str], separator: str = " · ") -> str:
    """
    >>> shortened(["a", "b", "c", "d", "e", "f"])
    'a · b · c · d · +2'
    """
    more = len(labels) - NAMED
    return separator.join([*labels[:NAMED], *([f"+{more:,}"] if more > 0 else [])])


def said_of(labels: Sequence[str]) -> str:
    """In a sentence."""
    more = len(labels) - NAMED
    return listed([*labels[:NAMED], f"{more:,} more"]) if more > 0 else listed(labels) if labels else "none"


class _Row(NamedTuple):
    """One label; by compared tier whether it gives it. `true` None without a true answer."""

    label: str
    given: tuple[bool, ...]
    true: bool | None

    @property
    def agreed(self) -> bool:
        return len(set(self.given)) == 1


def same(outputs: Sequence[MultiLabels]) -> bool:
    return len({frozenset(map(canonical_label, output.labels)) for output in outputs}) == 1


def compared(comparison: Comparison) -> tuple[str, Child]:
    """Heading, a sentence, and a row for each label that one of them gives or that is true."""
    results = comparison.results
    outputs = [result.output for result in results if isinstance(result.output, MultiLabels)]
    gold = comparison.gold if isinstance(comparison.gold, frozenset) else None
    rows = _rows(outputs, gold)
    heading, said = _summary(comparison, outputs, rows)
    return heading, [el("p", said), _table(comparison, rows, outputs) if rows else None]


def _rows(outputs: Sequence[MultiLabels], gold: Collection[str] | None) -> list[_Row]:
    """What most give comes first; then in the order in which they give it."""
    said = [{canonical_label(label) for label in output.labels} for output in outputs]
    true = None if gold is None else {canonical_label(label) for label in gold}
    names: dict[str, str] = {}
    for label in [label for output in outputs for label in output.labels] + sorted(gold or ()):
        names.setdefault(canonical_label(label), label)
    rows = [
        _Row(label, tuple(name in given for given in said), None if true is None else name in true)
        for name, label in names.items()
    ]
    return sorted(rows, key=lambda row: -sum(row.given))  # stable


def _summary(comparison: Comparison, outputs: Sequence[MultiLabels], rows: Sequence[_Row]) -> tuple[str, list[Child]]:
    results, right = comparison.results, comparison.right
    tiers = [result.tier for result in results]
    if len(results) == 1 or same(outputs):
        say = "says" if len(results) == 1 else "say"
        verdicts = {right[tier] for tier in tiers if tier in right}
        mark = "" if len(verdicts) != 1 else " (right)" if verdicts == {True} else " (wrong)"
        labels = outputs[0].labels
        what: list[Child] = [el("b", said_of(labels), dir="auto")] if labels else ["that none of the labels holds"]
        heading = "One answer." if len(results) == 1 else "Tiers agree."
        return heading, [f"{comparison.named(tiers)} {say} ", *what, mark, "."]
    common = [row.label for row in rows if all(row.given)]
    differ = [row.label for row in rows if not row.agreed]
    said: list[Child] = []
    if common:
        said += ["They agree on ", el("b", said_of(common), dir="auto"), " and differ on "]
    else:
        said.append("They differ on ")
    said += [el("b", said_of(differ), dir="auto"), "."]
    return "Tiers differ.", [*said, *_who(comparison)]


def _who(comparison: Comparison) -> list[Child]:
    """Who is right, where the truth is known; of one tier alone, why it may see it differently."""
    right, results = comparison.right, comparison.results
    good = [result.tier for result in results if right.get(result.tier)]
    bad = [result.tier for result in results if right.get(result.tier) is False]
    if not right:
        return []
    if not good:
        return [" None of them is right." if len(bad) > 1 else ""]
    said: list[Child] = [f" {comparison.named(good)} {'is' if len(good) == 1 else 'are'} right"]
    told = comparison.trained_on.get(bad[0]) if len(bad) == 1 else None
    if told:
        said.append(f"; {lowered(comparison.title(bad[0]))} was trained on {told.rstrip('.')}")
    return [*said, "."]


def _table(comparison: Comparison, rows: Sequence[_Row], outputs: Sequence[MultiLabels]) -> Html:
    places = {tier: place for place, tier in enumerate(comparison.titles, 1)}
    gold = any(row.true is not None for row in rows)
    heads = [
        el(
            "th",
            el("span", places.get(result.tier, ""), cls="pg-number"),
            " ",
            comparison.title(result.tier),
            scope="col",
            data_tier=result.tier,
        )
        for result in comparison.results
    ]
    head = el("tr", el("th", "label", scope="col"), el("th", "gold", scope="col") if gold else None, heads)
    scores = [{row.label: row.score for row in output.scores} for output in outputs]
    body = [_row(row, scores, gold) for row in rows[:MOST_ROWS]]
    more = len(rows) - MOST_ROWS
    table = el(
        "div",
        el("table", el("thead", head), el("tbody", body)),
        cls="pg-scroll pg-places pg-sets",
        tabindex="0",
        role="region",
        aria_label="Which tier gives which label",
    )
    return Html(table + (el("p", f"and {more:,} more", cls="pg-aside") if more > 0 else ""))


def _row(row: _Row, scores: Sequence[Mapping[str, float | None]], gold: bool) -> Html:
    first = el("th", el("b", row.label, dir="auto"), scope="row", title=row.label)
    true = el("td", _sign("✓", "true") if row.true else _sign("–", "not true"), cls="pg-quiet") if gold else None
    cells = []
    for given, by_label in zip(row.given, scores, strict=True):
        sign, means, cls = _CELLS[given, row.true]
        score = by_label.get(row.label)
        shown = None if score is None else el("span", f" {numbers.score(score)}", cls="pg-quiet")
        cells.append(el("td", el("span", _sign(sign, means), cls=cls), shown, title=f"{means.capitalize()}."))
    return el("tr", first, true, cells, data_differ=None if row.agreed else True)


# By whether a tier gives a label, and whether it is true (None: nobody knows): sign, meaning, class.
_CELLS = {
    (True, None): ("✓", "holds", None),
    (False, None): ("–", "does not hold", "pg-quiet"),
    (True, True): ("✓", "holds, and is true", "pg-right"),
    (True, False): ("✗", "holds, and is not true", "pg-wrong"),
    (False, True): ("○", "missed: it is true", "pg-wrong"),
    (False, False): ("–", "rightly left out", "pg-quiet"),
}


def _sign(sign: str, means: str) -> list[Html]:
    return [el("span", sign, aria_hidden="true"), el("span", means, cls="pg-sr")]
