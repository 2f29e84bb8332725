"""The panel of languages: the same sentence in each, and how many times English's tokens it takes, by tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from playground.core.token_panels import Cell, Languages, Sentence
from playground.core.token_types import TokenizerRef
from playground.core.words import TIER_TITLES
from playground.views.html import Child, Html, el, join
from playground.views.tokens.names import bar, name, percent, ratio, whole
from playground.views.tokens.tables import scrolling

_RIGHT_TO_LEFT = frozenset({"ar", "he"})
FEW = 0.02  # a share of characters that are not read, from which on the figure is marked


def languages(found: Languages) -> Html:
    if not found.refs:
        return el("p", "Add a tokenizer to the ruler: its languages are counted here.", cls="pg-quiet")
    most = max((cell.premium for column in found.cells for cell in column if cell.premium), default=1.0)
    return join([_lead(), _table(found, max(most, 1.0)), _notes(found)])


def _lead() -> Html:
    return el(
        "p",
        "One sentence, and how many tokens each language pays for it: “×2” is twice English's. "
        "Choose a language to put its sentence into the ruler.",
        cls="pg-tokens-lead",
    )


def _labels(refs: Sequence[TokenizerRef]) -> list[str]:
    """Where there is no room for a title: the tier's name, where only one of its tokenizers is there."""
    tiers = [ref.tier for ref in refs]
    return [TIER_TITLES.get(ref.tier, ref.title) if tiers.count(ref.tier) == 1 else ref.title for ref in refs]


def _table(found: Languages, most: float) -> Html:
    labels = _labels(found.refs)
    rows = [
        el(
            "tr",
            el("th", _language(sentence), scope="row"),
            [
                el("td", _cell(column[place], most, len(sentence.text.encode())), data_tier=ref.tier, data_label=label)
                for ref, label, column in zip(found.refs, labels, found.cells, strict=True)
            ],
        )
        for place, sentence in enumerate(found.sentences)
    ]
    heads = [el("th", "Language", scope="col")]
    heads += [el("th", name(ref), scope="col", data_tier=ref.tier) for ref in found.refs]
    what = "Tokens of one sentence, by language and tokenizer, relative to English"
    columns = f"--columns:{len(found.refs)}"
    return scrolling("Tokens by language", what, heads, rows, cls="pg-tokens-languages", style=columns)


def _language(sentence: Sentence) -> Html:
    return el(
        "button",
        el("span", el("b", sentence.name), " ", el("bdi", sentence.own, lang=sentence.code), cls="pg-language-name"),
        el(
            "span",
            sentence.text,
            lang=sentence.code,
            dir="rtl" if sentence.code in _RIGHT_TO_LEFT else "ltr",
            cls="pg-language-text",
        ),
        type="button",
        cls="pg-language",
        data_act="tokens-language",
        data_text=sentence.text,
        title=f"Put the {sentence.name} sentence into the ruler",
    )


def _cell(cell: Cell, most: float, size: int) -> Child:
    """size: of the sentence, in UTF-8 bytes."""
    if not cell.tokens:
        return el("span", "–", cls="pg-tokens-value")
    lost = cell.unread >= FEW
    words = f"× {ratio(cell.premium, 1)}" if cell.premium is not None else "–"
    return [
        el("span", bar((cell.premium or 0.0) / most), cls="pg-language-bar", data_lost=lost),
        el("span", el("b", words), _count(cell.tokens, size), cls="pg-tokens-value"),
        el("small", percent(cell.unread), " not read", cls="pg-wrong") if lost else None,
    ]


def _count(tokens: int, size: int) -> Html:
    each = f"{ratio(size / tokens, 1)} bytes per token"
    return el("span", whole(tokens), el("span", f" tokens, {each}", cls="pg-sr"), cls="pg-quiet", title=each)


def _notes(found: Languages) -> Html:
    lost = any(cell.unread >= FEW for column in found.cells for cell in column)
    return el(
        "p",
        "Hatched: the tokenizer does not know these characters or leaves them out, so that few tokens are no gain. "
        if lost
        else None,
        "One sentence shows the kind of difference, and measures no language: Petrov et al. 2023 (arXiv 2305.15425) count 2,000 "
        "sentences in each of 200. Sentences written for this project, CC0.",
        cls="pg-tokens-note",
    )
