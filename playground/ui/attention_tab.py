"""The attention page's tab: places for its panels. Each panel's questions are in a file of its own beside this one."""

from __future__ import annotations

import gradio as gr

from playground.service import Playground
from playground.ui import (
    attention_ablate,
    attention_bertviz,
    attention_export,
    attention_head,
    attention_kind,
    attention_layers,
    attention_look,
)
from playground.ui.task_tab import part
from playground.views.attention import page

# The questions register themselves.
__all__ = [
    "attention_ablate",
    "attention_bertviz",
    "attention_export",
    "attention_head",
    "attention_kind",
    "attention_layers",
    "attention_look",
    "attention_tab",
]


def attention_tab(service: Playground) -> gr.Column:
    """Empty places: the page's scripts fill them."""
    with gr.Column(elem_id="pg-tab-attention", elem_classes="pg-tab") as tab:
        part(page.head())
        part(page.console(service.settings.max_input_chars), js="playground.mountLook(element)")
        part(page.note())
        for name, title in page.PANELS.items():
            part(page.panel(name, title), f"pg-att-{name}-part")
    return tab
