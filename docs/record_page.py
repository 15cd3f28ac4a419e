"""Record the page at work: draw a digit, correct the answer, look inside, read a folder.

python docs/record_page.py          # writes docs/page.webp; needs chromium and playwright (requirements-dev.txt)
"""

# ruff: noqa: E402
from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from assets.make_examples import STROKES, spline

EXAMPLES = ROOT / "assets" / "examples"
RECORDING = ROOT / "docs" / "page.webp"
SIZE = {"width": 960, "height": 640}
LOOK_MS = 1600  # a viewer needs to see what happened


@dataclass
class Camera:
    """Takes a page's frames, each with how long it stays, in milliseconds."""

    page: object
    frames: list[Image.Image] = field(default_factory=list)
    durations: list[int] = field(default_factory=list)

    def take(self, ms: int = 120) -> None:
        """Add what the page shows now; what shows nothing new only lasts longer."""
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        if self.frames and frame.tobytes() == self.frames[-1].tobytes():
            self.durations[-1] += ms
        else:
            self.frames.append(frame)
            self.durations.append(ms)

    def rest(self) -> None:
        """Let the page come to rest, and look at it."""
        for _ in range(4):
            self.page.wait_for_timeout(250)
            self.take(150)
        self.durations[-1] += LOOK_MS

    def save(self, path: Path) -> None:
        """Write an animated WebP that repeats."""
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations, loop=0, quality=60, method=6
        )  # fmt: skip


def draw(camera: Camera, digit: int) -> None:
    """Draw an example digit with the mouse, a frame every few points."""
    page = camera.page
    area = page.locator(".paper canvas").bounding_box()
    for stroke in STROKES[digit]:
        points = spline(np.array(stroke), steps=8) * 0.66 * area["height"]
        x, y = (points + (area["x"] + 0.3 * area["width"], area["y"] + 0.17 * area["height"])).T
        page.mouse.move(x[0], y[0])
        page.mouse.down()
        for i, point in enumerate(zip(x, y, strict=True)):
            page.mouse.move(*point)
            if i % 6 == 0:
                camera.take(80)
        page.mouse.up()
    page.mouse.move(5, 5)


def correct(camera: Camera, digit: int) -> None:
    """Click what the digit really is."""
    camera.page.locator(f"button[data-digit='{digit}']:visible").first.click()


def look_inside(camera: Camera) -> None:
    """Open the tab that shows what the answer rests on, and wait for its curves."""
    camera.page.get_by_role("tab", name="Look inside").click()
    camera.page.wait_for_function("document.querySelectorAll('.curve').length >= 10", timeout=120_000)


def read_folder(camera: Camera) -> None:
    """Read the ten example drawings as a batch."""
    camera.page.get_by_role("tab", name="Batch").click()
    camera.take()
    camera.page.locator(".batch input.files").set_input_files(sorted(EXAMPLES.glob("*.png")))
    camera.page.locator(".batch-done").wait_for()


def record(address: str) -> None:
    """Open a browser, do all of it and write the recording."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{address}/?__theme=light")
        page.wait_for_selector(".paper canvas")
        camera = Camera(page)
        for step in (
            lambda: draw(camera, 7),
            lambda: correct(camera, 7),
            lambda: look_inside(camera),
            lambda: read_folder(camera),
        ):
            step()
            camera.rest()
        browser.close()
    camera.save(RECORDING)
    print(RECORDING, f"{len(camera.frames)} frames, {RECORDING.stat().st_size:,} bytes")


def main() -> int:
    """Serve on a port and in a folder of its own, and record."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--data-dir", folder, "--model", "mnistnet"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            record(server.stdout.readline().strip())
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
