"""Take README's picture of the page: a 3 drawn with the mouse on a server of its own, and the answer beside it.

    python docs/draw_page.py            # writes docs/page.png; needs chromium and playwright (requirements-dev.txt)
"""

# ruff: noqa: E402
from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from assets.make_examples import STROKES, spline

SIZE = {"width": 1120, "height": 700}


def draw(page, digit: int) -> None:
    """Draw one of the example digits on the page's paper, as a hand with a mouse does."""
    area = page.locator(".paper canvas").bounding_box()
    for stroke in STROKES[digit]:
        points = spline(np.array(stroke), steps=12) * 0.66 * area["height"]
        x, y = (points + (area["x"] + 0.3 * area["width"], area["y"] + 0.17 * area["height"])).T
        page.mouse.move(x[0], y[0])
        page.mouse.down()
        for point in zip(x, y, strict=True):
            page.mouse.move(*point)
        page.mouse.up()
    page.mouse.move(5, 5)


def take(address: str, digit: int) -> bytes:
    """Return a PNG of the page at `address` with a digit drawn and answered."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.wait_for_selector(".paper canvas")
        draw(page, digit)
        page.get_by_text(f"This is a {digit}.").wait_for()
        page.wait_for_timeout(1000)  # the bars are still growing
        picture = page.screenshot()
        browser.close()
    return picture


def main() -> int:
    """Serve, draw, take, shrink, write."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--data-dir", folder, "--model", "mnistnet"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            picture = take(server.stdout.readline().strip(), digit=3)
        finally:
            server.terminate()
            server.wait()
    path = ROOT / "docs" / "page.png"
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(64).save(path, optimize=True)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
