"""One screenful on the four tiers, in the place where their cards will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from playground.views.html import Html, el


@dataclass(frozen=True)
class TierWords:
    """The qualitative table's column for one tier. A grade and what it means, or a sentence."""

    what: str
    ease: tuple[str, str]
    flexibility: tuple[str, str]
    cost: tuple[str, str]
    computation: tuple[str, str]
    when: str


ASPECTS = ("ease", "flexibility", "cost", "computation")

WORDS: Mapping[str, TierWords] = {
    "hosted": TierWords(
        "A provider's large model answers over the network.",
        ("very high", "a key and a prompt"),
        ("high", "any task you can describe in words; the model itself stays as it is"),
        ("per call", "every token, every time"),
        ("none here", "the provider's machines; your text leaves yours"),
        "A first version today, tasks that change, few or no labelled examples.",
    ),
    "pretrained": TierWords(
        "A finished model from a public hub runs on this machine, as it is.",
        ("high", "one pipeline call"),
        ("low", "the labels and the kind of text it was trained for"),
        ("free per call", "only electricity"),
        ("low", "a CPU is enough for small ones"),
        "A common task on ordinary text, and data that must stay here.",
    ),
    "finetuned": TierWords(
        "The same kind of model, trained further on examples of your own.",
        ("medium", "labelled examples and a training run"),
        ("high", "your labels, your jargon"),
        ("once", "labelling and minutes to hours of training; then free per call"),
        ("medium", "a GPU helps; small adapters train on a CPU"),
        "Texts unlike the usual ones, and some hundred labelled examples.",
    ),
    "scratch": TierWords(
        "A transformer of our own, trained from random weights on your data alone.",
        ("low", "tokenizer, architecture and training are yours"),
        ("total", "every part can be changed"),
        ("high", "it needs far more data for the same quality"),
        ("high", "grows quickly with size; tiny ones train in minutes"),
        "No pretrained model fits your data, or you want to know how it works.",
    ),
}


def welcome(titles: Mapping[str, str]) -> Html:
    """A column per tier, in line with the cards it explains. A tier without words of its own is left out."""
    columns = [
        _column(place, tier, title, WORDS[tier])
        for place, (tier, title) in enumerate(titles.items(), 1)
        if tier in WORDS
    ]
    return el(
        "section",
        el(
            "header",
            el(
                "div",
                el("h2", "Four ways to put a transformer to work"),
                el(
                    "p",
                    "The same input goes through all four, side by side: what each answers, how sure it is, how long it takes, "
                    "what it costs. Type a sentence above, or take an example, and run.",
                ),
            ),
            el("button", "Got it", type="button", cls="pg-button", data_act="welcome-close"),
            cls="pg-welcome-head",
        ),
        el("div", columns, cls="pg-tiers"),
        cls="pg-welcome",
        aria_label="The four tiers",
    )


def _column(place: int, tier: str, title: str, words: TierWords) -> Html:
    rows = [
        el("div", el("dt", field.name), el("dd", el("b", grade), " ", el("span", meaning)))
        for field in fields(words)
        if field.name in ASPECTS
        for grade, meaning in [getattr(words, field.name)]
    ]
    rows.append(el("div", el("dt", "when to use"), el("dd", el("span", words.when)), cls="pg-when"))
    return el(
        "article",
        el("h3", el("span", place, cls="pg-number"), " ", title),
        el("p", words.what),
        el("dl", rows),
        cls="pg-tier",
        data_tier=tier,
    )
