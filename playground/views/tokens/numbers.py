"""The panel of numbers: what each tokenizer makes of the text, as bars and as a table, and what it costs to send."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.token_counts import Counts, Difference, Size
from playground.core.token_panels import Numbers, NumbersRow
from playground.views import numbers as said
from playground.views.html import Child, Html, el, join
from playground.views.tokens.derivation import visible
from playground.views.tokens.names import bar, name, percent, ratio, whole
from playground.views.tokens.tables import scrolling

COLUMNS = (
    ("Bytes per token", "of the text alone, without what is put around it"),
    ("Tokens per word", "words as the row “words” cuts them"),
    ("Unknown", "tokens that stand for what the vocabulary does not have, of all of the text's"),
    ("Not read", "characters, blanks apart, that no known token stands for: unknown, or left out"),
    ("Cut characters", "characters as a reader sees them that are spread over two tokens or more"),
    ("Vocabulary", "tokens that the tokenizer knows"),
    ("Context", "how much of what its model reads at once the text takes"),
    ("Round trip", "what the ids decode to, specials left out"),
)


def numbers(found: Numbers) -> Html:
    return join([_size(found.size), _bars(found.rows), _table(found), _costs(found.rows)])


def _size(size: Size) -> Html:
    """What is the same for every tokenizer."""
    facts = (
        (size.characters, "character", "as a reader sees them"),
        (size.code_points, "code point", "of Unicode"),
        (size.bytes, "byte", "in UTF-8"),
        (size.words, "word", ""),
    )
    return el(
        "p",
        [
            el("span", el("b", whole(many)), " ", one if many == 1 else one + "s", el("i", " ", note) if note else None)
            for many, one, note in facts
        ],
        cls="pg-tokens-size",
    )


def _bars(rows: Sequence[NumbersRow]) -> Html:
    most = max((row.counts.tokens for row in rows if row.counts), default=0) or 1
    return el(
        "figure",
        el("figcaption", el("b", "Tokens"), " of this text; paler: put around it"),
        el("dl", [_bar(row, most) for row in rows]),
        el(
            "button",
            "CSV",
            type="button",
            cls="pg-link pg-corner",
            data_act="tokens-csv",
            title="Save these numbers as a CSV file",
        ),
        cls="pg-tokens-bars",
    )


def _bar(row: NumbersRow, most: int) -> Html:
    if row.counts is None:
        value: Child = el("span", row.error, cls="pg-tokens-error")
    else:
        own, around = row.counts.own, row.counts.tokens - row.counts.own
        value = [
            bar(own / most, around / most),
            el("span", el("b", whole(own)), f" + {around}" if around else "", cls="pg-tokens-value"),
        ]
    return el("div", el("dt", name(row.ref)), el("dd", value), data_tier=row.ref.tier, cls="pg-tokens-row")


def _table(found: Numbers) -> Html:
    head = [el("th", title, scope="col", title=note, data_number=title != "Round trip") for title, note in COLUMNS]
    lines = [
        el(
            "tr",
            el("th", name(row.ref), scope="row"),
            _cells(row, row.counts) if row.counts else el("td", row.error, colspan=len(COLUMNS), cls="pg-tokens-error"),
            data_tier=row.ref.tier,
        )
        for row in found.rows
    ]
    heads = [el("th", "Tokenizer", scope="col"), *head]
    what = "What each tokenizer makes of the text"
    return scrolling("Numbers by tokenizer", what, heads, lines, cls="pg-tokens-table")


def _cells(row: NumbersRow, counts: Counts) -> list[Html]:
    values: list[Child] = [
        ratio(counts.bytes_per_token),
        ratio(counts.tokens_per_word),
        _unknown(counts),
        whole(counts.unread),
        _cut(counts),
        whole(counts.vocabulary),
        _context(row),
        _round_trip(counts),
    ]
    return [
        el("td", value, data_label=title, data_number=title != "Round trip")
        for (title, _), value in zip(COLUMNS, values, strict=True)
    ]


def _unknown(counts: Counts) -> Child:
    if not counts.unknown:
        return percent(counts.unknown_share)
    return [percent(counts.unknown_share), el("small", f"{whole(counts.unknown_bytes)} bytes")]


def _cut(counts: Counts) -> Child:
    if not counts.halved:
        return whole(counts.cut)
    return [whole(counts.cut), el("small", f"{whole(counts.halved)} inside a code point")]


def _context(row: NumbersRow) -> Child:
    if row.share is None:
        return said.UNKNOWN
    note = el("small", f"of {whole(row.ref.context)}")
    return [el("b", percent(row.share), cls="pg-wrong") if row.share > 1 else percent(row.share), note]


def _round_trip(counts: Counts) -> Child:
    if counts.exact is None:
        return said.UNKNOWN
    if counts.exact:
        return el("span", "✓ exact", cls="pg-right")
    return [el("span", "✗ differs", cls="pg-wrong"), _difference(counts.difference)]


def _difference(found: Difference | None) -> Child:
    if found is None:
        return None
    return el(
        "small",
        f"after {whole(found.place)} characters ",
        _quoted(found.wrote),
        " comes back as ",
        _quoted(found.came),
    )


def _quoted(text: str) -> Html:
    """With its blanks and line breaks to be seen."""
    if not text:
        return el("i", "nothing")
    return el("bdi", "“", visible(text), "”")


def _costs(rows: Sequence[NumbersRow]) -> Html:
    lines = [
        el(
            "tr",
            el("th", one.model, scope="row"),
            el("td", row.ref.title, data_label="Reads with"),
            el("td", whole(one.tokens), data_label="Tokens", data_number=True),
            el("td", said.usd(one.usd), data_label="As input", data_number=True),
            el("td", one.date or said.UNKNOWN, data_label="Price date", data_number=True),
            el(
                "td",
                percent(one.share),
                el("small", f"of {whole(one.context)}") if one.context else None,
                data_label="Context window",
                data_number=True,
            ),
            data_tier=row.ref.tier,
        )
        for row in rows
        for one in row.priced
    ]
    if not lines:
        return Html("")
    titles = ("Model", "Reads with", "Tokens", "As input", "Price date", "Context window")
    heads = [el("th", title, scope="col", data_number=at > 1) for at, title in enumerate(titles)]
    what = "What this text costs at hosted models"
    return join(
        [
            el("h3", "What it costs to send"),
            scrolling("Costs by hosted model", what, heads, lines, cls="pg-tokens-table pg-tokens-costs"),
            el(
                "p",
                "The text alone, once, as input: a chat's template adds tokens (below), and the answer costs more. "
                "Prices are those of genai-prices; “–”: not known.",
                cls="pg-tokens-note",
            ),
        ]
    )
