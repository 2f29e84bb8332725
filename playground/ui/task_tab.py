"""A task's tab in Gradio: ten components, four kinds of event."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr

from playground.core.task import Task
from playground.service import Playground
from playground.ui.runs import Order, TaskRuns, Update
from playground.ui.session import PageStates
from playground.views import shell
from playground.views.welcome import welcome

# Gradio's defaults would queue a second visitor behind the first, and draw its own spinner over every card.
EVENT: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": None,
    "trigger_mode": "multiple",
    "api_visibility": "private",
}
CONSOLE_JS = "playground.mountConsole(element, trigger, ['run', 'stop', 'open', 'refresh'])"
HISTORY_JS = "playground.mountOpenable(element, watch)"
STATUS_JS = "playground.mountStatus(element, watch)"


def part(value: str, *classes: str, elem_id: str | None = None, js: str | None = None) -> gr.HTML:
    """One piece of HTML that the script or an event may renew."""
    return gr.HTML(value, js_on_load=js, apply_default_css=False, elem_id=elem_id, elem_classes=["pg-part", *classes])


def task_tab(service: Playground, task: Task, pages: PageStates) -> gr.Column:
    """The column of one task. Every listener names only the parts it changed."""
    runs = TaskRuns(service, task, pages)
    start = runs.start_page()
    with gr.Column(elem_id=f"pg-tab-{task.name}", elem_classes="pg-tab") as tab:
        part(shell.page_head(task))
        console = part(shell.console(task, len(service.tiers), service.settings.max_input_chars), js=CONSOLE_JS)
        parts = {"status": part(start["status"], "pg-status-part", js=STATUS_JS)}
        part(
            welcome({tier.name: service.tier_titles.get(tier.name, tier.name) for tier in service.tiers}),
            "pg-welcome-part",
        )
        with gr.Row(elem_classes="pg-cards"):
            for tier in service.tiers:
                parts[f"card-{tier.name}"] = part(start[f"card-{tier.name}"], "pg-card-part")
        for name, js in (("below", None), ("table", None), ("history", HISTORY_JS)):
            parts[name] = part(start[name], f"pg-{name}-part", js=js)
    outputs = list(parts.values())

    def named(update: Update) -> Any:
        """What Gradio wants: a component's new value for each named part, or nothing at all."""
        return {parts[name]: html for name, html in update.items()} or gr.skip()

    async def run(request: gr.Request, event: gr.EventData) -> AsyncGenerator[Any, None]:
        async for update in runs.run(Order.of(event._data), request.session_hash or ""):
            yield named(update)

    def stop(request: gr.Request) -> None:
        service.stop(request.session_hash or "")

    def open_run(request: gr.Request, event: gr.EventData) -> Any:
        data = event._data if isinstance(event._data, dict) else {}
        return named(runs.guarded(lambda: runs.open(data.get("run"), request.session_hash or "")))

    def refresh(request: gr.Request, event: gr.EventData) -> Any:
        return named(runs.guarded(lambda: runs.refresh(Order.of(event._data), request.session_hash or "")))

    console.run(run, None, outputs, **EVENT)
    console.stop(stop, None, None, queue=False, **EVENT)
    console.open(open_run, None, outputs, queue=False, **EVENT)
    console.refresh(refresh, None, outputs, queue=False, **EVENT)
    return tab
