"""A panel's choice among tokenizers: those that can, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.core.token_panels import Offer
from playground.views.html import Child, Html, el, join
from playground.views.tokens.names import name


@dataclass(frozen=True)
class Choosing:
    """The words around it. id: of the select. nobody: where none can. cannot: after the number of those that cannot."""

    label: str
    id: str
    nobody: str
    cannot: str


def choosing(offers: Sequence[Offer], chosen: str, words: Choosing) -> Html:
    able = [offer.ref for offer in offers if not offer.why_not]
    picker: Child = el("p", words.nobody, cls="pg-quiet")
    if able:
        options = [el("option", ref.title, value=ref.id, selected=ref.id == chosen, data_tier=ref.tier) for ref in able]
        select = el("select", options, id=words.id, cls="pg-chat-select")
        picker = [el("label", words.label, for_=words.id), select]
    cannot = [
        el("li", name(offer.ref), el("span", offer.why_not), data_tier=offer.ref.tier)
        for offer in offers
        if offer.why_not
    ]
    why = el("details", el("summary", f"{len(cannot)} {words.cannot}"), el("ul", cannot, cls="pg-chat-cannot"))
    return join([el("div", picker, cls="pg-chat-pick"), why if cannot else None])
