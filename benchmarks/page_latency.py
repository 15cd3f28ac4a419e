"""Measure the page: from the end of a stroke to the changed answer, in a real browser on this machine.

    python -m benchmarks.page_latency                      # 100 strokes, then 100 with eight other clients asking
    python -m benchmarks.page_latency --strokes 20

Each stroke is drawn with real pointer events. The clock starts in the browser at pointerup and stops when the answer
card has been repainted for the final drawing (the pad says so in its data-answered). Also measured: the time from
starting `python app.py` to the first byte of the page, as a multiple of `import gradio` alone in the same run.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
from tqdm import tqdm

if not __package__:  # `python benchmarks/page_latency.py` finds the project too
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.api_load import Load, serving
from benchmarks.record import make_parser, save
from digits.command import command

N_OTHERS = 8
LIMIT_S = 240.0  # for each half: it must end on a busy machine too
WATCH = """() => {
  const pad = document.querySelector('.pad').closest('.two').parentElement;
  window.waits = [];
  let ended = 0, version = 0;
  const check = () => {
    if (ended && version && Number(pad.dataset.answered) >= version) {
      window.waits.push(performance.now() - ended);
      ended = version = 0;
    }
  };
  document.querySelector('.paper canvas').addEventListener('pointerup', () => {
    ended = performance.now();
    queueMicrotask(() => { version = Number(pad.dataset.drawn); check(); });  // it may be answered already
  });
  new MutationObserver(check).observe(pad, { attributes: true, attributeFilter: ['data-answered'] });
}"""


def seconds_to_import_gradio() -> float:
    """Return the wall time of a process that only imports gradio (the second of two, so that files are cached)."""
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import gradio"], check=True)
    return time.perf_counter() - started


def wait_for_page(address: str) -> None:
    """Return when the page's first byte has come."""
    while True:
        try:
            with urllib.request.urlopen(address) as answer:
                answer.read(1)
                return
        except OSError:
            time.sleep(0.02)


def measure(address: str, n_strokes: int) -> list[float]:
    """Return the milliseconds from stroke end to answer, of `n_strokes` strokes, each another one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(address)
        page.wait_for_selector(".paper canvas")
        page.evaluate(WATCH)
        area = page.locator(".paper canvas").bounding_box()
        ends = time.monotonic() + LIMIT_S
        for i in tqdm(range(n_strokes), unit="stroke"):
            if time.monotonic() > ends:
                break
            stroke(page, area, i)
            page.wait_for_function(f"window.waits.length > {i}")
            page.keyboard.press("Escape")
            page.wait_for_timeout(60)
        waits = page.evaluate("window.waits")
        browser.close()
    return waits


def stroke(page, area: dict, seed: int) -> None:
    """Draw one smooth stroke with the mouse, another for each seed."""
    random = np.random.default_rng(seed)
    points = np.cumsum(random.normal(0, 0.06, (24, 2)), axis=0) + 0.5
    x, y = (np.clip(points, 0.1, 0.9) * (area["width"], area["height"]) + (area["x"], area["y"])).T
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for px, py in zip(x[1:], y[1:], strict=True):
        page.mouse.move(px, py)
    page.mouse.up()


class Others:
    """Clients that ask /api/predict again and again while the block runs; `n_answers` says how often they got one.

    They live in a process of their own: in threads of this one they would hold up the browser's hand, not the server.
    """

    def __init__(self, port: int, n: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._count = context.Value("q", 0)
        self._process = context.Process(target=keep_asking, args=(port, n, self._count), daemon=True)

    @property
    def n_answers(self) -> int:
        """How many answers they have had so far."""
        return self._count.value

    def __enter__(self) -> Others:
        self._process.start()
        while not self.n_answers:
            time.sleep(0.05)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.join()


def keep_asking(port: int, n: int, count) -> None:
    """Ask from `n` connections until the process is ended; `count` is the number of answers so far."""
    asyncio.run(_ask_and_count(Load(port, n), count))


async def _ask_and_count(load: Load, count) -> None:
    asking = asyncio.ensure_future(load.run())
    while not asking.done():
        count.value = len(load.waits) - load.n_errors
        await asyncio.sleep(0.1)


def summary(waits: list[float]) -> dict[str, float]:
    """Return quantiles of milliseconds."""
    p50, p95, p99 = np.percentile(waits, [50, 95, 99])
    return {"n": len(waits), "p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "p99_ms": round(p99, 1)}


def measure_all(port: int, n_strokes: int) -> dict:
    """Return the page's figures, alone and with other clients, and how long it takes to start."""
    address, import_s = f"http://127.0.0.1:{port}", seconds_to_import_gradio()
    started = time.perf_counter()
    with serving(port):
        wait_for_page(address)
        start_s = time.perf_counter() - started
        alone = measure(address, n_strokes)
        with Others(port, N_OTHERS) as others:
            busy = measure(address, n_strokes)
    return {
        "strokes": n_strokes,
        "alone": summary(alone),
        f"with_{N_OTHERS}_clients": summary(busy) | {"their_requests": others.n_answers},
        "start_s": round(start_s, 2),
        "import_gradio_s": round(import_s, 2),
        "start_ratio": round(start_s / import_s, 2),
    }


@command
def main(argv: list[str] | None = None) -> int:
    """Measure; print and write the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--strokes", type=int, default=100, help="for each half (default: 100)")
    parser.add_argument("--port", type=int, default=7993, metavar="N", help="of the server (default: 7993)")
    arguments = parser.parse_args(argv)
    result = measure_all(arguments.port, arguments.strokes)
    print(json.dumps(result))
    save(result, "page_latency", arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
