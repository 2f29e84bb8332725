"""Gradio's theme, as plain as it goes: colours, spaces and type are the style sheets' business."""

from __future__ import annotations

import gradio as gr


def theme() -> gr.themes.Base:
    """The fonts are named, not loaded: the style sheet brings the one that is bundled."""
    return gr.themes.Base(
        font=["Inter", "system-ui", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
    ).set(
        body_background_fill="var(--pg-ground)",
        body_background_fill_dark="var(--pg-ground)",
        body_text_color="var(--pg-ink)",
        body_text_color_dark="var(--pg-ink)",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
    )
