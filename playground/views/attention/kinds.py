"""What kind of head is this? One head's measures and their formulas, all heads' labels, and what came of the test for induction."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

import numpy as np

from playground.core.attention_types import PartMap, PartName, RepeatScores
from playground.core.head_measures import BY_NAME, MEASURES, Measure, label_of, measure_of
from playground.views.html import Child, Html, el, join

UNITS = {"entropy": "nats", "distance": "tokens"}
MANY = 16  # heads of a layer from which on their numbers are left to the pointer and the focus
STRONGEST = 45  # percent of colour in a cell of 1: ink can be read on it in both themes
MOST_HEADS = 6  # that a sentence names
UNKNOWN = "–"


def labels(part_map: PartMap) -> list[list[str]]:
    """By layer and head what kind of head each is, in a word or two; empty where nothing dominates."""
    return [[label_of(head) for head in layer] for layer in part_map.scores.tolist()]


def kind_of_head(part_map: PartMap, layer: int, head: int, has_repeats: bool) -> Html:
    """One head's measures. has_repeats: some token of the text that is no special one stands in it twice."""
    row = part_map.scores[layer, head].tolist()
    named = measure_of(row)
    return join(
        [
            _verdict(row, named),
            _measures(part_map, row, named, has_repeats, f"Measures of {title(layer, head)}"),
            el(
                "p",
                "The line in a bar stands where a measure begins to name a head, the dot where a head would be that looks at all "
                "it sees alike. All is measured on this text alone: on another one the head can look like another kind.",
                cls="pg-quiet pg-att-kind-note",
            ),
        ]
    )


def title(layer: int, head: int) -> str:
    """
    >>> title(0, 2)
    'layer 1 · head 3'
    """
    return f"layer {layer + 1} · head {head + 1}"


def _verdict(row: list[float], named: Measure | None) -> Html:
    if named is not None:
        said: list[Child] = [el("b", named.label, cls="pg-att-kind-label"), " ", named.meaning]
        if named.name == "induction":
            said.append(" Whether it does so in any text is for the test with random tokens to say.")
    else:
        said = [el("b", "no label", cls="pg-att-kind-label", data_none=True), " ", _nearest(row)]
    return el("p", said, cls="pg-att-kind-verdict")


def _nearest(row: list[float]) -> str:
    known = [
        (score / measure.threshold, score, measure)
        for measure, score in zip(MEASURES, row, strict=True)
        if measure.threshold is not None and not isnan(score)
    ]
    if not known:
        return "This text is too short to tell."
    _, score, measure = max(known, key=lambda one: one[0])
    digits = 2 if f"{score:.2f}" != f"{measure.threshold:.2f}" else 4  # what is less than the bound looks less
    return (
        "No measure reaches the bound from which on it names a head; nearest is "
        f"“{measure.title}” with {score:.{digits}f} of {measure.threshold:g}."
    )


def _measures(part_map: PartMap, row: list[float], named: Measure | None, has_repeats: bool, caption: str) -> Html:
    even = [float("nan")] * len(MEASURES) if part_map.even is None else part_map.even.tolist()
    titles = (("Measure", False), ("Score", False), ("All alike", True), ("Names it from", True), ("Formula", False))
    lines = [
        el(
            "tr",
            el("th", measure.title, scope="row"),
            el("td", _score(measure, score, alike, part_map, has_repeats), data_label="Score"),
            el("td", _number(measure, alike), data_label="All alike", data_number=True),
            el("td", _threshold(measure), data_label="Names it from", data_number=True),
            el("td", measure.formula, el("small", measure.source), data_label="Formula"),
            data_named=measure is named,
        )
        for measure, score, alike in zip(MEASURES, row, even, strict=True)
    ]
    heads = [el("th", name, scope="col", data_number=number) for name, number in titles]
    table = el(
        "table",
        el("caption", caption, cls="pg-sr"),
        el("thead", el("tr", heads)),
        el("tbody", lines),
        cls="pg-att-kind-table",
    )
    return el("div", table, cls="pg-att-kind-scroll", tabindex="0", role="region", aria_label=caption)


def _score(measure: Measure, score: float, alike: float, part_map: PartMap, has_repeats: bool) -> Child:
    if isnan(score):
        return [UNKNOWN, el("small", _why_not(measure, part_map, has_repeats))]
    unit = UNITS.get(measure.name)
    number = el("b", _number(measure, score), el("span", f" {unit}", cls="pg-quiet") if unit else None)
    most = alike if measure.name == "entropy" else None if measure.name == "distance" else 1.0
    return [number, _bar(measure, score, alike, most) if most and most > 0 else None]


def _threshold(measure: Measure) -> str:
    return UNKNOWN if measure.threshold is None else f"{measure.threshold:g}"


def _number(measure: Measure, value: float) -> str:
    """
    >>> _number(BY_NAME["previous"], 0.1234), _number(BY_NAME["distance"], 123.4), _number(BY_NAME["self"], float("nan"))
    ('0.12', '123.4', '–')
    """
    if isnan(value):
        return UNKNOWN
    return f"{value:.1f}" if measure.name == "distance" else f"{value:.2f}"


def _bar(measure: Measure, score: float, alike: float, most: float) -> Html:
    """The number beside it says it again."""

    def at(value: float) -> str:
        return f"--value:{round(100 * min(1.0, max(0.0, value / most)), 2)}%"

    return el(
        "span",
        el("span", style=at(score), cls="pg-att-kind-fill"),
        None if measure.threshold is None else el("i", style=at(measure.threshold), cls="pg-att-kind-bound"),
        None if isnan(alike) else el("i", style=at(alike), cls="pg-att-kind-alike"),
        cls="pg-att-kind-bar",
        aria_hidden="true",
    )


