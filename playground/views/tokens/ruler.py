"""The ruler: its input and its empty places as HTML, and what its script draws as numbers in base64.

Numbers and not HTML: 100 kB of English are 25,000 tokens in each of eight rows, of which the page shows some hundred at a time.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from playground.core.token_types import Reading, TokenizerRef
from playground.views.html import Html, el
from playground.views.tokens.examples import EXAMPLES, LONG_BYTES

EXCERPT = 240  # characters of a normalised or decoded text that are shown
SHOWS = (("pieces", "pieces"), ("ids", "ids"), ("bytes", "bytes"))
NO_TIER = "plain cuts"
OWN = "yours"


def body(title: str, limit: int) -> Html:
    """The whole panel. limit: characters that are read at once. The script fills what is empty."""
    return el(
        "section",
        el("h2", title, id="pg-tokens-ruler-title", cls="pg-sr"),
        el("div", _input(limit), _rows(), _tools(), _grid(), _pinned(), id="pg-tokens-ruler", cls="pg-tokens-body"),
        cls="pg-tok-panel",
        aria_labelledby="pg-tokens-ruler-title",
    )


def _input(limit: int) -> Html:
    chips = [
        el("button", name, type="button", cls="pg-chip", data_act="tok-example", data_text=text)
        for name, text in EXAMPLES.items()
    ]
    chips.append(
        el("button", f"{LONG_BYTES // 1000} kB", type="button", cls="pg-chip", data_act="tok-example", data_long=True)
    )
    return el(
        "div",
        el("label", "Text", for_="pg-tok-text", cls="pg-sr"),
        el(
            "textarea",
            id="pg-tok-text",
            cls="pg-text",
            dir="auto",
            rows=2,
            spellcheck="false",
            placeholder="Type or paste any text: it is cut as you type.",
            data_limit=limit,
            aria_describedby="pg-tok-error pg-tok-counter",
        ),
        el("p", id="pg-tok-error", cls="pg-input-error", role="alert"),
        el(
            "div",
            el("div", chips, cls="pg-chips", role="group", aria_label="Examples"),
            el("span", id="pg-tok-counter", cls="pg-counter"),
            cls="pg-console-foot",
        ),
        cls="pg-console pg-tok-input",
    )


def _rows() -> Html:
    """Which tokenizers read: a list that the script fills, and what adds to it."""
    return el(
        "div",
        el(
            "ul",
            el("li", "Opening the tokenizers …", cls="pg-quiet"),  # until the script has them
            id="pg-tok-rows",
            cls="pg-tok-rows",
            aria_label="Tokenizers in the ruler",
        ),
        el(
            "form",
            el("label", "Add a tokenizer", for_="pg-tok-pick"),
            el("select", el("option", "choose one", value=""), id="pg-tok-pick", cls="pg-tok-select"),
            el("label", "or a hub id", for_="pg-tok-hub"),
            el(
                "input",
                id="pg-tok-hub",
                cls="pg-tok-field",
                placeholder="openai-community/gpt2",
                autocomplete="off",
                spellcheck="false",
                maxlength=120,
            ),
            el("button", "Add", type="submit", cls="pg-button pg-small"),
            el("span", cls="pg-input-error", role="alert", id="pg-tok-add-error"),
            cls="pg-tok-add",
            id="pg-tok-add",
        ),
        cls="pg-tok-who",
    )


def _tools() -> Html:
    shows = [
        el(
            "button",
            word,
            type="button",
            data_act="tok-show",
            data_show=name,
            aria_pressed=str(name == "pieces").lower(),
        )
        for name, word in SHOWS
    ]
    return el(
        "div",
        el("div", shows, cls="pg-segments", role="group", aria_label="What each token shows"),
        el(
            "label",
            el("input", type="checkbox", data_act="tok-option", data_option="special", checked=True),
            "the tokens put around a text",
            cls="pg-check",
            title="[CLS] and [SEP], <s> and </s>: what a tokenizer adds by itself",
        ),
        el(
            "div",
            el("span", "<|endoftext|> typed is", cls="pg-quiet"),
            el(
                "div",
                el("button", "text", type="button", data_act="tok-control", data_control="0", aria_pressed="true"),
                el(
                    "button",
                    "a control token",
                    type="button",
                    data_act="tok-control",
                    data_control="1",
                    aria_pressed="false",
                ),
                cls="pg-segments",
                role="group",
                aria_label="A control token that is typed in the text is read as",
            ),
            cls="pg-tok-control",
        ),
        el(
            "div",
            el("label", "Find", for_="pg-tok-find", cls="pg-sr"),
            el(
                "input",
                id="pg-tok-find",
                type="search",
                placeholder="Find in the text",
                autocomplete="off",
                cls="pg-tok-field",
            ),
            el(
                "button",
                "‹",
                type="button",
                cls="pg-tok-step",
                data_act="tok-find",
                data_step="-1",
                aria_label="Previous match",
            ),
            el(
                "button",
                "›",
                type="button",
                cls="pg-tok-step",
                data_act="tok-find",
                data_step="1",
                aria_label="Next match",
            ),
            el("span", id="pg-tok-found", cls="pg-counter", role="status"),
            cls="pg-tok-search",
            role="search",
        ),
        cls="pg-tok-tools",
    )


def _grid() -> Html:
    return el(
        "div",
        el(
            "div",
            id="pg-tok-grid",
            cls="pg-tok-grid",
            role="grid",
            aria_label="The text, cut by each tokenizer",
            aria_describedby="pg-tok-keys",
        ),
        el("p", id="pg-tok-readout", cls="pg-tok-readout", aria_hidden="true"),
        el(
            "p",
            "Arrows move from token to token and from row to row, Home and End to the ends, Enter pins a token, Escape lets it go.",
            id="pg-tok-keys",
            cls="pg-sr",
        ),
        el("p", id="pg-tok-said", cls="pg-sr", role="status"),
        cls="pg-panel pg-tok-ruler",
    )


def _pinned() -> Html:
    return el(
        "section",
        el(
            "header",
            el("h3", "A token, and how it came to be", id="pg-tok-pin-title", tabindex="-1"),
            el("button", "Let go", type="button", cls="pg-link", data_act="tok-unpin"),
            cls="pg-tok-pin-head",
        ),
        el("div", id="pg-tok-pin-body", aria_live="polite"),
        id="pg-tok-pin",
        cls="pg-panel pg-tok-pin",
        aria_labelledby="pg-tok-pin-title",
        hidden=True,
    )


def groups(choices: Sequence[TokenizerRef], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """By tier, in their order: for the picker's optgroups. What the visitor trained stands apart."""
    found: dict[str, list[dict[str, str]]] = {}
    for ref in choices:
        found.setdefault(OWN if ref.id.startswith("own/") else ref.tier, []).append({"id": ref.id, "title": ref.title})
    return [
        {"tier": tier, "title": titles.get(tier, tier.capitalize() or NO_TIER), "choices": refs}
        for tier, refs in found.items()
    ]


