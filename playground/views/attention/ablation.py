"""An answer before and after a part of the model was switched off, place by place."""

from __future__ import annotations

from playground.core.attention_types import Ablated, AnswerKind, Option, Place
from playground.views import numbers
from playground.views.attention.token_names import isolated
from playground.views.html import Child, Html, el, join
from playground.views.tokens.derivation import visible

MOST_PLACES = 12  # those that changed most
SHORT = 14  # characters that stay in one line
MOST_OPTIONS = 8  # of a place that stands alone
TOKENS = (AnswerKind.NEXT, AnswerKind.WRITTEN)  # whose answers are pieces of text, with their blanks
AMONG = {  # what several places are, and what one of them and more of them do
    AnswerKind.WORDS: ("words", "gets another label", "get another label"),
    AnswerKind.GAPS: ("gaps", "gets another word", "get another word"),
    AnswerKind.WRITTEN: ("tokens that it wrote", "becomes another", "become others"),
    AnswerKind.SPAN: ("ends of the answer", "moves", "move"),
}
PLACE = {
    AnswerKind.WORDS: "word",
    AnswerKind.GAPS: "gap",
    AnswerKind.WRITTEN: "token",
}
QUOTED = (AnswerKind.NEXT, AnswerKind.WRITTEN, AnswerKind.SENTENCES)
ALONE = {  # what the likeliest option of one place is
    AnswerKind.NEXT: "the likeliest next token",
    AnswerKind.WRITTEN: "the token that it writes",
    AnswerKind.GAPS: "the likeliest word",
    AnswerKind.SENTENCES: "the sentence that says most",
    AnswerKind.MANY: "the likeliest label",
}


def answer(found: Ablated, *, cut: bool) -> Html:
    """cut: whether anything is off; where nothing is, the answer as it is."""
    if found.answer is AnswerKind.VECTOR:
        return join([_line(found, cut), _cosine(found) if cut else None])
    ranked = sorted(range(len(found.places)), key=lambda at: -moved(found.places[at]))
    shown = [found.places[at] for at in sorted(ranked[:MOST_PLACES])]  # in the text's order
    rest = [found.places[at] for at in ranked[MOST_PLACES:]]
    several = len(found.places) > 1
    table = el(
        "table",
        el("caption", "The answer before and after" if cut else "The answer as it is", cls="pg-sr"),
        el("thead", _heads(found.answer, several, cut)),
        [_place(place, found.answer, cut=cut, several=several) for place in shown],
        cls="pg-abl-table",
        data_several=several,
    )
    return join(
        [
            _line(found, cut),
            table,
            el("p", _more(rest) if cut else f"and {len(rest)} more", cls="pg-quiet pg-abl-more") if rest else None,
        ]
    )


def changed(found: Ablated) -> int:
    """How many places have another answer now."""
    return sum(place.changed for place in found.places) if found.answer is not AnswerKind.VECTOR else 0


def moved(place: Place) -> float:
    """Half of what the probabilities of its shown options changed by."""
    return sum(abs(option.after - option.before) for option in place.options) / 2


def verdict(found: Ablated) -> str:
    """What came of it, in one sentence or two."""
    share = portion(found.effect)
    if found.answer is AnswerKind.VECTOR:
        option = found.places[0].options[0]
        return f"The vector's cosine with itself as it was: {option.after:.3f}, where 1 is no change."
    if len(found.places) == 1 and found.places[0].options:
        return _alone(found.places[0], found.answer, share)
    return f"{several(found)}; {share} of the probability moves."


def several(found: Ablated) -> str:
    """How many of several places have another answer now."""
    what, one, many = AMONG.get(found.answer, ("answers", "changes", "change"))
    count, total = changed(found), len(found.places)
    if not count and found.answer is AnswerKind.SPAN:
        return "Neither end of the answer moves"
    return f"{count or 'None'} of {total} {what} {one if count < 2 else many}"


def becomes(place: Place) -> str:
    """The likeliest answer without what is off, as it is shown."""
    return max(place.options, key=lambda option: option.after).text


def titled(name: str, kind: AnswerKind) -> str:
    """A place as it is read: a piece of a text with its blanks as signs, unless it is a remark in parentheses about none."""
    return name if kind is AnswerKind.GAPS or (name.startswith("(") and " " in name.strip()) else visible(name)


def named(text: str, kind: AnswerKind) -> str:
    """An option as it is read: blanks of tokens are signs."""
    return (visible(text) if kind in TOKENS else text) or "nothing"


def portion(effect: float) -> str:
    """
    >>> portion(0.021), portion(0.0002), portion(0.0)
    ('2.1\\xa0%', 'less than 0.1\\xa0%', '0\\xa0%')
    """
    if effect <= 0:
        return "0\N{NO-BREAK SPACE}%"
    return "less than 0.1\N{NO-BREAK SPACE}%" if effect < 0.001 else f"{100 * effect:.1f}\N{NO-BREAK SPACE}%"


def signed(value: float) -> str:
    """A change with its sign; three digits where two would hide it.

    >>> signed(0.52), signed(-0.0031), signed(0.0001)
    ('+0.52', '−0.003', '0')
    """
    if abs(value) < 0.0005:
        return "0"
    return f"{'+' if value > 0 else '−'}{abs(value):.{2 if abs(value) >= 0.05 else 3}f}"


