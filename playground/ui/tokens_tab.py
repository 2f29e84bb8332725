"""The tokenizer's tab: places for its panels. Each panel's questions are in a file of its own beside this one."""

from __future__ import annotations

import gradio as gr

from playground.service import Playground
from playground.service.tokens import MOST_CHARS
from playground.ui import (
    tokens_chat,
    tokens_embeddings,
    tokens_languages,
    tokens_numbers,
    tokens_ruler,
    tokens_train,
)
from playground.ui.task_tab import part
from playground.views.tokens import page, ruler, train

__all__ = [
    "tokens_chat",
    "tokens_embeddings",
    "tokens_languages",
    "tokens_numbers",
    "tokens_ruler",
    "tokens_tab",
    "tokens_train",
]  # the questions register themselves


def tokens_tab(service: Playground) -> gr.Column:
    """Empty places: the page's scripts fill them."""
    with gr.Column(elem_id="pg-tab-tokens", elem_classes="pg-tab") as tab:
        part(page.head())
        for name, title in page.PANELS.items():
            if name == "ruler":
                part(ruler.body(title, MOST_CHARS), "pg-tokens-ruler-part", js="playground.mountRuler(element)")
            elif name == "train":
                limit = service.settings.max_upload_mb
                part(train.body(title, limit), "pg-tokens-train-part", js="playground.mountTraining(element)")
            else:
                part(page.panel(name, title), f"pg-tokens-{name}-part")
    return tab
