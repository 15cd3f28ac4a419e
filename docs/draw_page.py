"""Take the documents' pictures of the page, on a server of its own: one for each tab, a 3 drawn on the first.

python docs/draw_page.py            # writes docs/page*.png; needs chromium and playwright (requirements-dev.txt)
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

if not __package__:  # `python docs/draw_page.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from assets.make_examples import STROKES, spline

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "assets" / "examples"
FORM = ROOT / "assets" / "form"
SIZE = {"width": 1120, "height": 700}


def draw(page, digit: int, moved: Callable[[int], None] = lambda n: None) -> None:
    """Draw one of the example digits on the page's paper, as a hand with a mouse does.

    `moved` is called after each point, with its number in the stroke.
    """
    area = page.locator(".paper canvas").bounding_box()
    for stroke in STROKES[digit]:
        points = spline(np.array(stroke), steps=12) * 0.66 * area["height"]
        x, y = (points + (area["x"] + 0.3 * area["width"], area["y"] + 0.17 * area["height"])).T
        page.mouse.move(x[0], y[0])
        page.mouse.down()
        for n, point in enumerate(zip(x, y, strict=True)):
            page.mouse.move(*point)
            moved(n)
        page.mouse.up()
    page.mouse.move(5, 5)


def fill_upload(page) -> None:
    """Choose an example drawing."""
    page.locator(".upload input[type=file]").set_input_files(EXAMPLES / "6.png")
    page.locator(".steps li:visible").first.wait_for()


def fill_inside(page) -> None:
    """Wait for what the network makes of the example, and open a kernel."""
    page.wait_for_function("document.querySelectorAll('.curves .curve').length === 10", timeout=120_000)
    page.locator(".layer").nth(0).locator("button").nth(3).click()


def fill_batch(page) -> None:
    """Read the ten example drawings."""
    page.locator(".batch input.files").set_input_files(sorted(EXAMPLES.glob("*.png")))
    page.locator(".batch-done").wait_for()


def fill_form(page) -> None:
    """Draw the boxes of the example form, and read the filled one."""
    page.set_viewport_size({"width": 1120, "height": 1240})
    told = json.loads((FORM / "form.json").read_text(encoding="utf-8"))
    page.locator(".forms input.empty").set_input_files(FORM / "empty.png")
    page.locator(".form-sheet").wait_for()
    page.wait_for_function("document.querySelector('.form-sheet img').naturalWidth > 0")
    for field in told["fields"]:
        area = page.locator(".form-sheet").bounding_box()
        shares = [edge / side for edge, side in zip(field["box"], 2 * told["page_mm"], strict=True)]
        xs, ys = [[area[at] + share * area[size] for share in some] for at, size, some in (
            ("x", "width", shares[::2]), ("y", "height", shares[1::2]),
        )]  # fmt: skip
        page.mouse.move(xs[0], ys[0])
        page.mouse.down()
        page.mouse.move(xs[1], ys[1])
        page.mouse.up()
        page.locator(".form-field [name=name]").fill(field["name"])
        page.locator(".form-field [name=kind]").select_option(field.get("kind", "number"))
        page.locator(".form-field [name=cells]").fill(str(field.get("cells", "")))
    page.locator(".forms input.filled").set_input_files(FORM / "filled.jpg")
    page.locator(".form-read .save").wait_for(timeout=120_000)
    page.evaluate("scrollTo(0, 0)")


def fill_models(page) -> None:
    """Wait for the answers on the examples."""
    page.locator(".compared td[data-status]").first.wait_for(state="attached")


def fill_draw(page) -> None:
    """Draw a 3 and wait for its answer."""
    draw(page, 3)
    page.locator(".says", has_text="This is a 3.").first.wait_for()


TABS = {  # file in docs/ -> tab, what is done there, theme
    "page": ("Draw", fill_draw, "light"),
    "page-upload": ("Upload", fill_upload, "light"),
    "page-inside": ("Look inside", fill_inside, "dark"),
    "page-batch": ("Batch", fill_batch, "light"),
    "page-form": ("Form", fill_form, "light"),
    "page-models": ("Models", fill_models, "dark"),
}


def take(browser, address: str, name: str) -> Path:
    """Write one picture, small: a palette of 64 colours."""
    tab, fill, theme = TABS[name]
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/?__theme={theme}")
    page.wait_for_selector(".paper canvas")
    page.get_by_role("tab", name=tab).click()
    fill(page)
    page.wait_for_timeout(1000)  # the bars are still growing
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    path = ROOT / "docs" / f"{name}.png"
    picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    return path


@contextmanager
def browsing() -> Iterator[tuple]:
    """Serve on a port and in a folder of its own; yield a browser and the page's address."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--data-dir", folder, "--model", "mnistnet"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            executable = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
            yield browser, server.stdout.readline().strip()
            browser.close()
        finally:
            server.terminate()
            server.wait()


def main() -> int:
    """Take the pictures."""
    with browsing() as (browser, address):
        for name in TABS:
            print(take(browser, address, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