def _why_not(measure: Measure, part_map: PartMap, has_repeats: bool) -> str:
    """Why this head has no such score."""
    part = part_map.part
    if part.name is PartName.CROSS and not measure.crosses:
        return "says nothing between two texts"
    if part.causal and measure.name == "next":
        return "no token sees what comes after it"
    if measure.name == "induction" and has_repeats:
        return "a token is repeated, but nothing stands after its first time that could be looked at"
    return measure.missing


# -- the test with random tokens that are said twice


def repeats(found: RepeatScores) -> Html:
    """Each head's score of the test, and which of them are induction heads."""
    return join([el("p", _induction(found), cls="pg-att-kind-verdict"), _grid(found), _how(found)])


def _bound() -> float:
    bound = BY_NAME["induction"].threshold
    assert bound is not None, "induction names a head"
    return bound


def _induction(found: RepeatScores) -> Child:
    """Which heads are induction heads, and which head before them tells what stood before each token."""
    places = _strongest(found.scores, _bound())
    layer, head = np.unravel_index(int(np.argmax(found.scores)), found.scores.shape)
    if not places:
        return [
            el("b", "no induction head", cls="pg-att-kind-label", data_none=True),
            f" The strongest, {title(int(layer), int(head))}, looks with {found.scores[layer, head]:.2f} of its weight at what "
            f"came next the first time; looking everywhere alike would give {found.chance:.2f}.",
        ]
    count = f"{len(places)} induction head{'' if len(places) == 1 else 's'}"
    said = [el("b", count, cls="pg-att-kind-label"), " ", _named(found.scores, places), "."]
    last = max(layer for layer, _ in places)
    helpers = [place for place in _strongest(found.previous, 0.5) if place[0] < last]
    if helpers:
        looks = "looks" if len(helpers) == 1 else "look"
        said.append(
            f" Below, {_named(found.previous, helpers)} {looks} at the token just before: induction builds on that."
        )
    return said


def _strongest(scores: np.ndarray, bound: float) -> list[tuple[int, int]]:
    """(layer, head) of those from the bound on, the strongest first."""
    found = [(int(layer), int(head)) for layer, head in np.argwhere(scores >= bound)]
    return sorted(found, key=lambda place: -float(scores[place]))


def _named(scores: np.ndarray, places: Iterable[tuple[int, int]]) -> str:
    every = [f"{title(*place)} ({scores[place]:.2f})" for place in places]
    more = [f"{len(every) - MOST_HEADS} more"] if len(every) > MOST_HEADS else []
    *rest, last = every[:MOST_HEADS] + more
    return f"{', '.join(rest)} and {last}" if rest else last


def _grid(found: RepeatScores) -> Html:
    layers, heads = found.scores.shape
    strongest = divmod(int(np.argmax(found.scores)), heads)
    head = el(
        "tr",
        el("th", "layer ", el("span", "↓ head →", aria_hidden="true"), scope="col"),
        [el("th", el("span", "head ", cls="pg-sr"), number + 1, scope="col") for number in range(heads)],
    )
    rows = [
        el(
            "tr",
            el("th", el("span", "layer ", cls="pg-sr"), layer + 1, scope="row"),
            [_cell(found, layer, number, (layer, number) == strongest) for number in range(heads)],
        )
        for layer in range(layers)
    ]
    caption = "The test for induction: each layer's heads"
    table = el(
        "table",
        el("caption", caption, cls="pg-sr"),
        el("thead", head),
        el("tbody", rows),
        cls="pg-att-kind-grid",
        data_many=heads > MANY,
    )
    return el("div", table, cls="pg-att-kind-scroll", tabindex="0", role="region", aria_label=caption)


def _cell(found: RepeatScores, layer: int, head: int, strongest: bool) -> Html:
    score, previous = float(found.scores[layer, head]), float(found.previous[layer, head])
    is_one = score >= _bound()
    said = f"{title(layer, head)}: {score:.2f} at what came next, {previous:.2f} at the token just before"
    said += "; an induction head" if is_one else ""
    said += "; the strongest" if strongest else ""
    return el(
        "td",
        el(
            "button",
            el("span", f"{score:.2f}"),
            type="button",
            data_act="att-kind-head",
            data_part=str(found.part.name),
            data_layer=layer,
            data_head=head,
            data_induction=is_one,
            data_strongest=strongest,
            style=f"--value:{round(STRONGEST * min(1.0, max(0.0, score)), 1)}%",
            aria_label=said,
            title=said,
        ),
    )


def _how(found: RepeatScores) -> Html:
    texts = "1 text" if found.texts == 1 else f"{found.texts} texts"
    return el(
        "p",
        f"Of {texts} of random tokens that are said twice, of different lengths, {found.tokens} tokens on average: the mean weight "
        "from each token of the second time at the one that came after it the first time (“prefix matching”: Olsson et al. 2022, "
        f"arXiv 2209.11895). Looking everywhere alike would give {found.chance:.3f}; from {_bound():g} on, a bound of ours, a head "
        "counts as an induction head. No meaning and no frequent pair of words can help here; but there are other ways to find the "
        "place, which this test does not see.",
        cls="pg-quiet pg-att-kind-note",
    )
