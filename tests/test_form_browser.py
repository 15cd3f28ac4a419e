"""The Form tab in a real browser: boxes by mouse, finger and keys, and forms read as the batch reads them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.make_form import FIELDS, PAGE_MM, draw_empty, fill, scanned
from batch_processor import BatchProcessor
from digits.files import ASSETS_DIR
from tests.browsing import go_to, keep_picture, open_page

pytestmark = pytest.mark.browser

NEAR = 0.004  # of the page: how exactly a mouse hits on a small screen


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("form") / "empty.png"
    cv2.imwrite(str(path), draw_empty())
    return path


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "filled.png"
    cv2.imwrite(str(path), scanned(fill(draw_empty()), np.random.default_rng(7)))
    return path


@pytest.fixture
def page(chromium, address: str) -> Iterator:
    for tab in open_page(chromium, address, viewport={"width": 1280, "height": 860}):
        go_to(tab, "Form")
        yield tab


def choose(tab, what: str, *files: Path) -> None:
    tab.locator(f".forms input.{what}").set_input_files([*files])


def open_empty(tab, empty: Path) -> None:
    choose(tab, "empty", empty)
    tab.wait_for_selector(".form-sheet >> visible=true", timeout=60_000)
    tab.wait_for_function("document.querySelector('.form-sheet img').naturalWidth > 0")


def place(tab, x: float, y: float) -> tuple[float, float]:
    """Return where a place of the page, in shares, is on the screen."""
    area = tab.locator(".form-sheet").bounding_box()
    return area["x"] + x * area["width"], area["y"] + y * area["height"]


def drag(tab, start: tuple[float, float], end: tuple[float, float]) -> None:
    tab.mouse.move(*place(tab, *start))
    tab.mouse.down()
    tab.mouse.move(*place(tab, *end), steps=3)
    tab.mouse.up()


def shares(box: list[float]) -> list[float]:
    return [edge / side for edge, side in zip(box, [*PAGE_MM, *PAGE_MM], strict=True)]


def draw_fields(tab, fields: list[dict]) -> None:
    """Draw the boxes of `fields` with the mouse, and type what they hold."""
    for field in fields:
        left, top, right, bottom = shares(field["box"])
        tab.locator(".form-sheet").scroll_into_view_if_needed()
        drag(tab, (left, top), (right, bottom))
        tab.locator("[name=name]").fill(field["name"])
        if "kind" in field:
            tab.locator("[name=kind]").select_option(field["kind"])
        if "cells" in field:
            tab.locator("[name=cells]").fill(str(field["cells"]))
        tab.locator("[name=required]").set_checked(field.get("required", False))
        if rest := field.keys() & {"length", "min", "max", "check"}:
            if not tab.locator(".form-field details").evaluate("one => one.open"):
                tab.locator(".form-field summary").click()
            for key in rest - {"check"}:
                told = field[key] if isinstance(field[key], list) else [field[key]]
                tab.locator(f"[name={key}]").fill("-".join(map(str, told)))
            if "check" in field:
                tab.locator("[name=check]").select_option(field["check"])


def download(tab, button: str, path: Path) -> Path:
    with tab.expect_download() as told:
        tab.get_by_role("button", name=button, exact=True).click()
    told.value.save_as(path)
    return path


def says(tab) -> str:
    tab.wait_for_function("!['', 'Reading …'].includes(document.querySelector('.form-says').textContent)")
    return tab.locator(".form-says").inner_text()


def boxes(tab) -> list[dict[str, float]]:
    """Return where the boxes are, in shares of the page."""
    return tab.evaluate("""() => [...document.querySelectorAll('.form-box')].map(({style}) => Object.fromEntries(
        ['left', 'top', 'width', 'height'].map((name) => [name, parseFloat(style[name]) / 100])))""")


def no_serious_barrier(tab) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(tab).response["violations"]
    assert not [problem["help"] for problem in found if problem["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_a_drawn_template_reads_as_the_batch_does(
    chromium, address: str, empty, filled, examples, tmp_path: Path, width: int, theme: str
) -> None:
    viewport = {"width": width, "height": 860}
    for tab in open_page(chromium, f"{address}/?__theme={theme}", viewport=viewport):
        go_to(tab, "Form")
        open_empty(tab, empty)
        draw_fields(tab, FIELDS)
        template = download(tab, "Download the template", tmp_path / "drawn.json")
        drawn = json.loads(template.read_text())
        for told, field in zip(drawn["fields"], FIELDS, strict=True):
            assert told["box"] == pytest.approx(shares(field["box"]), abs=NEAR), field["name"]
            assert {**told, "box": None} == {**field, "box": None}
        choose(tab, "filled", filled, examples[3])
        tab.wait_for_selector(".form-read .save >> visible=true", timeout=120_000)
        (row,) = BatchProcessor(output_dir=tmp_path, fields=template).process([filled])
        with download(tab, "CSV", tmp_path / "forms.csv").open(newline="", encoding="utf-8") as file:
            bad, good = sorted(csv.DictReader(file), key=lambda row: row["path"])
        assert good == {key: text or "" for key, text in row.items()} | {"path": "filled.png"}
        assert bad["status"] == "error" and "form" in bad["error"]
        assert tab.locator(".form-read .running-says").inner_text().startswith("1 of 2 forms read; 1 could not be read")
        assert tab.locator(".form-error span").bounding_box()["width"] <= 0.6 * width, "it is read without a scroll"
        assert tab.locator(".form-rows td img").count() == len(FIELDS)
        assert tab.evaluate(
            "[...document.querySelectorAll('.form-rows img')].every((image) => image.naturalWidth > 20)"
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        no_serious_barrier(tab)
        keep_picture(tab, f"form-{width}")


def test_a_table_that_is_not_saved_is_not_replaced_unasked(page, empty, filled, tmp_path: Path) -> None:
    open_empty(page, empty)
    draw_fields(page, FIELDS[:1])
    choose(page, "filled", filled)
    page.wait_for_selector(".form-read .save >> visible=true", timeout=120_000)
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type) or dialog.dismiss())
    choose(page, "filled", empty)
    assert asked == ["confirm"] and page.locator(".form-rows tbody th").all_inner_texts() == ["filled.png"]
    leaves = "dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert not page.evaluate(leaves), "the browser asks before a reload"
    download(page, "CSV", tmp_path / "forms.csv")
    assert page.evaluate(leaves)
    choose(page, "filled", empty)
    page.wait_for_selector(".form-rows tbody th >> text=empty.png", timeout=60_000)
    assert asked == ["confirm"]


def test_a_box_is_made_and_moved_by_keys_alone_and_a_reload_keeps_it(page, empty) -> None:
    open_empty(page, empty)
    page.get_by_role("button", name="Add a box").focus()
    page.keyboard.press("Enter")
    (before,) = boxes(page)
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp"):
        page.keyboard.press(key)
    (after,) = boxes(page)
    assert after["left"] > before["left"] and after["top"] > before["top"], "it moved"
    assert after["width"] < before["width"] and after["height"] < before["height"], "and shrank"
    page.locator("[name=left]").fill("12.5")
    page.locator("[name=width]").fill("30")
    page.locator("[name=name]").fill("total")
    page.keyboard.press("Tab")
    assert (boxes(page)[0]["left"], boxes(page)[0]["width"]) == pytest.approx((0.125, 0.3))
    page.reload()
    page.wait_for_selector(".form-box >> visible=true")
    assert (boxes(page)[0]["left"], page.locator(".form-box").inner_text()) == (pytest.approx(0.125), "total")
    page.locator(".form-box").focus()
    page.keyboard.press("Delete")
    assert boxes(page) == []
    page.get_by_role("button", name="Undo").click()
    assert len(boxes(page)) == 1


def test_boxes_are_picked_moved_resized_and_deleted_with_the_mouse(page, empty) -> None:
    open_empty(page, empty)
    for top in (0.2, 0.4):
        drag(page, (0.2, top), (0.5, top + 0.05))
    drag(page, (0.3, 0.22), (0.4, 0.32))
    assert boxes(page)[0] == pytest.approx({"left": 0.3, "top": 0.3, "width": 0.3, "height": 0.05}, abs=NEAR)
    drag(page, (0.6, 0.35), (0.7, 0.38))
    assert boxes(page)[0] == pytest.approx({"left": 0.3, "top": 0.3, "width": 0.4, "height": 0.08}, abs=NEAR)
    assert page.locator("[name=name]").input_value() == "field_1"
    drag(page, (0.3, 0.42), (5, 5))
    assert boxes(page)[1]["left"] == pytest.approx(0.7, abs=NEAR), "it stays on the page"
    page.locator(".forms .delete").click()
    assert len(boxes(page)) == 1
    page.keyboard.press("Control+z")
    page.locator(".form-tools .undo").click()
    drag(page, (0.9, 0.9), (0.9, 0.9))
    assert len(boxes(page)) == 2 and page.locator("[name=name]").count() == 0, "a click draws nothing and lets go"


def test_what_is_typed_of_one_box_stays_with_it(page, empty) -> None:
    open_empty(page, empty)
    drag(page, (0.2, 0.2), (0.5, 0.25))
    page.locator("[name=cells]").fill("8")
    drag(page, (0.2, 0.4), (0.5, 0.45))
    assert page.locator("[name=cells]").input_value() == ""
    page.locator(".form-box").first.click()
    assert page.locator("[name=cells]").input_value() == "8"


def swipe(tab, *points: tuple[float, float]) -> None:
    """Move a finger over the page, as the browser gets it from a touch screen."""
    session = tab.context.new_cdp_session(tab)
    for i, point in enumerate(points):
        x, y = place(tab, *point)
        kind = "touchMove" if i else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 1}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_draws_and_moves_boxes(chromium, address: str, empty) -> None:
    viewport = {"width": 390, "height": 844}
    for tab in open_page(chromium, address, viewport=viewport, has_touch=True, is_mobile=True):
        go_to(tab, "Form")
        open_empty(tab, empty)
        tab.locator(".form-sheet").scroll_into_view_if_needed()
        swipe(tab, (0.1, 0.2), (0.3, 0.25), (0.5, 0.3))
        tab.wait_for_selector(".form-box")
        assert boxes(tab)[0] == pytest.approx({"left": 0.1, "top": 0.2, "width": 0.4, "height": 0.1}, abs=NEAR)
        swipe(tab, (0.3, 0.25), (0.3, 0.35), (0.4, 0.45))
        assert boxes(tab)[0] == pytest.approx({"left": 0.2, "top": 0.4, "width": 0.4, "height": 0.1}, abs=NEAR)


def test_a_template_by_hand_is_opened_with_its_picture_and_goes_on(page, empty, tmp_path: Path) -> None:
    choose(page, "template", ASSETS_DIR / "form" / "form.json")
    assert says(page) == "This template goes with the picture empty.png: choose that now."
    choose(page, "empty", empty)
    page.wait_for_selector(".form-box >> visible=true", timeout=60_000)
    told = json.loads(download(page, "Download the template", tmp_path / "again.json").read_text())
    assert told["page_mm"] == list(PAGE_MM) and told["fields"] == FIELDS
    assert told["picture"].startswith("data:image/png;base64,")


def test_bad_templates_get_a_sentence_and_nothing_drawn_is_lost(page, empty, tmp_path: Path) -> None:
    open_empty(page, empty)
    page.get_by_role("button", name="Download the template").click()
    assert says(page) == "There is no box yet: draw one over each field."
    for top in (0.2, 0.4):
        drag(page, (0.2, top), (0.5, top + 0.05))
        page.locator("[name=name]").fill("total")
    page.get_by_role("button", name="Download the template").click()
    assert says(page) == "Two boxes are called total: give each one a name of its own."
    page.locator("[name=name]").fill("reason")
    page.get_by_role("button", name="Download the template").click()
    page.wait_for_selector("text=every field needs a name other than error, path, reason, status")
    page.on("dialog", lambda dialog: dialog.accept())
    picture = {"picture": "data:image/png;base64,AAAA", "fields": [{"name": "a", "box": [0, 0, 1, 1]}]}
    for text, sentence in (
        ("{", "This is not a template: it is not written as JSON is."),
        ("[1]", "This is not a template: it needs a picture and a list of fields."),
        (
            json.dumps(picture),
            "'bad.json', the picture in it of the empty form: this is not a picture in a format we read",
        ),
    ):
        (tmp_path / "bad.json").write_text(text)
        choose(page, "template", tmp_path / "bad.json")
        page.wait_for_selector(f"text={sentence}")
    assert len(boxes(page)) == 2
