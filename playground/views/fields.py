"""What a task asks for beside its text: the fields that stand by it, and the settings that are folded away under it."""

from __future__ import annotations

from playground.core.fields import Field
from playground.core.task import Task
from playground.views.html import Html, el


def extras(task: Task) -> Html | None:
    fields = [field for field in task.fields if not field.setting]
    return el("div", [_field(task, field) for field in fields], cls="pg-extras") if fields else None


def settings(task: Task) -> Html | None:
    """Closed at first; the summary says what is other than usual, which the page's script knows."""
    fields = [field for field in task.fields if field.setting]
    if not fields:
        return None
    reset = el("button", "reset", type="button", cls="pg-link", data_act="reset", hidden=True, title="All as at first")
    return el(
        "details",
        el("summary", el("b", "Settings"), " ", el("span", "as usual", cls="pg-settings-said")),
        el("div", [_field(task, field) for field in fields], cls="pg-settings-grid"),
        reset,
        cls="pg-settings",
    )


def _field(task: Task, field: Field) -> Html:
    """With what it holds before anybody writes."""
    name, value = f"pg-field-{task.name}-{field.name}", dict(task.values).get(field.name, field.default)
    error = el("p", id=f"{name}-error", cls="pg-input-error", role="alert")
    draw = {"flag": _flag, "number": _number}.get(field.kind, _text)
    return draw(field, name, value, error)


def _flag(field: Field, name: str, value: str, error: Html) -> Html:
    box = el(
        "input",
        type="checkbox",
        id=name,
        checked=bool(value),
        autocomplete="off",
        aria_describedby=f"{name}-error {name}-hint" if field.setting else f"{name}-error",
    )
    return el(
        "div",
        el("label", box, f" {field.title}", cls="pg-check", title=field.hint or None),
        _hint(field, name),
        error,
        cls="pg-extra pg-extra-flag",
        data_field=field.name,
    )


def _number(field: Field, name: str, value: str, error: Html) -> Html:
    box = el(
        "input",
        type="number",
        id=name,
        value=value,
        min=_plain(field.least),
        max=_plain(field.most),
        step=_plain(field.step),
        inputmode="numeric" if field.step % 1 == 0 else "decimal",
        cls="pg-number-input",
        autocomplete="off",
        aria_describedby=f"{name}-error {name}-hint",
    )
    return el(
        "div",
        el("label", field.title, for_=name),
        box,
        _hint(field, name),
        error,
        cls="pg-extra pg-extra-number",
        data_field=field.name,
    )


def _plain(number: float) -> str:
    """Never 2e+09, which nobody reads."""
    return f"{number:.10f}".rstrip("0").rstrip(".")


def _hint(field: Field, name: str) -> Html | None:
    return el("p", field.hint, id=f"{name}-hint", cls="pg-hint") if field.setting else None


def _text(field: Field, name: str, value: str, error: Html) -> Html:
    return el(
        "div",
        el(
            "div",
            el("label", field.title, for_=name),
            " ",
            el("span", cls="pg-extra-count", aria_live="off"),
            cls="pg-extra-title",
        ),
        el(
            "textarea",
            "\n",  # HTML drops a line break that comes first
            value,
            id=name,
            cls="pg-extra-text",
            rows=1,
            dir="auto",
            placeholder=field.placeholder,
            spellcheck="false",
            autocomplete="off",
            title=field.hint or None,
            aria_describedby=f"{name}-error",
        ),
        error,
        cls="pg-extra pg-extra-prose" if field.kind == "text" else "pg-extra",
        data_field=field.name,
        data_prose=True if field.kind == "text" else None,
    )
