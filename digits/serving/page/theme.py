"""The page's own look: system fonts, calm paper and ink, one accent; light and dark. The rest is in
assets/page.css.

    gr.mount_gradio_app(api, page, path="/", theme=make_theme())
"""

from __future__ import annotations

import gradio as gr

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]


def make_theme() -> gr.themes.Base:
    """Return the theme; its fonts are those of the system, so that nothing is fetched."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        secondary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_md,
        font=FONT,
        font_mono=MONO,
    ).set(
        body_background_fill="#f6f5f1",
        body_background_fill_dark="#14161b",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1d2027",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1d2027",
        block_border_color="#e2e0d8",
        block_border_color_dark="#31353f",
        border_color_primary="#d8d6cd",
        border_color_primary_dark="#3a3f4b",
        body_text_color="#1c2230",
        body_text_color_dark="#e8eaf0",
        body_text_color_subdued="#565d6d",
        body_text_color_subdued_dark="#a9afbd",
        button_primary_background_fill="#3d4fc4",
        button_primary_background_fill_hover="#3343ab",
        button_primary_background_fill_dark="#4c5fd6",
        button_primary_background_fill_hover_dark="#5b6de0",
    )
