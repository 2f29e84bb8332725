"""Words for gaps: the text with them in it, and each word's probability; of two texts side by side."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core import gaps
from playground.core.fill_task import canonical_word
from playground.core.reading_types import Choices, Filling, GapWords, Weighed
from playground.views import numbers
from playground.views.bars import TOP, Bar, bars
from playground.views.html import Child, Html, el
from playground.views.span_text import direction

LONGEST = 2000  # characters of a text that is shown as a whole
SIDE = 200  # of a longer one, on either side of a gap
KEPT = 20  # words of each gap that an answer has


def filled_text(text: str, words: Sequence[str], right: Sequence[bool | None] = ()) -> list[Child]:
    """The text with a marked word in each gap. right: of each, whether it is the true one, where that is known."""
    parts = text.split(gaps.MASK)
    last = len(parts) - 1
    shown: list[Child] = []
    for place, part in enumerate(_shortened(parts) if len(text) > LONGEST else parts):
        word = words[place] if place < min(last, len(words)) else None
        joins = word is not None and word.startswith(gaps.INSIDE)
        shown.append(part.rstrip(" ") if joins else part)
        if place < last:
            verdict = right[place] if place < len(right) else None
            mark = {True: "✓\xa0", False: "✗\xa0"}.get(verdict) if verdict is not None else None
            sign = el("span", mark, aria_hidden="true", cls="pg-right" if verdict else "pg-wrong") if mark else None
            said = gaps.MASK if word is None else word.removeprefix(gaps.INSIDE)
            shown.append(el("mark", sign, said, cls="pg-gap" if word is not None else "pg-gap pg-open"))
    return shown


def _shortened(parts: Sequence[str]) -> list[str]:
    found = []
    for place, part in enumerate(parts):
        before = part[-SIDE:] if place < len(parts) - 1 else ""
        after = part[:SIDE] if place else ""
        found.append(part if len(part) <= len(before) + len(after) else f"{after} … {before}")
    return found


def box(content: Child, text: str) -> Html:
    spoken = "The text with its gaps filled"
    return el(
        "div", content, cls="pg-marked pg-filled", dir=direction(text), tabindex=0, role="group", aria_label=spoken
    )


def candidates(output: Choices | None, gold: GapWords | None, before: Choices | None) -> Html:
    """A bar for each word, the likeliest first. Of several gaps in turn: the best of each, the second of each; with its
    gap's number.
    """
    rows = [] if output is None else _rows(output, gold, before)
    return bars(rows, max(KEPT, len(rows)), key=el("span", _key(output), cls="pg-key"))


def _rows(output: Choices, gold: GapWords | None, before: Choices | None) -> list[Bar]:
    several = len(output.masks) > 1
    found: list[Bar] = []
    for rank in range(max(map(len, output.masks), default=0)):
        for gap, words in enumerate(output.masks):
            if rank < len(words):
                row = words[rank]
                found.append(
                    Bar(
                        f"{gap + 1} · {row.token}" if several else row.token,
                        row.score,
                        rank == 0,
                        None,
                        _then(before, gap, row, len(output.masks)),
                        "right" if gold is not None and _is_right(gold, gap, row.token) else "",
                    )
                )
    return found


def _then(before: Choices | None, gap: int, row: Filling, count: int) -> float | None:
    """The word's score in the last run, of a text with as many gaps."""
    if before is None or len(before.masks) != count:
        return None
    return next((old.score for old in before.masks[gap] if old.token == row.token), None)


def _is_right(gold: GapWords, gap: int, word: str) -> bool:
    return gap < len(gold.gaps) and canonical_word(word) in set(map(canonical_word, gold.gaps[gap]))


def _key(output: Choices | None) -> str:
    return "number of the gap · word" if output is not None and len(output.masks) > 1 else ""


def weighed(rows: Sequence[Weighed]) -> Html:
    """A word a line, its bar in the first text above that in the second. Those that differ most come first."""
    listed = el("ul", [_side_by_side(row) for row in rows], cls="pg-bars pg-ranked pg-weighed", role="list", tabindex=0)
    key = el("span", el("i", cls="pg-key-here", aria_hidden="true"), " first sentence ", cls="pg-key")
    other = el("span", el("i", cls="pg-key-there", aria_hidden="true"), " second", cls="pg-key")
    more = el(
        "button",
        el("span", f"all {len(rows):,}", cls="pg-show-all"),
        el("span", "top five", cls="pg-show-top"),
        type="button",
        cls="pg-link",
        data_act="all-labels",
        disabled=len(rows) <= TOP,
    )
    return el("div", listed, el("div", el("span", key, other), more, cls="pg-bars-foot"), cls="pg-body")


def _side_by_side(row: Weighed) -> Html:
    here, there = numbers.score(row.here), numbers.score(row.there)
    change = numbers.delta(None if row.here is None or row.there is None else row.there - row.here)
    said = f"{row.token}: {here} in the first sentence, {there} in the second"
    return el(
        "li",
        el("span", row.token, cls="pg-bar-label", dir="auto"),
        el(
            "span",
            el("span", cls="pg-bar-fill", style=_at(row.here)),
            el("span", cls="pg-bar-fill pg-there", style=_at(row.there)),
            cls="pg-bar-track",
            aria_hidden="true",
        ),
        el("span", f"{here} → {there}", cls="pg-bar-score", aria_hidden="true"),
        el("span", f" {here} in the first sentence, {there} in the second", cls="pg-sr"),
        cls="pg-bar",
        title=f"{said}{f' ({change})' if change else ''}",
    )


def _at(value: float | None) -> str:
    return f"--value:{0 if value is None else round(100 * min(1.0, max(0.0, value)), 2)}%"
