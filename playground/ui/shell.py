"""The whole page: sidebar, a tab for each task, and the bus over which the script asks its questions."""

from __future__ import annotations

import gradio as gr

from playground.service import Playground
from playground.ui import actions
from playground.ui.session import PageStates
from playground.ui.task_tab import part, task_tab
from playground.views import shell

BUS_JS = "playground.mountBus(props, trigger, watch, ['ask'])"


def build(service: Playground) -> gr.Blocks:
    """A task that was added to `service.tasks` has its tab, whatever added it. Nothing here loads a model."""
    pages = PageStates()
    with gr.Blocks(title="Four Tiers Playground", analytics_enabled=False, fill_width=True) as demo:
        part(shell.sidebar(list(service.tasks)), "pg-side")
        with gr.Column(elem_classes="pg-main"):
            tabs = [task_tab(service, task, pages) for task in service.tasks]
        # Not shown: questions go out as events, the reply comes back as the value.
        bus = gr.HTML("{}", html_template="", js_on_load=BUS_JS, apply_default_css=False, elem_classes=["pg-bus"])
        actions.listen(bus, service, pages)

        def close(request: gr.Request) -> None:
            session = request.session_hash or ""
            pages.close(session)
            service.close_session(session)

        demo.unload(close)
    assert tabs, "a playground without a task has no page"
    return demo
