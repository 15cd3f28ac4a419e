"""The page in a real browser: pointer events, answers, corrections, uploads, and that nothing else is contacted."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import serving

pytestmark = pytest.mark.browser

STROKES = {  # in fractions of the paper, as people draw them
    0: [[(0.5, 0.18), (0.36, 0.26), (0.3, 0.5), (0.36, 0.74), (0.5, 0.82), (0.64, 0.74), (0.7, 0.5), (0.64, 0.26), (0.52, 0.18)]],
    1: [[(0.4, 0.3), (0.53, 0.18), (0.53, 0.82)]],
    2: [[(0.32, 0.32), (0.4, 0.2), (0.55, 0.18), (0.66, 0.28), (0.62, 0.44), (0.46, 0.62), (0.3, 0.8), (0.72, 0.8)]],
    3: [[(0.34, 0.24), (0.5, 0.17), (0.65, 0.26), (0.62, 0.4), (0.48, 0.48), (0.64, 0.56), (0.68, 0.7), (0.54, 0.82), (0.34, 0.76)]],
    4: [[(0.44, 0.18), (0.3, 0.56), (0.72, 0.56)], [(0.6, 0.36), (0.6, 0.84)]],
    5: [[(0.66, 0.2), (0.4, 0.2), (0.36, 0.46), (0.52, 0.42), (0.66, 0.54), (0.66, 0.7), (0.52, 0.82), (0.34, 0.76)]],
    6: [[(0.6, 0.18), (0.42, 0.36), (0.34, 0.62), (0.42, 0.8), (0.58, 0.8), (0.66, 0.66), (0.56, 0.54), (0.38, 0.62)]],
    7: [[(0.3, 0.22), (0.7, 0.22), (0.46, 0.82)]],
    8: [[(0.5, 0.48), (0.36, 0.36), (0.4, 0.2), (0.58, 0.2), (0.64, 0.36), (0.5, 0.48), (0.36, 0.62), (0.4, 0.8), (0.6, 0.8),
         (0.64, 0.62), (0.5, 0.48)]],
    9: [[(0.64, 0.36), (0.54, 0.48), (0.4, 0.44), (0.36, 0.3), (0.48, 0.18), (0.62, 0.22), (0.65, 0.4), (0.6, 0.82)]],
}  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def address(data_dir: Path) -> Iterator[str]:
    with serving(data_dir) as url:
        yield url


@pytest.fixture
def page(chromium, address: str) -> Iterator:
    """The page as a desktop shows it; fails if it complains or asks any other machine for anything."""
    yield from open_page(chromium, address, viewport={"width": 1280, "height": 860})


@pytest.fixture
def phone(chromium, address: str) -> Iterator:
    """The page on a phone, 390 pixels wide, with fingers."""
    yield from open_page(chromium, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)


def open_page(chromium, address: str, **options) -> Iterator:
    context = chromium.new_context(**options)
    tab = context.new_page()
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: problems.append(request.url) if is_outside(request.url, address) else None)
    tab.goto(address)
    tab.wait_for_selector(".paper canvas")
    yield tab
    context.close()
    assert not problems


def is_outside(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def to_pixels(tab, point: tuple[float, float]) -> tuple[float, float]:
    area = tab.locator(".paper canvas").bounding_box()
    return area["x"] + point[0] * area["width"], area["y"] + point[1] * area["height"]


def draw(tab, strokes: list[list[tuple[float, float]]]) -> None:
    """Draw with the mouse and wait until the answer is about this drawing."""
    for first, *others in strokes:
        tab.mouse.move(*to_pixels(tab, first))
        tab.mouse.down()
        for point in others:
            tab.mouse.move(*to_pixels(tab, point), steps=4)
        tab.mouse.up()
    settle(tab)


def touch(tab, strokes: list[list[tuple[float, float]]]) -> None:
    """Draw with a finger, as the browser gets it from a touch screen."""
    tab.locator(".paper canvas").scroll_into_view_if_needed()
    session = tab.context.new_cdp_session(tab)
    for stroke in strokes:
        for i, point in enumerate(stroke):
            x, y = to_pixels(tab, point)
            kind = "touchMove" if i else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 1}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settle(tab)


def settle(tab) -> None:
    """Wait until the answer shown is about the newest drawing."""
    tab.wait_for_function("() => { const d = document.querySelector('.two').parentElement.dataset;"
                          "return d.drawn && d.drawn === d.answered }")  # fmt: skip


def says(tab) -> str:
    return tab.locator(".answer .says >> visible=true").inner_text()


def keep_picture(tab, name: str) -> None:
    """Save what the page looks like, for people, if $SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_reads_ten_digits_drawn_with_the_mouse(page) -> None:
    answers = {}
    for digit, strokes in STROKES.items():
        draw(page, strokes)
        answers[digit] = says(page)
        keep_picture(page, f"draw-{digit}")
        page.keyboard.press("Escape")
    assert answers == {digit: f"This is a {digit}." for digit in range(10)}
