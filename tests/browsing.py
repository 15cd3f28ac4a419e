"""What the tests of the page in a browser share: open it, draw on it, wait for its answer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

STROKES = {  # as people draw them: x,y in percent of the paper; a bar between strokes
    0: "50,18 36,26 30,50 36,74 50,82 64,74 70,50 64,26 52,18",
    1: "45,27 52,18 52,84",
    2: "32,32 40,20 55,18 66,28 62,44 46,62 30,80 72,80",
    3: "34,24 50,17 65,26 62,40 48,48 64,56 68,70 54,82 34,76",
    4: "44,18 30,56 72,56 | 60,36 60,84",
    5: "66,20 40,20 36,46 52,42 66,54 66,70 52,82 34,76",
    6: "60,18 42,36 34,62 42,80 58,80 66,66 56,54 38,62",
    7: "30,22 70,22 46,82",
    8: "50,48 36,36 40,20 58,20 64,36 50,48 36,62 40,80 60,80 64,62 50,48",
    9: "64,36 54,48 40,44 36,30 48,18 62,22 65,40 60,82",
}


def open_page(chromium, address: str, **options) -> Iterator:
    """Yield the page in a context of its own; fail if it complains or asks any other machine for anything."""
    context = chromium.new_context(**options)
    tab = context.new_page()
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: problems.append(request.url) if is_outside(request.url, address) else None)
    tab.goto(address)
    tab.wait_for_selector("[data-live] .paper canvas")
    yield tab
    context.close()
    assert not problems


def is_outside(url: str, address: str) -> bool:
    return not url.startswith((address.split("/?")[0], "data:", "blob:"))


def paths(digit: int) -> list[list[tuple[float, float]]]:
    """Return the strokes of a digit as points in fractions of the paper."""
    strokes = [stroke.split() for stroke in STROKES[digit].split("|")]
    return [[(int(x) / 100, int(y) / 100) for x, y in (point.split(",") for point in stroke)] for stroke in strokes]


def to_pixels(tab, point: tuple[float, float]) -> tuple[float, float]:
    area = tab.locator(".paper canvas").bounding_box()
    return area["x"] + point[0] * area["width"], area["y"] + point[1] * area["height"]


def draw(tab, digit: int, wait: bool = True) -> None:
    """Draw with the mouse and, if `wait`, until the answer is about this drawing."""
    for first, *others in paths(digit):
        tab.mouse.move(*to_pixels(tab, first))
        tab.mouse.down()
        for point in others:
            tab.mouse.move(*to_pixels(tab, point), steps=4)
        tab.mouse.up()
    if wait:
        settle(tab)


def touch(tab, digit: int) -> None:
    """Draw with a finger, as the browser gets it from a touch screen."""
    session = tab.context.new_cdp_session(tab)
    for stroke in paths(digit):
        for i, point in enumerate(stroke):
            x, y = to_pixels(tab, point)
            kind = "touchMove" if i else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 1}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    settle(tab)


SETTLED = """() => {
  const pad = document.querySelector('.pad').closest('.two').parentElement.dataset;
  return pad.drawn && pad.drawn === pad.answered;
}"""


def settle(tab) -> None:
    """Wait until the answer shown is about the newest drawing."""
    tab.wait_for_function(SETTLED)


def says(tab) -> str:
    return tab.locator(".answer .says >> visible=true").inner_text()


def keep_picture(tab, name: str) -> None:
    """Save what the page looks like, for people, if $SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def go_to(tab, name: str) -> None:
    tab.get_by_role("tab", name=name).click()
