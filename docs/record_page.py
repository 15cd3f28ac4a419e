"""Record the page at work: draw a digit, correct the answer, look inside, read a folder.

python docs/record_page.py          # writes docs/page.webp; needs chromium and playwright (requirements-dev.txt)
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

if not __package__:  # `python docs/record_page.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.draw_page import EXAMPLES, browsing, draw

ROOT = Path(__file__).resolve().parents[1]
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


def correct(camera: Camera, digit: int) -> None:
    """Click what the digit really is."""
    camera.page.locator(f"button[data-digit='{digit}']:visible").first.click()


def look_inside(camera: Camera) -> None:
    """Open the tab that shows what the answer rests on, and wait for its curves."""
    camera.page.get_by_role("tab", name="Look inside").click()
    camera.page.wait_for_function("document.querySelectorAll('.curves .curve').length >= 10", timeout=120_000)


def read_folder(camera: Camera) -> None:
    """Read the ten example drawings as a batch."""
    camera.page.get_by_role("tab", name="Batch").click()
    camera.take()
    camera.page.locator(".batch input.files").set_input_files(sorted(EXAMPLES.glob("*.png")))
    camera.page.locator(".batch-done").wait_for()


def main() -> int:
    """Do all of it in a browser, and write the recording."""
    with browsing() as (browser, address):
        page = browser.new_page(viewport=SIZE)
        page.goto(f"{address}/?__theme=light")
        page.wait_for_selector(".paper canvas")
        camera = Camera(page)
        for step in (
            lambda: draw(page, 7, lambda n: camera.take(80) if n % 9 == 0 else None),
            lambda: correct(camera, 7),
            lambda: look_inside(camera),
            lambda: read_folder(camera),
        ):
            step()
            camera.rest()
    camera.save(RECORDING)
    print(RECORDING, f"{len(camera.frames)} frames, {RECORDING.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
