"""The frame of the attention page: its head, its input, and places for its panels."""

from __future__ import annotations

from playground.views.html import Html, el

# In their order on the page. The script of each fills `#pg-att-NAME`.
PANELS = {
    "overview": "All heads at once",
    "head": "One head",
    "kind": "What kind of head is this?",
    "ablate": "Switch it off",
    "layers": "Layer by layer",
    "bertviz": "Drawn by bertviz",
    "export": "Take it with you",
}
EXAMPLES = {
    "a negation": "I never said it was good.",
    "who is “it”": "The dog did not cross the street because it was too tired.",
    "said twice": "qXb7Kz3mqXb7Kz3m",
    "emoji and marks": "I ❤️ it!!! But wait… is 🤔 that “all”?",
}
CAVEAT = (
    "A weight says how much of a token's value is mixed in, not how much it matters: a token can be looked at and change nothing. "
    "Whether a head matters is seen by switching it off."
)


def head() -> Html:
    return el(
        "header",
        el(
            "div",
            el("h1", "Attention"),
            el("p", "Where each token looks, in every layer and head; and what happens without it."),
        ),
        el("div", el("button", "Copy link", type="button", cls="pg-link", data_act="link"), cls="pg-head-actions"),
        cls="pg-page-head",
    )


def console(limit: int) -> Html:
    """The input. limit: characters. The script fills the list of models; the second text belongs to models that write."""
    chips = [
        el("button", name, type="button", cls="pg-chip", data_act="att-example", data_text=text)
        for name, text in EXAMPLES.items()
    ]
    return el(
        "div",
        el(
            "div",
            el("label", "Model", for_="pg-att-model"),
            el("select", id="pg-att-model", cls="pg-att-select"),
            el("span", id="pg-att-about", cls="pg-quiet"),
            cls="pg-att-who",
        ),
        el("label", "Text", for_="pg-att-text", cls="pg-sr"),
        el(
            "textarea",
            id="pg-att-text",
            cls="pg-text",
            dir="auto",
            rows=2,
            spellcheck="false",
            placeholder="A sentence for the model to read.",
            data_limit=limit,
            aria_describedby="pg-att-error pg-att-hint",
        ),
        el("p", id="pg-att-hint", cls="pg-quiet pg-att-hint", hidden=True),
        el(
            "div",
            el("label", "What it wrote of it", for_="pg-att-target"),
            el(
                "textarea",
                id="pg-att-target",
                cls="pg-text",
                dir="auto",
                rows=1,
                spellcheck="false",
                placeholder="Empty: the model writes it itself.",
            ),
            id="pg-att-second",
            cls="pg-att-second",
            hidden=True,
        ),
        el("p", id="pg-att-error", cls="pg-input-error", role="alert"),
        el(
            "div",
            el("div", chips, cls="pg-chips", role="group", aria_label="Examples"),
            el(
                "div",
                el("a", "its tokens", href="#page=tokens", id="pg-att-tokens", cls="pg-link", data_act="att-tokens"),
                el("kbd", "Ctrl ↵", cls="pg-kbd", title="Control or Command with Enter looks"),
                el("button", "Look", type="button", cls="pg-button pg-primary", data_act="att-look"),
                cls="pg-run",
            ),
            cls="pg-console-foot",
        ),
        el("p", id="pg-att-said", cls="pg-sr", role="status", aria_live="polite"),
        cls="pg-console pg-att-console",
    )


def note() -> Html:
    """What was looked at, and the caveat."""
    return el(
        "div",
        el("p", id="pg-att-note", cls="pg-att-note"),
        el("p", CAVEAT, cls="pg-quiet"),
        cls="pg-att-notes",
    )


def panel(name: str, title: str) -> Html:
    """Empty, until its script fills it."""
    return el(
        "section",
        el("h2", title, id=f"pg-att-{name}-title"),
        el("div", id=f"pg-att-{name}", cls="pg-att-body"),
        cls=f"pg-panel pg-att-panel pg-att-panel-{name}",
        aria_labelledby=f"pg-att-{name}-title",
    )
