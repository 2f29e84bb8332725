"""The panel in which a visitor trains a tokenizer: its form, the places its scripts fill, and what they are sent."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from playground.core.token_training import (
    KIND_TITLES,
    LEAST_SIZE,
    MOST_SIZE,
    MOST_TEXT,
    MergeSteps,
    TrainedTokenizer,
    TrainingKind,
    TrainingProgress,
)
from playground.views.html import Child, Html, el
from playground.views.tokens.train_sample import SAMPLE

USUAL_SIZE = 500
HINTS = {
    TrainingKind.SCRATCH: "byte-level, plain Python; you see every merge",
    TrainingKind.BPE: "byte-level, as GPT-2's",
    TrainingKind.WORDPIECE: "as BERT's, letters lowered",
    TrainingKind.UNIGRAM: "as SentencePiece's",
}
SPEEDS = (("1", "1 merge a second"), ("4", "4 a second"), ("20", "20 a second"))


def body(title: str, most_file_mb: int) -> Html:
    return el(
        "section",
        el("h2", title, id="pg-tokens-train-title"),
        el(
            "p",
            "A tokenizer is learned from text alone, in seconds. Yours stays in this page's memory until you close it; it can be "
            "read with above, and downloaded.",
            cls="pg-quiet",
        ),
        el("div", _form(most_file_mb), _progress(), _kept(), _player(), id="pg-tokens-train", cls="pg-tokens-body"),
        cls="pg-panel pg-tokens-panel",
        aria_labelledby="pg-tokens-train-title",
    )


def _form(most_file_mb: int) -> Html:
    text = el(
        "textarea",
        id="pg-train-text",
        cls="pg-extra-text",
        dir="auto",
        rows=5,
        spellcheck="false",
        data_limit=MOST_TEXT,
        placeholder="Paste a text to learn from: the longer, the better.",
        aria_describedby="pg-train-error",
    )
    sources = el(
        "div",
        el("button", "a short story", type="button", cls="pg-chip", data_act="train-sample", data_text=SAMPLE),
        el("button", "the text above", type="button", cls="pg-chip", data_act="train-above"),
        el(
            "label",
            f"a file, up to {most_file_mb} MB",
            el("input", type="file", id="pg-train-file", cls="pg-sr", data_limit=most_file_mb * 1_000_000),
            cls="pg-chip pg-train-choose",
        ),
        el("span", id="pg-train-counter", cls="pg-counter"),
        cls="pg-chips",
    )
    size = el(
        "input",
        type="number",
        id="pg-train-size",
        value=USUAL_SIZE,
        min=LEAST_SIZE,
        max=MOST_SIZE,
        step=1,
        inputmode="numeric",
        autocomplete="off",
        required=True,
    )
    name = el(
        "input", id="pg-train-name", cls="pg-train-input", maxlength=40, autocomplete="off", placeholder="any name"
    )
    return el(
        "form",
        el(
            "div",
            el("label", "Text to learn from", for_="pg-train-text", cls="pg-train-label"),
            text,
            el(
                "div",
                el("span", id="pg-train-file-name"),
                el("button", "take the text instead", type="button", cls="pg-link", data_act="train-no-file"),
                id="pg-train-file-chosen",
                cls="pg-train-file-chosen",
                hidden=True,
            ),
            sources,
            cls="pg-train-source",
        ),
        el(
            "div",
            el("fieldset", el("legend", "Kind"), [_kind(kind) for kind in TrainingKind], cls="pg-train-kinds"),
            el(
                "div",
                _field("pg-train-size", "Vocabulary", size, f"{LEAST_SIZE:,} to {MOST_SIZE:,} tokens"),
                _field("pg-train-name", "Name", name, "for the list"),
                cls="pg-train-fields",
            ),
            cls="pg-train-choices",
        ),
        el("p", id="pg-train-error", cls="pg-input-error", role="alert"),
        el(
            "div",
            el("button", "Train", type="submit", cls="pg-button pg-primary", id="pg-train-start"),
            el(
                "button",
                "Stop",
                type="button",
                cls="pg-button",
                data_act="train-stop",
                id="pg-train-stop",
                disabled=True,
            ),
            cls="pg-train-buttons",
        ),
        id="pg-train-form",
        cls="pg-train-form",
        novalidate=True,
    )


def _kind(kind: TrainingKind) -> Html:
    title = KIND_TITLES[kind]
    return el(
        "label",
        el(
            "input",
            type="radio",
            name="pg-train-kind",
            value=kind,
            checked=kind is TrainingKind.SCRATCH,
            autocomplete="off",
        ),
        el("span", el("b", title[0].upper() + title[1:]), " ", el("span", HINTS[kind], cls="pg-quiet")),
        cls="pg-train-kind",
    )


def _field(name: str, title: str, box: Child, hint: str) -> Html:
    return el("div", el("label", title, for_=name), box, el("span", hint, cls="pg-quiet"), cls="pg-train-field")


def _progress() -> Html:
    return el(
        "div",
        el("p", id="pg-train-said", role="status"),
        el("div", el("span"), id="pg-train-bar", cls="pg-progress", role="progressbar", aria_label="Training"),
        id="pg-train-progress",
        cls="pg-train-progress",
        data_tier="scratch",
        data_idle=True,
    )


def _kept() -> Html:
    return el("ul", id="pg-train-kept", cls="pg-train-kept", aria_label="Your tokenizers")


def _player() -> Html:
    def button(act: str, sign: str, label: str) -> Html:
        return el("button", sign, type="button", cls="pg-train-step", data_act=act, aria_label=label, title=label)

    speeds = [el("option", title, value=value, selected=value == "4") for value, title in SPEEDS]
    return el(
        "section",
        el(
            "div",
            el("h3", "How it learned", id="pg-steps-title"),
            el("p", id="pg-steps-of", cls="pg-quiet"),
            cls="pg-steps-head",
        ),
        el(
            "div",
            button("steps-first", "⏮", "To the start"),
            button("steps-back", "◀", "One merge back"),
            el("button", "Play", type="button", cls="pg-button pg-small pg-steps-play", data_act="steps-play"),
            button("steps-on", "▶", "One merge on"),
            button("steps-last", "⏭", "To the end"),
            el(
                "input",
                type="range",
                id="pg-steps-scrub",
                min=0,
                value=0,
                step=1,
                autocomplete="off",
                aria_label="Merge",
            ),
            el("select", speeds, id="pg-steps-speed", cls="pg-train-input", aria_label="Speed", autocomplete="off"),
            cls="pg-steps-controls",
        ),
        el(
            "div",
            el(
                "div",
                el("p", id="pg-steps-merge", cls="pg-steps-merge"),
                el("p", id="pg-steps-said", cls="pg-steps-said"),
                cls="pg-steps-now",
            ),
            el(
                "div",
                el("h4", "The most frequent pairs"),
                el("ol", id="pg-steps-pairs", cls="pg-steps-pairs"),
                cls="pg-steps-counts",
            ),
            el(
                "div",
                el("h4", "The text, as it is cut now"),
                el("p", id="pg-steps-text", cls="pg-steps-text", translate="no"),
                el("p", id="pg-steps-part", cls="pg-quiet"),
                cls="pg-steps-cut",
            ),
            cls="pg-steps-grid",
        ),
        el("p", id="pg-steps-live", cls="pg-sr", aria_live="polite"),
        id="pg-steps",
        cls="pg-steps",
        aria_labelledby="pg-steps-title",
        hidden=True,
    )


# -- what the scripts are sent


def working(progress: TrainingProgress, seconds: float) -> dict[str, Any]:
    return {"said": progress.said, "fraction": progress.fraction, "seconds": round(seconds, 1)}


def own(name: str, title: str, trained: TrainedTokenizer, asked: int, text_bytes: int) -> dict[str, Any]:
    """One that is kept. facts: what is to be known of it, in words."""
    facts = [f"{trained.size:,} tokens", f"learned from {_size(text_bytes)} in {trained.seconds:.2f} s"]
    if trained.size < asked:
        facts.insert(1, f"the text gave no more of the {asked:,} asked for")
    elif trained.size > asked:
        facts.insert(1, f"more than the {asked:,} asked for: the text has so many different characters")
    return {
        "id": name,
        "title": title,
        "kind": KIND_TITLES[trained.kind],
        "facts": " · ".join(facts),
        "steps": trained.steps is not None,
        "shared": bool(trained.shared),
    }


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < 1000 else f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def steps(found: MergeSteps) -> dict[str, Any]:
    """Everything but the rivals, of which there are more numbers: `rivals` sends some at a time."""
    return {
        "count": len(found.merges),
        "merges": _packed(found.merges),
        "first": found.first,
        "order": base64.b64encode(found.order).decode("ascii"),
        "pieces": found.pieces,
        "whole": found.whole,
        "tokens": found.tokens,
    }


def rivals(found: MergeSteps, start: int, most: int) -> dict[str, Any]:
    """Of the merges from `start` on, at most `most`: int32 [., RIVALS, 3] in base64."""
    part = found.rivals[max(0, start) : max(0, start) + most]
    return {"start": start, "rivals": _packed(part), "each": part.shape[1]}


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<i4").tobytes()).decode("ascii")
