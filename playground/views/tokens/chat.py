"""The panel of conversations: who can write one, and one as it is written: its control tokens, and whose each token is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from playground.core.token_panels import Offer, Shares
from playground.core.token_types import Conversation, Flag
from playground.views.html import Child, Html, el, join
from playground.views.tokens.choosing import Choosing, choosing
from playground.views.tokens.names import percent, whole
from playground.views.tokens.tables import scrolling

MOST_SHOWN = 20_000  # bytes of the rendered text that are shown
TEMPLATE = -1


def choices(offers: Sequence[Offer], chosen: str) -> Html:
    words = Choosing(
        "Written by", "pg-chat-who", "No tokenizer here has a chat template.", "of the ruler's tokenizers cannot"
    )
    return choosing(offers, chosen, words)


def conversation(found: Conversation, shares: Shares) -> Html:
    return join([_bar(found, shares), _table(found, shares), _rendered(found)])


def _bar(found: Conversation, shares: Shares) -> Html:
    total = shares.total or 1
    parts = [
        el(
            "span",
            style=f"--value:{round(100 * many / total, 3)}%",
            cls=f"pg-l{place % 6}",
            title=_said(found, place, many),
        )
        for place, many in enumerate(shares.messages)
        if many
    ]
    template = el(
        "span",
        style=f"--value:{round(100 * shares.template / total, 3)}%",
        data_template=True,
        title=f"the template: {whole(shares.template)} tokens",
    )
    return el(
        "figure",
        el(
            "figcaption",
            el("b", whole(shares.total)),
            " tokens, of which the template adds ",
            el("b", whole(shares.template)),
            f" ({percent(shares.template / total)})",
        ),
        el("span", parts, template, cls="pg-chat-bar", aria_hidden="true"),
        cls="pg-chat-shares",
    )


def _said(found: Conversation, place: int, many: int) -> str:
    return f"message {place + 1}, {found.messages[place].role}: {whole(many)} tokens"


def _table(found: Conversation, shares: Shares) -> Html:
    total = shares.total or 1
    rows = [
        _row(
            str(place + 1),
            found.messages[place].role,
            many,
            total,
            found.messages[place].text[:120],
            f"pg-l{place % 6}",
        )
        for place, many in enumerate(shares.messages)
    ]
    rows.append(_row("", "template", shares.template, total, found.template and "what it puts around the messages", ""))
    titles = (("Message", False), ("Role", False), ("Tokens", True), ("Share", True), ("Text", False))
    heads = [el("th", title, scope="col", data_number=number) for title, number in titles]
    return scrolling("Tokens by message", "Tokens by message", heads, rows, cls="pg-tokens-table pg-chat-table")


def _row(place: str, role: str, many: int, total: int, text: str, shade: str) -> Html:
    mark = el("i", cls=f"pg-chat-mark {shade}".rstrip(), data_template=not shade, aria_hidden="true")
    return el(
        "tr",
        el("th", mark, place or "–", scope="row"),
        el("td", role, data_label="Role"),
        el("td", whole(many), data_label="Tokens", data_number=True),
        el("td", percent(many / total), data_label="Share", data_number=True),
        el("td", el("span", text, dir="auto", cls="pg-chat-begin"), data_label="Text"),
    )


def _rendered(found: Conversation) -> Html:
    pieces = [_piece(text, owner, control=control) for text, owner, control in stretches(found)]
    more = len(found.reading.bytes) > MOST_SHOWN
    return join(
        [
            el("h3", "As the model reads it"),
            el("div", pieces, cls="pg-chat-text", tabindex="0", role="region", aria_label="The rendered conversation"),
            el("p", f"The first {whole(MOST_SHOWN)} bytes are shown.", cls="pg-tokens-note") if more else None,
            _template(found.template),
        ]
    )


def _template(template: str) -> Child:
    if not template:
        return None
    return el(
        "details",
        el("summary", "The template"),
        el("pre", template[:MOST_SHOWN], cls="pg-chat-template", tabindex="0"),
    )


def _piece(text: str, owner: int, *, control: bool) -> Html:
    if control:
        return el("span", text, cls="pg-chat-control", title="a control token")
    shown = text.replace("\n", "⏎\n")
    if owner == TEMPLATE:
        return el("span", shown, cls="pg-chat-frame", title="written by the template")
    return el("span", shown, cls=f"pg-chat-message pg-l{owner % 6}", title=f"of message {owner + 1}")


def stretches(found: Conversation) -> list[tuple[str, int, bool]]:
    """The rendered text in stretches: (text, whose, whether it is a control token). What no token covers goes with what is before.
    At most `MOST_SHOWN` bytes.
    """
    reading, data = found.reading, found.reading.bytes[:MOST_SHOWN]
    real = np.flatnonzero(reading.spans[:, 1] > reading.spans[:, 0])
    starts, owners = reading.spans[real, 0], found.owners[real]
    control = (reading.flags[real] & Flag.SPECIAL) != 0
    fresh = np.ones(len(real), dtype=bool)
    fresh[1:] = (owners[1:] != owners[:-1]) | control[1:] | control[:-1]
    firsts = np.flatnonzero(fresh)
    edges = [0, *(int(start) for start in starts[firsts][1:]), len(reading.bytes)]
    return [
        (data[start:end].decode("utf-8", "replace"), int(owners[first]), bool(control[first]))
        for first, start, end in zip(firsts, edges, edges[1:], strict=False)
        if data[start:end]
    ]
