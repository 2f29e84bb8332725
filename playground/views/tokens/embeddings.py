"""The panel of embeddings: whose, a token's neighbours as bars, and the map's points for the page's script to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from playground.core.embedding_types import Matrix
from playground.core.token_panels import Near, Offer, Spread
from playground.views.html import Html, el, join
from playground.views.tokens.choosing import Choosing, choosing
from playground.views.tokens.names import bar, percent, whole


def places(offers: Sequence[Offer], chosen: str) -> Html:
    nobody = "No tokenizer in the ruler belongs to a model whose embeddings are here: add one."
    return choosing(
        offers, chosen, Choosing("Embeddings of", "pg-peek-who", nobody, "of the ruler's cannot be looked at")
    )


def points(found: Spread) -> list[dict[str, Any]]:
    """By token: id, form, how often it stands in the text, and where it is on the map."""
    return [
        {
            "id": int(token),
            "form": shown(found.forms.get(int(token), "")),
            "times": times,
            "special": int(token) in found.special,
            "x": float(x),
            "y": float(y),
        }
        for token, times, (x, y) in zip(found.map.ids, found.times, found.map.points, strict=True)
    ]


def about(found: Spread) -> Html:
    across, up = found.map.shares
    more = (
        f" The first {whole(len(found.map.ids))} distinct tokens; {whole(found.more)} more are not on it."
        if found.more
        else ""
    )
    return join(
        [
            el(
                "p",
                f"Across: {percent(across)} of the variance. Up: {percent(up)}. "
                "What is near here may be far in the other directions.",
                more,
                cls="pg-tokens-note",
                data_shares=True,
            ),
            el(
                "p",
                _matrix(found.map.matrix),
                " The two principal components of the vectors of this text's tokens (Pearson 1901; Jolliffe 2002).",
                cls="pg-tokens-note",
            ),
        ]
    )


def neighbours(found: Near) -> Html:
    rows = [
        el(
            "li",
            el("code", shown(form), dir="auto", title=f"id {token}"),
            bar(max(0.0, cosine)),
            el("span", f"{cosine:.2f}".replace("-", "−"), cls="pg-tokens-value"),
        )
        for form, token, cosine in found.neighbours
    ]
    return join(
        [
            el(
                "h3",
                "Nearest to ",
                el("code", shown(found.form), dir="auto"),
                " ",
                el("span", f"id {found.token}", cls="pg-quiet"),
            ),
            el("ol", rows, cls="pg-peek-near")
            if found.norm
            else el("p", "Its vector has length 0: it has no direction, and no neighbours.", cls="pg-quiet"),
            el(
                "p",
                f"Cosine to each of the {whole(found.matrix.rows)} vectors of {found.matrix.width} numbers "
                "(Mikolov et al. 2013, arXiv 1301.3781); before a layer has seen the context.",
                cls="pg-tokens-note",
            ),
        ]
    )


def _matrix(matrix: Matrix) -> str:
    known = f"Input embeddings of {matrix.model}: {whole(matrix.rows)} × {matrix.width}."
    return f"{known} {matrix.said}" if matrix.said else known


def shown(form: str) -> str:
    """A token's form with its blanks to be seen."""
    return form.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "\N{OPEN BOX}") or "–"