def failed(name: str, ref: TokenizerRef | None, sentence: str) -> dict[str, Any]:
    return {"id": name, "title": ref.title if ref else name, "tier": ref.tier if ref else "", "error": sentence}


def row(name: str, reading: Reading) -> dict[str, Any]:
    """What the script draws: ids int32 [N], spans int32 [N, 2], flags uint8 [N], in base64; ids None: it has none."""
    return {
        "id": name,
        "title": reading.ref.title,
        "tier": reading.ref.tier,
        "family": reading.family.value,
        "count": len(reading),
        "vocabulary": reading.vocabulary,
        "ids": _packed(reading.ids, "<i4") if (reading.ids >= 0).any() else None,
        "spans": _packed(reading.spans, "<i4"),
        "flags": _packed(reading.flags, "u1"),
        "forms": {str(key): form for key, form in reading.forms.items()},
        "reads": None if reading.normalized is None else _excerpt(reading.text, reading.normalized),
        "back": None if reading.decoded is None else _excerpt(reading.text, reading.decoded),
    }


def _packed(array: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _excerpt(text: str, other: str) -> str:
    """Of `other`, from a little before it first differs from `text`."""
    if len(other) <= EXCERPT:
        return other
    first = next((place for place, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), 0)
    start = max(0, first - 30)
    end = start + EXCERPT
    return ("…" if start else "") + other[start:end] + ("…" if end < len(other) else "")
