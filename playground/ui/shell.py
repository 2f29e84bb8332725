"""The whole page: sidebar, and a tab for each task. What happens on it goes over the page's own routes; Gradio lays it out."""

from __future__ import annotations

import gradio as gr

from playground.service import Playground
from playground.ui.api import add_api
from playground.ui.attention_tab import attention_tab
from playground.ui.routes import PAGE_ID
from playground.ui.session import pages_of
from playground.ui.status_tab import status_tab
from playground.ui.task_tab import part, task_tab
from playground.ui.tokens_tab import tokens_tab
from playground.views import shell

# Says once which of Gradio's connections is this page's, so that its end closes the page.
TELL_JS = "playground.tell((page) => trigger('tell', { page }))"


def build(service: Playground) -> gr.Blocks:
    """A task that was added to `service.tasks` has its tab, whatever added it. Nothing here loads a model."""
    pages = pages_of(service)
    with gr.Blocks(title="Four Tiers Playground", analytics_enabled=False, fill_width=True) as demo:
        part(shell.sidebar(list(service.tasks)), "pg-side", js="playground.mounted()")
        with gr.Column(elem_classes="pg-main"):
            tabs = [task_tab(service, task) for task in service.tasks]
            tokens_tab(service)
            attention_tab(service)
            status_tab(service)
        teller = gr.HTML("", js_on_load=TELL_JS, apply_default_css=False, elem_classes=["pg-bus"])  # not shown

        def tell(request: gr.Request, event: gr.EventData) -> None:
            page = event._data.get("page") if isinstance(event._data, dict) else None
            if request.session_hash and isinstance(page, str) and PAGE_ID.fullmatch(page):
                pages.told(request.session_hash, page)

        def close(request: gr.Request) -> None:
            page = pages.gone(request.session_hash or "")
            if page is not None:
                pages.close(page)
                service.close_session(page)

        teller.tell(tell, None, None, queue=False, show_progress="hidden", api_visibility="private")
        demo.unload(close)
        add_api(service)
    assert tabs, "a playground without a task has no page"
    return demo
