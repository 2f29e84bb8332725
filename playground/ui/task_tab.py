"""A task's tab in Gradio: ten pieces of HTML, and no event. The page's script fills them from the page's own routes."""

from __future__ import annotations

import gradio as gr

from playground.core.task import Task
from playground.core.types import Spans
from playground.core.writing_types import Text
from playground.service import Playground
from playground.ui.runs import TaskRuns
from playground.ui.session import pages_of
from playground.views import shell
from playground.views.welcome import welcome


def part(value: str, *classes: str, js: str | None = None) -> gr.HTML:
    """One piece of HTML that the script may renew."""
    return gr.HTML(value, js_on_load=js, apply_default_css=False, elem_classes=["pg-part", *classes])


def task_tab(service: Playground, task: Task) -> gr.Column:
    """The column of one task. The class `pg-at-NAME` marks the part that an update calls NAME."""
    start = TaskRuns(service, task, pages_of(service)).start_page()

    def renewed(name: str, *classes: str) -> None:
        part(start[name], f"pg-at-{name}", *classes)

    with gr.Column(elem_id=f"pg-tab-{task.name}", elem_classes="pg-tab") as tab:
        part(shell.page_head(task))
        part(
            shell.console(
                task.bound({}),
                len(service.tiers),
                service.settings.max_input_chars,
                whole=task.kind in (Spans.kind, Text.kind),
            ),
            js="playground.mountConsole(element)",
        )
        renewed("status", "pg-status-part")
        part(
            welcome({tier.name: service.tier_titles.get(tier.name, tier.name) for tier in service.tiers}),
            "pg-welcome-part",
        )
        with gr.Row(elem_classes="pg-cards"):
            for tier in service.tiers:
                renewed(f"card-{tier.name}", "pg-card-part")
        for name in ("below", "table", "history"):
            renewed(name, f"pg-{name}-part")
    return tab
