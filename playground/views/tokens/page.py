"""The frame of the tokenizer's page."""

from __future__ import annotations

from playground.views.html import Html, el

# In their order on the page. The script of each fills `#pg-tokens-NAME`.
PANELS = {
    "ruler": "The same text, cut by each tokenizer",
    "numbers": "Numbers",
    "languages": "What other languages pay",
    "chat": "A conversation, as a chat model reads it",
    "train": "Train your own",
    "embeddings": "Where a model puts these tokens",
}


def head() -> Html:
    return el(
        "header",
        el("div", el("h1", "Tokenizer"), el("p", "What a model reads is not what you wrote: see where each one cuts.")),
        el("div", el("button", "Copy link", type="button", cls="pg-link", data_act="link"), cls="pg-head-actions"),
        cls="pg-page-head",
    )


def panel(name: str, title: str) -> Html:
    """Empty, until its script fills it."""
    return el(
        "section",
        el("h2", title, id=f"pg-tokens-{name}-title"),
        el("div", id=f"pg-tokens-{name}", cls="pg-tokens-body"),
        cls="pg-panel pg-tokens-panel",
        aria_labelledby=f"pg-tokens-{name}-title",
    )
