"""What opens over the page: code, model card, request and response, the key, the QR code. Title and body each."""

from __future__ import annotations

import json
from collections.abc import Sequence

from playground.core.cards import Measured, ModelCard
from playground.core.types import Stats
from playground.views import numbers
from playground.views.html import Html, el


def sentence(title: str, text: str) -> Html:
    """A dialog that says one thing: an error, mostly."""
    return _dialog(title, el("p", text))


def snippet(
    tier_title: str,
    code: str,
    about: str = "A whole Python file: save it and run it. A key is read from the environment and never written here.",
) -> Html:
    return _dialog(
        f"{tier_title}: this input as code",
        el("p", about, cls="pg-aside"),
        _block(code, "Copy the code"),
    )


def wire(tier_title: str, stats: Stats) -> Html:
    """The request and response as they went over the wire, without headers and so without a key."""
    return _dialog(
        f"{tier_title}: what went over the wire",
        el("h3", "Request"),
        _block(_pretty(stats.request_json), "Copy the request"),
        el("h3", "Response"),
        _block(_pretty(stats.response_json), "Copy the response"),
        el("p", "Headers are left out, so the key is in neither.", cls="pg-aside"),
    )


def model_card(tier_title: str, card: ModelCard) -> Html:
    facts = [
        ("model", card.model),
        ("source", card.source),
        ("licence", card.licence),
        ("parameters", _exact(card.parameters)),
        ("size on disk", numbers.size(card.size_bytes)),
        ("comes from", card.provenance),
        ("trained on", card.trained_on),
        ("training took", numbers.seconds(card.train_seconds)),
    ]
    rows = [el("div", el("dt", name), el("dd", value or numbers.UNKNOWN, dir="auto")) for name, value in facts]
    return _dialog(
        f"{tier_title}: {card.title}",
        el("dl", rows, cls="pg-facts"),
        _measured(card.metrics),
        el("details", el("summary", "The whole card"), el("pre", card.markdown, cls="pg-markdown", tabindex="0"))
        if card.markdown
        else None,
    )


def _measured(metrics: Sequence[Measured]) -> Html | None:
    """Each figure beside the trivial baselines that it must beat."""
    if not metrics:
        return None
    head = el("tr", [el("th", name, scope="col") for name in ("data", "metric", "value", "n", "baselines")])
    rows = [
        el(
            "tr",
            el("td", row.dataset),
            el("td", row.metric, el("small", " (lower is better)") if row.lower else None),
            el("td", el("b", f"{row.value:.3f}")),
            el("td", f"{row.n:,}"),
            el("td", ", ".join(f"{name} {value:.3f}" for name, value in row.baselines) or numbers.UNKNOWN),
        )
        for row in metrics
    ]
    return el("div", el("table", el("thead", head), el("tbody", rows)), cls="pg-scroll pg-measured")


def key_form(*, has_key: bool, public: bool) -> Html:
    """The key goes to the server's memory of this page's session and nowhere else; the field is emptied at once."""
    promise = (
        "Kept in the server's memory for this page alone, gone when you close it. It is in no file, log, link or exported code."
        + (" This is a public server: its owner could read what you paste." if public else "")
    )
    return _dialog(
        "Key for a hosted model",
        el("p", promise, cls="pg-aside"),
        el(
            "form",
            el(
                "label",
                el("span", "API key"),
                el(
                    "input",
                    type="password",
                    name="key",
                    autocomplete="off",
                    spellcheck="false",
                    required=True,
                    cls="pg-input",
                ),
                cls="pg-field",
            ),
            el(
                "label",
                el("span", "Base URL ", el("i", "(optional; any OpenAI-compatible address)")),
                el(
                    "input",
                    type="url",
                    name="base_url",
                    autocomplete="off",
                    spellcheck="false",
                    placeholder="https://api.openai.com/v1",
                    cls="pg-input",
                ),
                cls="pg-field",
            ),
            el("p", cls="pg-form-error", role="alert"),
            el(
                "div",
                el(
                    "button",
                    "Forget the key",
                    type="button",
                    cls="pg-button",
                    data_act="forget-key",
                    hidden=not has_key,
                ),
                el("button", "Use this key", type="submit", cls="pg-button pg-primary"),
                cls="pg-form-actions",
            ),
            cls="pg-form",
            data_form="key",
            autocomplete="off",
        ),
    )


def _dialog(title: str, *body: Html | None) -> Html:
    close = el("button", "×", type="button", cls="pg-close", data_act="close", aria_label="Close")
    return el(
        "div",
        el("header", el("h2", title, id="pg-dialog-title"), close, cls="pg-dialog-head"),
        el("div", body, cls="pg-dialog-body"),
    )


def _block(text: str, copy: str) -> Html:
    return el(
        "div",
        el("button", "Copy", type="button", cls="pg-button pg-small pg-copy", data_act="copy", aria_label=copy),
        el("pre", el("code", text), tabindex="0"),
        cls="pg-code",
    )


def _pretty(text: str | None) -> str:
    """Indented where it is JSON, as it came where it is not."""
    if text is None:
        return numbers.UNKNOWN
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _exact(value: int | None) -> str:
    return numbers.UNKNOWN if value is None else f"{value:,}"
