"""What a model would say after each of its layers, as a table that is read downwards."""

from __future__ import annotations

from playground.core.attention_types import AnswerKind, LayerLens, LensPlace
from playground.views import numbers
from playground.views.attention.ablation import TOKENS, breaking, named, titled
from playground.views.attention.token_names import isolated
from playground.views.html import Child, Html, el, join

LAST = 24  # columns that are shown from the start; earlier ones on demand
FEW = 3  # columns up to which each cell names its runners-up
STRONGEST = 60  # percent of colour at probability 1: ink can be read on it
WHAT = "What the model would say if it ended after this layer."
LOGIT_LENS = (
    "The logit lens (nostalgebraist 2020, “interpreting GPT: the logit lens”, lesswrong.com): what runs through the layers is "
    "read after each of them by the model's own last norm and output matrix."
)
OWN_LENS = (
    "Each layer's states are given to the end of the model, which was trained on the last layer's alone: our own use of the idea "
    "of the logit lens (nostalgebraist 2020) for models of this kind."
)
HINT = "Underlined: already what it says at the end. Point at a cell, or go there with the arrow keys, for its numbers."
BY_OPTION = (AnswerKind.LABELS, AnswerKind.MANY, AnswerKind.SENTENCES, AnswerKind.VECTOR)
PLACES = {
    AnswerKind.WORDS: "words",
    AnswerKind.GAPS: "gaps",
    AnswerKind.SPAN: "ends of the answer",
    AnswerKind.WRITTEN: "tokens that it wrote",
}
COLUMNS = {
    AnswerKind.NEXT: "after",
    AnswerKind.WRITTEN: "for",
}


def lens(found: LayerLens) -> Html:
    body = _by_option(found) if by_option(found) else _by_place(found)
    source = LOGIT_LENS if found.answer in TOKENS else OWN_LENS
    return join(
        [
            el("p", sentence(found), cls="pg-lay-said"),
            body,
            el("p", WHAT, " ", source, cls="pg-quiet pg-lay-note"),
            el("p", found.note, cls="pg-quiet pg-lay-note") if found.note else None,
        ]
    )


def by_option(found: LayerLens) -> bool:
    """Whether the columns are answers, for one question; else they are the places that each have an answer."""
    return len(found.places) == 1 and found.answer in BY_OPTION


def decided(found: LayerLens, place: int = 0) -> int:
    """The first layer from which on the likeliest answer of a place stays the last one; 0 is after the embeddings."""
    last = _best(found.layers[-1][place])
    layer = len(found.layers) - 1
    while layer and _best(found.layers[layer - 1][place]) == last:
        layer -= 1
    return layer


def sentence(found: LayerLens) -> str:
    """The table in one sentence."""
    if found.answer is AnswerKind.VECTOR:
        before = found.layers[-2][0].final if len(found.layers) > 1 else 1.0
        return f"One layer before the last the vector has a cosine of {before:.2f} with the one that the model gives."
    layers = [decided(found, place) for place in range(len(found.places))]
    latest, count = max(layers), len(layers)
    if count == 1:
        return _of_one(found, latest)
    since = _since(latest, len(found.layers))
    last = sum(layer == latest for layer in layers)
    what = PLACES.get(found.answer, "places")
    final = "final place" if found.answer is AnswerKind.SPAN else "final answer"
    if last == count:
        return f"{'Both' if count == 2 else f'All {count}'} {what} have their {final} {since}."
    return f"{last} of {count} {what} {'has its' if last == 1 else 'have their'} {final} {since}; the others earlier."


def _of_one(found: LayerLens, layer: int) -> str:
    """With its probabilities: the likeliest of a few answers can be a lean as well as a decision."""
    name = f"“{isolated(named(_best(found.layers[-1][0]), found.answer))}”"
    there, end = (numbers.score(found.layers[at][0].final) for at in (layer, -1))
    if layer and layer == len(found.layers) - 1:
        return f"The likeliest answer becomes {name} in the last layer: {end}."
    since = _since(layer, len(found.layers))
    return f"{since[0].upper()}{since[1:]} the likeliest answer stays {name}: {there} there, {end} at the end."


def _since(layer: int, count: int) -> str:
    if layer == 0:
        return "from the embeddings on"
    return "only from the last layer on" if layer == count - 1 else f"from layer {layer} on"


def _best(place: LensPlace) -> str:
    return place.options[0][0] if place.options else ""


def _row_head(layer: int, count: int) -> Html:
    name = "embeddings" if layer == 0 else f"layer {layer}"
    return el("th", name, el("small", "the answer") if layer == count - 1 else None, scope="row")


# -- one question: layers x answers


