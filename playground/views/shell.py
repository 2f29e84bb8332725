"""The frame around the tabs: sidebar, page head, input, projector's QR code."""

from __future__ import annotations

import json
from collections.abc import Sequence

from playground.core.run import RunRecord
from playground.core.task import Example, Task
from playground.views.fields import extras, settings
from playground.views.html import Html, el


def sidebar(tasks: Sequence[Task]) -> Html:
    entries = [
        el(
            "li",
            el("a", task.title, href=f"#task={task.name}", data_act="task", data_task=task.name, cls="pg-nav-entry"),
        )
        for task in tasks
    ]
    theme = [
        el("button", word, type="button", data_act="theme", data_theme_choice=choice, aria_pressed="false")
        for choice, word in (("auto", "Auto"), ("light", "Light"), ("dark", "Dark"))
    ]
    return el(
        "div",
        el(
            "div",
            el(
                "a",
                el("b", "Four Tiers"),
                el("span", "of using a transformer"),
                href="#",
                data_act="home",
                cls="pg-brand",
            ),
            el(
                "button",
                "Menu",
                type="button",
                cls="pg-button pg-small pg-menu",
                data_act="menu",
                aria_expanded="false",
                aria_controls="pg-nav",
            ),
            cls="pg-top",
        ),
        el(
            "nav",
            el("h2", "Compare"),
            el("ul", entries),
            el("h2", "Inside"),
            el("ul", _page_entry("tokens", "Tokenizer"), _page_entry("attention", "Attention")),
            el("h2", "Status"),
            el("ul", _page_entry("status", "Models and memory")),
            id="pg-nav",
            aria_label="Pages",
        ),
        el(
            "div",
            el("button", "The four tiers", type="button", cls="pg-nav-entry", data_act="welcome"),
            el("button", "Projector", type="button", cls="pg-nav-entry", data_act="projector", aria_pressed="false"),
            el("div", theme, cls="pg-theme", role="group", aria_label="Colour theme"),
            cls="pg-nav-foot",
        ),
        cls="pg-side-inner",
    )


def _page_entry(page: str, title: str) -> Html:
    """A page that is no task."""
    return el("li", el("a", title, href=f"#page={page}", data_act="page", data_page=page, cls="pg-nav-entry"))


def page_head(task: Task) -> Html:
    return el(
        "header",
        el("div", el("h1", task.title), el("p", task.question, " One input, four ways to ask a transformer.")),
        el(
            "div",
            el("button", "Copy link", type="button", cls="pg-link", data_act="link"),
            el("button", "Leave projector", type="button", cls="pg-link pg-projector-only", data_act="projector"),
            cls="pg-head-actions",
        ),
        el("div", cls="pg-qr pg-projector-only"),
        cls="pg-page-head",
    )


def console(task: Task, tier_count: int, limit: int, *, whole: bool = False) -> Html:
    """The input with the task's fields, its examples, Run and Stop. Its text lives in the browser; `limit` is checked by the
    server too. `task` is bound: its fields hold its values.

    whole: a text of several paragraphs is one input, unless the visitor says otherwise; else each pasted line is one.
    """
    name = f"pg-input-{task.name}"
    return el(
        "div",
        el("label", task.question, for_=name, cls="pg-sr"),
        el(
            "textarea",
            id=name,
            cls="pg-text",
            rows=1,
            dir="auto",
            placeholder=task.placeholder,
            spellcheck="false",
            data_limit=limit,
            aria_describedby=f"{name}-error",
            autocomplete="off",
        ),
        el("p", id=f"{name}-error", cls="pg-input-error", role="alert"),
        extras(task),
        settings(task),
        el(
            "div",
            el(
                "div",
                [_chip(task, place, example) for place, example in enumerate(task.examples)],
                cls="pg-chips",
                role="group",
                aria_label="Examples",
            ),
            el(
                "div",
                el(
                    "label",
                    el("input", type="checkbox", data_act="lines", autocomplete="off"),
                    " each line by itself",
                    cls="pg-check pg-lines",
                ),
                el("span", cls="pg-counter", aria_live="off"),
                el("span", "changed, not run yet", cls="pg-edited"),
                el("kbd", "Ctrl ↵", cls="pg-kbd", title="Control or Command with Enter runs, Escape stops"),
                el("button", "Stop", type="button", cls="pg-button", data_act="stop", disabled=True),
                el("button", _run_words(tier_count), type="button", cls="pg-button pg-primary", data_act="run"),
                cls="pg-run",
            ),
            cls="pg-console-foot",
        ),
        el("p", cls="pg-why", hidden=True),
        cls="pg-console",
        data_task=task.name,
        data_whole=True if whole else None,
    )


def _run_words(tier_count: int) -> str:
    return (
        f"Run all {('zero', 'one', 'two', 'three', 'four', 'five', 'six')[tier_count]}" if 1 < tier_count < 7 else "Run"
    )


def _chip(task: Task, place: int, example: Example) -> Html:
    """Its values: of the settings those alone that it names; the others stay as the visitor has them."""
    bound, named = dict(task.bound(dict(example.values)).values), dict(example.values)
    settings = {field.name for field in task.fields if field.setting}
    asked = {name: value for name, value in bound.items() if name in named or name not in settings}
    values = json.dumps(asked) if task.fields else None
    return el(
        "button",
        example.title,
        type="button",
        cls="pg-chip",
        data_act="example",
        data_place=place,
        data_text=example.text,
        data_values=values,
        data_why=example.why or None,
        title=example.why or None,
    )


def status(
    *, running: bool, mode: str = "cards", error: str = "", said: str = "", number: int = 0, field: str = ""
) -> Html:
    """What the page's script needs to know of a run (its `number`), and what a screen reader is told.

    The script shows `error` beside the input, or beside the task's field that it is about.
    """
    return el(
        "div",
        said,
        cls="pg-sr",
        role="status",
        aria_live="polite",
        aria_atomic="false",
        data_running=True if running else None,
        data_mode=mode,
        data_error=error or None,
        data_field=field or None,
        data_number=number,
    )


def opened(record: RunRecord) -> Html:
    """The status after a run of the history was opened: its input goes back into the console."""
    models = json.dumps({tier: model for tier, model in record.models if model})
    return el(
        "div",
        "The run is open again.",
        cls="pg-sr",
        role="status",
        aria_live="polite",
        data_mode="cards",
        data_opened=record.id,
        data_text=record.text,
        data_models=models,
        data_values=json.dumps(dict(record.values)) if record.values else None,
        data_seed=record.seed,
    )


def qr(svg: str, urls: Sequence[str]) -> Html:
    """`svg` comes from the QR encoder, which writes nothing but paths."""
    if not urls:
        setting = el("code", "GRADIO_SERVER_NAME=0.0.0.0", cls="pg-setting")
        return el(
            "p",
            "This server listens on this machine only: start it with ",
            setting,
            " to let a room join.",
            cls="pg-aside",
        )
    return el("div", Html(svg), el("p", urls[0]), cls="pg-qr-code")
