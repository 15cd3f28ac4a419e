"""Put the tabs together, with one theme, and hand gradio what it needs to stay quiet.

    page = build_page(readers)
    mount_page(api, page)
"""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from digits.page import texts
from digits.page.theme import make_theme
from digits.readers import Readers
from utils import ASSETS_DIR, OUTPUTS_DIR

SCRIPTS = ["card.js", "draw.js", "upload.js", "inside.js", "unzip.js", "batch.js", "models.js"]
STARTS = {  # a tab's template in assets/, and the class in the scripts that brings it to life
    "draw": "Pad",
    "upload": "Upload",
    "inside": "Inside",
    "batch": "Batch",
    "models": "Models",
}


def build_page(readers: Readers) -> gr.Blocks:
    """Return the page: five tabs that talk to the API of the same server."""
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, delete_cache=(60, 3600)) as page:
        gr.HTML(f"<header class='masthead'><h1>{texts.TITLE}</h1><p>{texts.SUBTITLE}</p></header>")
        with gr.Tabs():
            for name, start in STARTS.items():
                with gr.Tab(texts.TABS[name], id=name):
                    script_tab(f"{name}.html", f"new DIGITS.{start}(element)")
        gr.HTML(f"<p class='foot'>{texts.FOOT}</p>")
    return page


def script_tab(template: str, start: str) -> gr.HTML:
    """Add a tab's content whose life is in a script: `template` from assets/, `start` run when it is shown."""
    return gr.HTML(html_template=asset(template), js_on_load=start, texts=texts.SCRIPT, apply_default_css=False)


def mount_page(api: FastAPI, page: gr.Blocks, readers: Readers, exports: bool, max_upload_bytes: int) -> FastAPI:
    """Mount the page at / of the API's application; nothing but this server is ever asked for anything."""
    if example_names():
        api.mount("/examples", StaticFiles(directory=ASSETS_DIR / "examples"), name="examples")

    @api.get("/figures/{name}", include_in_schema=False)
    def figure(name: str) -> FileResponse:
        if name not in figure_names():
            raise HTTPException(404, "there is no such figure")
        return FileResponse(OUTPUTS_DIR / name)

    return gr.mount_gradio_app(
        api,
        page,
        path="/",
        theme=make_theme(),
        css=asset("page.css"),
        head=head(readers, exports),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=max_upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
    )


def head(readers: Readers, exports: bool) -> str:
    """Return the scripts, and before them what they need to know, as one inline element."""
    known = {
        "texts": texts.SCRIPT,
        "models": readers.names,
        "exports": exports,
        "examples": example_names(),
        "figures": figure_names(),
    }
    safe = json.dumps(known).replace("<", "\\u003c")
    return f"<script>window.DIGITS = {safe};\n" + "\n".join(asset(name) for name in SCRIPTS) + "</script>"


def example_names() -> list[str]:
    """Return the file names of the example drawings."""
    return sorted(path.name for path in (ASSETS_DIR / "examples").glob("*.png"))


def figure_names() -> list[str]:
    """Return the file names of the shipped run's figures."""
    return sorted((path.name for path in OUTPUTS_DIR.glob("*.png")), reverse=True)


def asset(name: str) -> str:
    """Return the text of a file in assets/."""
    return Path(ASSETS_DIR / name).read_text(encoding="utf-8")