def _by_option(found: LayerLens) -> Html:
    vector = found.answer is AnswerKind.VECTOR
    # The answer's own best, and what was likeliest on the way.
    ever = [text for text, _ in found.layers[-1][0].options] + [_best(layer[0]) for layer in found.layers]
    names = [] if vector else list(dict.fromkeys(ever))
    settled = -1 if vector else decided(found)
    heads = ["cosine with the vector at the end"] if vector else [named(name, found.answer) for name in names]
    rows = [
        el(
            "tr",
            _row_head(layer, len(found.layers)),
            _share_cell(places[0].final, best=False) if vector else _shares(names, places[0]),
            el("td", "from here on" if layer == settled else "", cls="pg-lay-decided"),
            data_decided=layer == settled,
        )
        for layer, places in enumerate(found.layers)
    ]
    head = [
        el("th", "read downwards", scope="col"),
        [el("th", el("bdi", breaking(name)), scope="col", data_long=len(name) > 24) for name in heads],
        el("td", ""),
    ]
    return _box(found, el("tr", head), rows, cls="pg-lay-table pg-lay-options")


def _shares(names: list[str], place: LensPlace) -> list[Html]:
    """names: of the columns, the answer at the end first."""
    scores, best = {names[0]: place.final, **dict(place.options)} if names else {}, _best(place)
    return [_share_cell(scores.get(name), best=name == best) for name in names]


def _share_cell(score: float | None, *, best: bool) -> Html:
    value = 0.0 if score is None else round(100 * min(1.0, max(0.0, score)), 1)
    return el(
        "td",
        el("span", el("i", style=f"--value:{value}%"), cls="pg-lay-bar", aria_hidden="true"),
        el("span", numbers.score(score), cls="pg-lay-number"),
        data_best=best,
    )


# -- many places: layers x places


def _by_place(found: LayerLens) -> Html:
    count = len(found.places)
    early = max(0, count - LAST)
    word = COLUMNS.get(found.answer)
    heads = [
        el(
            "th",
            el("span", word + " ", cls="pg-lay-word") if word else None,
            el("bdi", titled(place, found.answer), cls="pg-tok-mono") if place else "the text",
            scope="col",
            data_early=at < early,
        )
        for at, place in enumerate(found.places)
    ]
    end = [_best(place) for place in found.layers[-1]]
    rows = [
        el(
            "tr",
            _row_head(layer, len(found.layers)),
            [
                _cell(found, place, layer, at, same=_best(place) == end[at], early=at < early)
                for at, place in enumerate(places)
            ],
        )
        for layer, places in enumerate(found.layers)
    ]
    more: Child = None
    if early:
        closed = f"show the {early} places before these too"
        more = el(
            "button",
            closed,
            type="button",
            cls="pg-link",
            data_act="layers-early",
            data_closed=closed,
            aria_expanded="false",
        )
    head = el("tr", el("th", "read downwards", scope="col"), heads)
    return join(
        [
            more,
            _box(found, head, rows, cls="pg-lay-table pg-lay-places"),
            el("p", HINT, cls="pg-lay-told", data_hint=HINT),
        ]
    )


def _cell(found: LayerLens, place: LensPlace, layer: int, at: int, *, same: bool, early: bool) -> Html:
    if not place.options:
        return el("td", numbers.UNKNOWN, data_early=early)
    text, score = place.options[0]
    mono = "pg-tok-mono" if found.answer in TOKENS else None
    rest: Child = None
    if len(found.places) <= FEW:
        rest = [
            el("small", el("bdi", named(name, found.answer)), f" {numbers.score(value)}")
            for name, value in place.options[1:FEW]
        ]
    return el(
        "td",
        el("bdi", _short(named(text, found.answer)), cls=mono),
        el("span", numbers.score(score), cls="pg-lay-number"),
        rest,
        tabindex=-1,
        style=f"--value:{round(STRONGEST * min(1.0, max(0.0, score)), 1)}%",
        data_same=same,
        data_early=early,
        data_told=_told(found, place, layer, at),
    )


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def _told(found: LayerLens, place: LensPlace, layer: int, at: int) -> str:
    """The cell in words: who it is, its likeliest options, and how likely the last answer is here."""
    where = "embeddings" if layer == 0 else f"layer {layer}"
    column = isolated(titled(found.places[at], found.answer))
    options = ", ".join(
        f"“{isolated(named(text, found.answer))}” {numbers.score(score)}" for text, score in place.options[:FEW]
    )
    end = isolated(named(_best(found.layers[-1][at]), found.answer))
    return (
        f"{where}{f', “{column}”' if column else ''}: {options}. At the end “{end}”: here {numbers.score(place.final)}."
    )


def _box(found: LayerLens, head: Html, rows: list[Html], *, cls: str) -> Html:
    """It scrolls by itself."""
    table = el(
        "table",
        el("caption", "What the model would say after each layer; read downwards", cls="pg-sr"),
        el("thead", head),
        el("tbody", rows),
        cls=cls,
        data_answer=str(found.answer),
    )
    return el("div", table, cls="pg-lay-box", tabindex="0", role="region", aria_label="Layers and what they would say")
