"""Put the tabs together, with one theme, and hand gradio what it needs to stay quiet.

mount_page(api, readers, exports=True, trains=False, max_upload_bytes=16 * 2**20)
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from gradio.events import api as endpoint

from digits.files import ASSETS_DIR, ROOT, read_asset
from digits.finding.decode import EXTENSIONS
from digits.finding.limits import PictureError
from digits.reading.verdict import AS_A_NUMBER
from digits.serving.page import texts
from digits.serving.page.scripts import Scripts
from digits.serving.page.theme import make_theme
from digits.serving.readers import Readers
from digits.weights import figures_dir


def build_page(readers: Readers, scripts: Scripts) -> gr.Blocks:
    """Return the page: seven tabs that talk to the API of the same server."""
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, delete_cache=(60, 3600)) as page:
        gr.HTML(f"<header class='masthead'><h1>{texts.TITLE}</h1><p>{texts.SUBTITLE}</p></header>")
        with gr.Tabs(overflow_behavior="wrap"):  # in a menu, neither keys nor addresses would find them
            for name, title in texts.TABS.items():
                with gr.Tab(title, id=name):
                    script_tab(name, scripts.address("tabs.js"))
        add_endpoints(readers)
        gr.HTML(f"<p class='foot'>{texts.FOOT}</p>")
    accept_uploads_only(page)
    return page


def script_tab(name: str, address: str) -> gr.HTML:
    """Add a tab's content, <name>.html in assets/; the script at `address` brings it to life when it is shown."""
    start = f"import(new URL('{address}', document.baseURI)).then((tabs) => tabs.start('{name}', element));"
    content = read_asset(f"{name}.html")
    return gr.HTML(html_template=content, js_on_load=start, texts=texts.SCRIPT, apply_default_css=False)


def add_endpoints(readers: Readers) -> None:
    """Add what gradio's own clients can call: `Client(url).predict(handle_file("7.png"), api_name="/predict")`."""

    def predict(picture: gr.FileData) -> dict[str, Any]:
        """Read the one handwritten digit in a picture; the answer has the columns of a batch report, but for path."""
        return without_path(readers.predictor().predict_batch([uploaded(picture)])[0].row())

    def read_number(picture: gr.FileData) -> dict[str, Any]:
        """Read all handwritten digits in a picture: text, lines, digits with boxes; error if it cannot be read."""
        try:
            return without_path(readers.predictor().read_number(uploaded(picture)).row()) | {"error": None}
        except PictureError as error:
            return {"text": "", "lines": [], "digits": [], "error": str(error)}

    def without_path(row: dict[str, Any]) -> dict[str, Any]:
        """Gradio's client would take any "path" for a file to fetch."""
        return {name: value for name, value in row.items() if name != "path"}

    def uploaded(picture: gr.FileData) -> bytes:
        path: str = picture["path"]  # type: ignore[index]  # gradio hands over the dict it was sent
        return Path(path).read_bytes() if is_upload(path) else b""

    endpoint(predict, api_name="predict", concurrency_limit=2)
    endpoint(read_number, api_name="read_number", concurrency_limit=2)


def is_upload(path: str) -> bool:
    """Whether `path` is a file in gradio's folder for uploads."""
    file, uploads = Path(path).resolve(), Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
    return file.is_relative_to(uploads) and file.is_file()


def accept_uploads_only(page: gr.Blocks) -> None:
    """Refuse paths and links in requests: a mounted page (gradio 6.31) copies any file of the server into its cache,
    because it checks paths only after `launch`, and fetches any link."""

    async def stay(path: str) -> str:
        if not is_upload(path):
            raise gr.Error("only uploaded files are read", print_exception=False)
        return path

    page.has_launched = True
    for block in page.blocks.values():
        block.async_move_resource_to_block_cache = stay  # type: ignore[method-assign, assignment]  # see above


def mount_page(api: FastAPI, readers: Readers, exports: bool, trains: bool, max_upload_bytes: int) -> FastAPI:
    """Build the page, mount it at / of the API's application, and return that; no other server is asked for anything.

    `exports` and `trains`: whether visitors may download the corrections, and train on them.
    """
    if example_names():
        api.mount("/examples", StaticFiles(directory=ASSETS_DIR / "examples"), name="examples")

    facts = known(readers, exports, trains)

    @api.get("/figures/{model}/{name}", include_in_schema=False)
    def figure(model: str, name: str) -> FileResponse:
        if name not in facts["figures"].get(model, ()):
            raise HTTPException(404, "there is no such figure")
        return FileResponse(figures_dir(model) / name)

    scripts = Scripts(facts)
    scripts.serve(api)
    return gr.mount_gradio_app(
        api,
        build_page(readers, scripts),
        path="/",
        theme=make_theme(),
        css=read_asset("table.css") + read_asset("page.css"),
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=max_upload_bytes,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
    )


def known(readers: Readers, exports: bool, trains: bool) -> dict[str, Any]:
    """Return what the scripts need to know of this server."""
    return {
        "texts": texts.SCRIPT,
        "tabs": texts.TABS,
        "models": readers.names,
        "exports": exports,
        "trains": trains,
        "examples": example_names(),
        "measured": {name: words for name in readers.names if (words := measured(name))},
        "extensions": sorted(EXTENSIONS),
        "asNumber": AS_A_NUMBER,
        "figures": {model: figure_names(model) for model in readers.names},
    }


def measured(model: str) -> dict[str, str]:
    """Return what benchmarks/architectures.py measured of a model, as words for people, and of which `weights`.

    Empty if it measured none of that name.
    """
    try:
        results = json.loads((ROOT / "benchmarks" / "results" / "architectures.json").read_text(encoding="utf-8"))
        figures = results["architectures"][model]
        weights = figures["weights_sha256"]
    except (OSError, KeyError):
        return {}
    words = {"handwriting": f"{100 * figures['handwriting']:.2f} %", "speed": f"{figures['speed']['ms']:.2f} ms"}
    return words | {"weights": weights}


def example_names() -> list[str]:
    """Return the file names of the example drawings."""
    return sorted(path.name for path in (ASSETS_DIR / "examples").glob("*.png"))


def figure_names(model: str) -> list[str]:
    """Return the file names of the figures of a model's training, in the order of the texts that name them."""
    order = list(texts.SCRIPT["figures"])
    names = (path.name for path in figures_dir(model).glob("*.png"))
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