def _alone(place: Place, kind: AnswerKind, share: str) -> str:
    first = max(place.options, key=lambda option: option.before)
    what = ALONE.get(kind, "the answer")
    name = isolated(named(first.text, kind))
    shift = f"{f'“{name}”' if kind in QUOTED else name} {numbers.score(first.before)} → {numbers.score(first.after)}"
    if place.changed:
        return f"{shift}: {what} changes to “{isolated(named(becomes(place), kind))}”."
    if kind is AnswerKind.MANY:
        return f"{shift}: {what} stays; the labels' probabilities move by {share} on average."
    return f"{shift}: {what} stays; {share} of the probability moves."


def _line(found: Ablated, cut: bool) -> Html:
    if not cut:
        return el("p", "Nothing is off: this is the answer as it is.", cls="pg-abl-verdict")
    return el(
        "p",
        el("b", "Changed. ", cls="pg-abl-mark") if changed(found) else None,
        verdict(found),
        cls="pg-abl-verdict",
        data_changed=bool(changed(found)),
    )


def _heads(kind: AnswerKind, several: bool, cut: bool) -> Html:
    key = [el("i", data_when="before"), "before ", el("i", data_when="after"), "after"]
    return el(
        "tr",
        el("th", PLACE.get(kind, "place"), scope="col") if several else None,
        el("th", "answer", scope="col"),
        el(
            "th",
            "probability ",
            el("span", key, cls="pg-abl-swatches", aria_hidden="true") if cut else None,
            scope="col",
        ),
        [
            el("th", title, scope="col", data_number=True)
            for title in (("before", "after", "change") if cut else ("now",))
        ],
    )


def _place(place: Place, kind: AnswerKind, *, cut: bool, several: bool) -> Html:
    """A place that stands alone with all its options; one among several with the likeliest, before and after."""
    first = max(place.options, key=lambda option: option.before, default=None)
    now = max(place.options, key=lambda option: option.after, default=None)
    if several:
        shown = [option for option in place.options if option is first or (option is now and cut)]
    else:
        shown = _shown(place, MOST_OPTIONS)
    rows = []
    for at, option in enumerate(shown):
        name = _name(place, kind, cut, len(shown)) if several and at == 0 else None
        rows.append(_option(name, option, kind, cut, _role(option, first, now) if cut else ""))
    return el("tbody", rows)


def _name(place: Place, kind: AnswerKind, cut: bool, rows: int) -> Html:
    sign = el("small", "changed", cls="pg-abl-changed") if cut and place.changed else None
    return el(
        "th",
        el("bdi", titled(place.name, kind), data_short=len(place.name) <= SHORT),
        sign,
        scope="rowgroup",
        rowspan=rows,
    )


def _shown(place: Place, most: int) -> list[Option]:
    """Those that are likely before or after, in their order."""
    ranked = sorted(place.options, key=lambda option: max(option.before, option.after), reverse=True)[:most]
    return [option for option in place.options if any(option is one for one in ranked)]


def _role(option: Option, first: Option | None, now: Option | None) -> str:
    if first is now:
        return ""
    return "before" if option is first else "now" if option is now else ""


def _option(name: Html | None, option: Option, kind: AnswerKind, cut: bool, role: str) -> Html:
    values = (
        [numbers.score(option.before), numbers.score(option.after), signed(option.after - option.before)]
        if cut
        else [numbers.score(option.before)]
    )
    return el(
        "tr",
        name,
        el(
            "th",
            el(
                "bdi",
                breaking(named(option.text, kind)),
                cls="pg-tok-mono" if kind in TOKENS else None,
                data_short=len(option.text) <= SHORT,
            ),
            el("small", role) if role else None,
            scope="row",
        ),
        el("td", _bars(option, cut), cls="pg-abl-bars"),
        [el("td", value, data_number=True) for value in values],
        data_role=role or None,
    )


def breaking(text: str) -> list[Child]:
    """Names such as card_payment_declined may go on in another line after each of their words."""
    first, *others = text.split("_")
    return [first, *(["_", el("wbr"), other] for other in others)]


def _bars(option: Option, cut: bool) -> Html:
    return el(
        "span",
        el("i", style=_value(option.before), data_when="before"),
        el("i", style=_value(option.after), data_when="after") if cut else None,
        aria_hidden="true",
    )


def _value(share: float) -> str:
    return f"--value:{round(100 * min(1.0, max(0.0, share)), 1)}%"


def _cosine(found: Ablated) -> Html:
    option = found.places[0].options[0]
    return el(
        "p",
        el("span", el("i", style=_value(option.after), data_when="after"), aria_hidden="true"),
        cls="pg-abl-bars pg-abl-cosine",
    )


def _more(rest: list[Place]) -> str:
    most = max(moved(place) for place in rest)
    bound = "less than 0.01" if most < 0.01 else f"{most:.2f} at most"
    return f"and {len(rest)} more that changed {'by ' if most >= 0.01 else ''}{bound}"
