"""What each head's removal does to the answer, one head at a time, as a table of layers and heads."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from playground.core.attention_types import Ablated, AblationGrid, AnswerKind
from playground.views.attention.ablation import AMONG, becomes, named, several, signed
from playground.views.attention.look import TITLES
from playground.views.html import Html, el, join

MANY = 16  # heads of a layer from which on their numbers are left to the pointer and the focus
STRONGEST = 60  # percent of colour in the strongest cell: ink can be read on it
NOTHING = 0.005  # what two digits do not show
KEYS = (0.01, 0.1, 0.5, 1.0)
LEAST = 1e-4
MOST_HEADS = 6  # that a sentence names


def table(grid: AblationGrid) -> Html:
    """Without its cells: they come by `rows`."""
    layers, heads = grid.effects.shape
    return el(
        "table",
        el("caption", f"What each head's removal does: {TITLES[grid.part]}", cls="pg-sr"),
        el(
            "thead",
            el(
                "tr",
                el("th", el("span", "layer", cls="pg-abl-corner"), scope="col"),
                [el("th", el("span", "head ", cls="pg-sr"), head + 1, scope="col") for head in range(heads)],
            ),
        ),
        el("tbody", [el("tr", data_layer=layer) for layer in range(layers)]),
        cls="pg-abl-grid",
        data_many=heads > MANY,
        data_part=str(grid.part),
        data_answer=str(grid.answer),
    )


def rows(grid: AblationGrid) -> list[Html]:
    """The cells of each layer's row."""
    layers, heads = grid.effects.shape
    return [
        join(
            [
                el("th", el("span", "layer ", cls="pg-sr"), layer + 1, scope="row"),
                *(_cell(grid, layer, head) for head in range(heads)),
            ]
        )
        for layer in range(layers)
    ]


def known(grid: AblationGrid) -> int:
    """Heads that are computed."""
    return int(np.isfinite(grid.effects).sum())


def summary(grid: AblationGrid, changes: Sequence[tuple[tuple[int, int], Ablated]]) -> str:
    """The whole grid in a sentence or two. changes: see `attention_cuts.GridState`."""
    if not np.isfinite(grid.effects).any():
        return "Nothing is known of any head."
    heads = [(int(layer), int(head)) for layer, head in np.argwhere(grid.changed)]
    if heads and changes:
        said = "; ".join(_change(place, found) for place, found in changes)
        return f"{said[0].upper()}{said[1:]}; no other head alone changes {_it(grid)}."
    if heads:
        return _many(grid, sorted(heads, key=lambda place: -float(grid.effects[place])))
    layer, head = (int(number) for number in np.unravel_index(np.nanargmax(grid.effects), grid.effects.shape))
    effect = float(grid.effects[layer, head])
    most = f"{_head((layer, head))} does most"
    if grid.answer is AnswerKind.VECTOR:
        return (
            f"{most[0].upper()}{most[1:]}: it turns the vector to a cosine of {1 - effect:.3f} with itself as it was."
        )
    if effect < LEAST:
        return f"No head alone changes {_it(grid)}, or moves more than 0.01\N{NO-BREAK SPACE}% of the probability."
    return f"No head alone changes {_it(grid)}; {most}: {_share(effect)} of the probability moves."


def _it(grid: AblationGrid) -> str:
    return "any of the answers" if grid.answer in AMONG else "the answer"


def _many(grid: AblationGrid, heads: Sequence[tuple[int, int]]) -> str:
    what = "at least one of the answers" if grid.answer in AMONG else "the answer"
    first = "One head changes" if len(heads) == 1 else f"{len(heads)} heads change"
    alone = "alone" if len(heads) == 1 else "each alone, most by"
    names = ", ".join(_head(place) for place in heads[:MOST_HEADS])
    more = f" and {len(heads) - MOST_HEADS} more" if len(heads) > MOST_HEADS else ""
    return f"{first} {what}{' ' if len(heads) == 1 else ', '}{alone}: {names}{more}."


def _change(place: tuple[int, int], found: Ablated) -> str:
    without = f"without {_head(place)}"
    if len(found.places) > 1:
        return f"{without}, {several(found)}"
    return f"{without} the answer would be “{named(becomes(found.places[0]), found.answer)}”"


def _head(place: tuple[int, int]) -> str:
    return f"layer {place[0] + 1} · head {place[1] + 1}"


def _cell(grid: AblationGrid, layer: int, head: int) -> Html:
    effect, drop = float(grid.effects[layer, head]), float(grid.drops[layer, head])
    if not np.isfinite(effect):
        return el("td", el("span", "·", cls="pg-abl-blank", aria_label="not computed yet"))
    changes = bool(grid.changed[layer, head])
    return el(
        "td",
        el(
            "button",
            el("span", _short(-drop), data_of="drops"),
            el("span", _short(effect, sign=False), data_of="effects"),
            el("b", "≠", aria_hidden="true") if changes else None,
            type="button",
            tabindex=-1,
            data_act="abl-cell",
            data_layer=layer,
            data_head=head,
            data_way="down" if drop >= 0 else "up",
            data_changed=changes,
            data_nothing=abs(drop) < NOTHING and effect < NOTHING,
            style=f"--drop:{_tint(drop)}%;--effect:{_tint(effect)}%",
            aria_label=_said(grid, layer, head),
        ),
    )


def _said(grid: AblationGrid, layer: int, head: int) -> str:
    effect, drop = float(grid.effects[layer, head]), float(grid.drops[layer, head])
    first = f"Without {_head((layer, head))}"
    if grid.answer is AnswerKind.VECTOR:
        return f"{first}: the vector's cosine with itself as it was is {1 - effect:.3f}."
    end = "; the answer changes" if grid.changed[layer, head] else "; the answer stays"
    return f"{first}: {signed(-drop)} for the likeliest answer, {_share(effect)} of the probability moves{end}."


def _share(effect: float) -> str:
    return f"{100 * effect:.2f}\N{NO-BREAK SPACE}%" if effect < 0.1 else f"{100 * effect:.1f}\N{NO-BREAK SPACE}%"


def _short(value: float, *, sign: bool = True) -> str:
    """As it fits into a cell: two digits, no leading zero."""
    if abs(value) < NOTHING:
        return "0"
    mark = ("+" if value > 0 else "−") if sign else ""
    return f"{mark}{abs(value):.2f}".replace("0.", ".")


def _tint(value: float) -> float:
    """Percent of colour: the square root, or small effects could not be told from none. The scale is the same for every text."""
    return round(STRONGEST * sqrt(min(1.0, abs(value))), 1)


def legend() -> Html:
    """The fixed scale. Both: what is lost, what is won."""
    lost = [_key(value, "down") for value in reversed(KEYS)]
    won = [_key(value, "up") for value in KEYS]
    return el(
        "span",
        el("span", lost, _key(0.0, "down"), won, data_of="drops"),
        el("span", _key(0.0, "down"), [_key(value, "down") for value in KEYS], data_of="effects"),
        cls="pg-abl-scale",
    )


def _key(value: float, way: str) -> Html:
    sign = "" if value == 0 else "−" if way == "down" else "+"
    return el(
        "i",
        el("span", sign, cls="pg-abl-sign"),
        f"{value:g}".replace("0.", "."),
        data_way=way,
        style=f"--drop:{_tint(value)}%;--effect:{_tint(value)}%",
    )
