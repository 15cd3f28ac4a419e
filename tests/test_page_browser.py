"""The page in a real browser: pointer events, answers, corrections, uploads, and that nothing else is contacted."""

from __future__ import annotations

import base64
import json
import os
import socket
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas
import pytest
from PIL import Image

from digits.batch.journal import NUMBER_COLUMNS
from digits.files import ROOT
from tests.browsing import STROKES, draw, go_to, keep_picture, open_page, paths, says, settle, to_pixels, touch
from tests.conftest import CHROMIUM
from tests.serving import random_checkpoint, serving

pytestmark = pytest.mark.browser


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


def test_reads_ten_digits_drawn_with_the_mouse(page) -> None:
    answers = {}
    for digit in STROKES:
        draw(page, digit)
        answers[digit] = says(page)
        page.keyboard.press("Escape")
    assert answers == {digit: f"This is {'an' if digit == 8 else 'a'} {digit}." for digit in range(10)}


def test_reads_ten_digits_drawn_with_a_finger(phone) -> None:
    answers = {}
    for digit in STROKES:
        touch(phone, digit)
        answers[digit] = says(phone)
        keep_picture(phone, f"phone-draw-{digit}")
        phone.locator(".clear").tap()
        phone.wait_for_selector("text=Draw a digit >> visible=true")  # a tap becomes a click a moment later
    assert answers == {digit: f"This is {'an' if digit == 8 else 'a'} {digit}." for digit in range(10)}
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "the page is wider than the phone"


LOW = """() => [...document.querySelectorAll("button, select, textarea, summary, label.choice, input, a")]
  .filter((one) => !["radio", "checkbox"].includes(one.type))
  .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().height > 1)
  .filter((one) => one.getBoundingClientRect().height < 44)
  .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 20)}`)"""


def test_fingers_find_everything_large_enough(phone, examples) -> None:
    touch(phone, 5)
    phone.locator(".ten button").nth(5).tap()
    phone.wait_for_selector(".export >> visible=true")
    for name in ("Draw", "Upload", "Look inside", "Play", "Batch", "Form", "Models"):
        go_to(phone, name)
        phone.wait_for_load_state("networkidle")
        if name == "Upload":
            phone.locator(".upload input[type=file]").set_input_files(examples[7])
            phone.wait_for_selector(".steps li >> visible=true")
        elif name == "Batch":
            phone.locator(".batch input.files").set_input_files(examples[7])
            wait_for_batch(phone)
        assert phone.evaluate(LOW) == [], name
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, name
    go_to(phone, "Draw")
    phone.locator(".answer .undo >> visible=true").tap()
    phone.wait_for_selector("text=Removed again")


def test_the_answer_follows_the_pen_before_the_stroke_ends(page) -> None:
    first, *others = paths(7)[0]
    page.mouse.move(*to_pixels(page, first))
    page.mouse.down()
    for point in others:
        page.mouse.move(*to_pixels(page, point), steps=6)
    page.wait_for_function("document.querySelector('.answer .says').textContent === 'This is a 7.'")
    page.mouse.up()


@pytest.mark.parametrize("pen", ["5", "8.5", "14"])
def test_a_dot_is_no_digit_and_a_tiny_drawing_is_to_be_larger(page, pen: str) -> None:
    page.locator(".width").fill(pen)
    page.mouse.move(*to_pixels(page, (0.5, 0.5)))
    page.mouse.down()
    page.mouse.up()
    settle(page)
    assert says(page) == "Draw larger, please."
    page.keyboard.press("Escape")
    page.locator(".width").fill("5")
    for first, *others in paths(2):
        tiny = [(0.5 + (x - 0.5) * 0.15, 0.5 + (y - 0.5) * 0.15) for x, y in (first, *others)]
        page.mouse.move(*to_pixels(page, tiny[0]))
        page.mouse.down()
        for point in tiny[1:]:
            page.mouse.move(*to_pixels(page, point), steps=3)
        page.mouse.up()
    settle(page)
    assert says(page) == "Draw larger, please."
    draw(page, 7)
    assert says(page) != "Draw larger, please.", "the drawing is large now"


def test_small_digits_all_over_the_paper_are_several_not_too_small(page) -> None:
    page.locator(".width").fill("4")
    for left, top in ((0.0, 0.0), (0.4, 0.0), (0.7, 0.0), (0.0, 0.6), (0.4, 0.6)):
        page.mouse.move(*to_pixels(page, (left + 0.1, top + 0.1)))
        page.mouse.down()
        page.mouse.move(*to_pixels(page, (left + 0.23, top + 0.1)), steps=4)
        page.mouse.move(*to_pixels(page, (left + 0.15, top + 0.28)), steps=4)
        page.mouse.up()
    settle(page)
    assert says(page) != "Draw larger, please."
    page.get_by_role("button", name="Looks like several digits").wait_for()


@pytest.mark.parametrize("pen", ["5", "14"])
def test_blobs_and_tiny_scribbles_are_never_read_as_digits(page, pen: str) -> None:
    page.locator(".width").fill(pen)
    random = np.random.default_rng(3)
    turns = np.linspace(0, 12 * np.pi, 80)
    for radius in (0.06, 0.1, 0.16):
        disc = 0.5 + (radius * turns / turns[-1])[:, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)
        scribble = 0.5 + random.uniform(-min(radius, 0.1), min(radius, 0.1), (12, 2))
        for points in (disc, scribble):
            page.mouse.move(*to_pixels(page, points[0]))
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*to_pixels(page, point))
            page.mouse.up()
            settle(page)
            assert page.locator(".answer >> visible=true").get_attribute("data-status") != "ok", radius
            page.keyboard.press("Escape")
            settle(page)


def test_it_thinks_while_you_draw(page) -> None:
    draw(page, 8)
    page.locator(".think-on").click()
    page.wait_for_selector(".think-maps", timeout=60_000)
    assert (
        page.locator(".think-maps").count() == 3 and page.locator(".think-bars [aria-pressed=true]").inner_text() == "8"
    )
    before = page.locator(".think-ink").get_attribute("src")
    draw(page, 1)  # another stroke
    page.wait_for_function("before => document.querySelector('.think-ink').src !== before", arg=before)
    page.locator(".think-bars button").nth(3).hover()
    assert page.locator(".think-says").inner_text().startswith("Evidence for a 3")
    assert (
        page.locator(".think-lines .for, .think-lines .against").count()
        == page.locator(".think-maps:nth-child(4) span").count()
    )
    shown = page.locator(".think-maps small").all_inner_texts()
    assert sum("%" in text for text in shown) == 6, "the last maps tell their shares"
    assert page.locator(".think .nearest li").count() == 6 and "4,000 pictures" in page.locator(".think").inner_text()
    keep_picture(page, "think")
    page.locator(".model-of select").select_option(label="tinyvgg")
    page.wait_for_function("document.querySelectorAll('.think-maps').length === 4", timeout=60_000)
    page.keyboard.press("Escape")
    assert page.locator(".think-maps").count() == 0


def test_undo_erase_and_clear_leave_no_stale_answer(page) -> None:
    for i in range(int(os.environ.get("ROUNDS", 12))):
        draw(page, 7)
        if i % 3 == 0:
            page.keyboard.press("Control+z")
        elif i % 3 == 1:
            page.locator(".clear").click()
        else:
            page.keyboard.press("Escape")
        settle(page)
        assert says(page) == "Draw a digit", f"round {i}"
        page.wait_for_timeout(30 if i % 10 else 300)  # an answer still under way would arrive now
        assert says(page) == "Draw a digit", f"round {i}, a moment later"
    assert page.locator(".bars .percent").all_inner_texts() == [""] * 10


def test_the_eraser_takes_ink_away_and_undo_brings_it_back(page) -> None:
    draw(page, 1)
    page.locator(".eraser").click()
    page.locator(".width").fill("14")
    for _ in range(2):
        draw(page, 1)
    assert says(page) == "Nothing is written here."
    page.locator(".undo-stroke").click()
    page.locator(".undo-stroke").click()
    settle(page)
    assert says(page) == "This is a 1."


def test_one_click_keeps_a_correction_and_undo_deletes_it(page, data_dir: Path) -> None:
    def kept() -> list[tuple]:
        with sqlite3.connect(data_dir / "corrections.sqlite") as db:
            columns = "label, predicted, model, length(ink), picture IS NOT NULL"
            return db.execute(f"SELECT {columns} FROM corrections").fetchall()

    draw(page, 3)
    page.locator(".ten").get_by_role("button", name="It is an 8").click()
    page.wait_for_selector("text=Kept as an 8")
    assert kept() == [(8, 3, "mnistnet", 784, 1)]
    assert page.locator(".kept-count").inner_text() == "1 correction kept"
    with page.expect_download() as download:
        page.locator(".export").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["8/000001.png", "corrections.csv"]
    page.locator(".answer .undo").click()
    page.wait_for_selector("text=Removed again")
    assert kept() == []


def labels_kept(data_dir: Path) -> list[int]:
    with sqlite3.connect(data_dir / "corrections.sqlite") as db:
        return [label for (label,) in db.execute("SELECT label FROM corrections")]


def test_one_drawing_has_one_label_the_last(page, data_dir: Path) -> None:
    draw(page, 3)
    for label in (1, 2, 7):
        page.locator(".answer .ten button").nth(label).click()  # quicker than the server answers
    page.wait_for_selector("text=Kept as a 7")
    assert labels_kept(data_dir) == [7]
    draw(page, 1)  # another stroke of the same drawing
    page.locator(".answer .ten button").nth(8).click()
    page.wait_for_selector("text=Kept as an 8")
    assert labels_kept(data_dir) == [8]
    page.locator(".answer .undo").click()
    page.wait_for_selector("text=Removed again")
    assert labels_kept(data_dir) == []


def test_another_drawing_leaves_the_label_of_the_last_one(page, data_dir: Path) -> None:
    for digit in (3, 5):
        draw(page, digit)
        page.locator(".answer .ten button").nth(digit).click()
        page.wait_for_selector(f"text=Kept as a {digit}")
        page.keyboard.press("Escape")
    assert labels_kept(data_dir) == [3, 5]
    with sqlite3.connect(data_dir / "corrections.sqlite") as db:
        db.execute("DELETE FROM corrections")


def test_upload_reads_a_digit_and_shows_its_steps(page, examples) -> None:
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(examples[6])
    page.wait_for_selector(".steps li >> visible=true")
    assert says(page) == "This is a 6."
    assert page.locator(".steps li").count() == 4
    assert page.locator(".shown rect").count() == 1
    keep_picture(page, "upload")


def test_upload_says_in_one_sentence_what_cannot_be_read(page, tmp_path: Path) -> None:
    bad = tmp_path / "text.png"
    bad.write_text("not a picture")
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(bad)
    page.wait_for_selector("[data-status=error] >> visible=true")
    assert says(page) == "This file cannot be read."
    sentence = "This is not a picture in a format we read; save it as PNG or JPEG"
    assert page.locator(".answer .detail >> visible=true").inner_text() == sentence


def test_an_answer_stays_when_the_second_look_fails(page, examples) -> None:
    page.route("**/api/read-number*", lambda route: route.fulfill(status=500, json={"error": "it broke"}))
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(examples[7])
    page.wait_for_selector("[data-state=done] .upload")
    assert says(page) == "This is a 7."
    assert page.locator(".steps li >> visible=true").count() and not page.get_by_text("it broke").count()


def test_upload_reads_a_number(page, tmp_path: Path) -> None:
    picture = np.full((160, 420), 255, np.uint8)
    cv2.putText(picture, "7 4 1", (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 4, 0, 10)
    cv2.imwrite(str(tmp_path / "number.png"), picture)
    go_to(page, "Upload")
    page.locator(".upload .choice >> text=A number").click()
    page.locator(".upload input[type=file]").set_input_files(tmp_path / "number.png")
    page.wait_for_selector(".number-digits li >> visible=true")
    assert page.locator(".number-text >> visible=true").inner_text().replace(" ", "") == "741"
    assert page.locator(".shown rect").count() == 3
    assert page.locator(".number-digits b").all_inner_texts() == ["7", "4", "1"]


def test_an_unsure_number_looks_unsure_and_several_lines_stay_lines(page, tmp_path: Path) -> None:
    picture = np.full((420, 520), 255, np.uint8)
    for i, text in enumerate(("247", "1539", "860")):
        cv2.putText(picture, text, (30, 110 + 130 * i), cv2.FONT_HERSHEY_SIMPLEX, 3.6, 0, 9)
    cv2.imwrite(str(tmp_path / "lines.png"), picture)
    page.locator(".choice >> text=A number >> visible=true").click()
    draw(page, 7)
    sure = page.locator(".number >> visible=true")
    colour = "one => getComputedStyle(one.querySelector('.number-text')).color"
    blue = sure.evaluate(colour)
    assert sure.get_attribute("data-status") == "ok" and "Perhaps" not in sure.inner_text()
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(tmp_path / "lines.png")
    page.wait_for_selector(".number-digits li >> visible=true")
    unsure = page.locator(".number >> visible=true")
    assert unsure.get_attribute("data-status") == "unsure" and unsure.evaluate(colour) != blue
    assert unsure.inner_text().startswith("Perhaps; please check:")


@pytest.mark.parametrize("mode", ["One digit", "A number"])
def test_while_a_picture_is_read_nothing_of_the_last_one_stays(page, examples, mode: str) -> None:
    go_to(page, "Upload")
    page.locator(".upload .choice").get_by_text(mode).click()
    page.locator(".upload input[type=file]").set_input_files(examples[7])
    page.wait_for_selector(".again .choose >> visible=true")
    for path in ("**/api/predict*", "**/api/read-number*"):
        page.route(path, lambda _route: None)  # no answer comes
    page.locator(".upload input[type=file]").set_input_files(examples[6])
    page.wait_for_selector("text=Reading … >> visible=true")
    for part in (".copy", ".shown", ".steps", "text=No picture yet", ".number-digits li"):
        assert not page.locator(f".two:has(.upload) >> {part} >> visible=true").count(), part
    page.unroute_all(behavior="ignoreErrors")
    page.locator(".upload input[type=file]").set_input_files(examples[6])
    page.wait_for_selector(".shown >> visible=true")


PASTE = """(encoded) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
  document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_a_pasted_picture_is_read(page, examples) -> None:
    encoded = base64.b64encode(examples[2].read_bytes()).decode()
    page.evaluate(PASTE, encoded)  # on Draw, it opens Upload
    page.wait_for_selector(".steps li >> visible=true")
    assert says(page) == "This is a 2."


def test_reload_keeps_tab_and_drawing_and_back_goes_back_a_tab(page) -> None:
    draw(page, 7)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    settle(page)
    assert says(page) == "This is a 7.", "undo takes Clear back"
    page.get_by_role("tab", name="Draw").focus()
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("#upload")
    page.get_by_role("tab", name="Models").click()
    page.reload()
    page.wait_for_selector("[data-live] .paper", state="attached")
    page.wait_for_selector(".models >> visible=true")
    page.go_back()
    page.wait_for_selector(".upload >> visible=true")
    go_to(page, "Draw")
    settle(page)
    assert says(page) == "This is a 7."


DROP = """(encoded) => {
  const dataTransfer = new DataTransfer();
  for (const one of encoded) {
    const bytes = Uint8Array.from(atob(one), (letter) => letter.charCodeAt(0));
    dataTransfer.items.add(new File([bytes], "image.png", { type: "image/png" }));
  }
  document.querySelector(".masthead").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
}"""


def test_what_is_dropped_anywhere_is_read(page, examples) -> None:
    encoded = [base64.b64encode(examples[digit].read_bytes()).decode() for digit in (2, 6)]
    page.evaluate(DROP, encoded[:1])
    page.wait_for_selector(".steps li >> visible=true")
    assert says(page) == "This is a 2."
    page.evaluate(DROP, encoded)
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == "2 of 2 read."


def test_a_picture_from_the_camera_is_read_and_the_camera_goes_off(chromium, address: str) -> None:
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with chromium.browser_type.launch(executable_path=CHROMIUM, args=flags) as browser:
        for tab in open_page(browser, address, viewport={"width": 1280, "height": 860}, permissions=["camera"]):
            go_to(tab, "Upload")
            tab.locator(".drop-ask .camera").click()
            tab.wait_for_function("document.querySelector('.filming video').videoWidth > 0")
            keep_picture(tab, "camera")
            tab.locator(".shoot").click()
            tab.wait_for_selector(".steps li >> visible=true")  # chromium's test picture is no digit; it is read
            tracks = tab.evaluate("document.querySelector('video').srcObject.getTracks().map(one => one.readyState)")
            assert set(tracks) == {"ended"}


def test_the_camera_goes_off_when_its_tab_is_left(chromium, address: str) -> None:
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with chromium.browser_type.launch(executable_path=CHROMIUM, args=flags) as browser:
        for tab in open_page(browser, address, viewport={"width": 390, "height": 844}, permissions=["camera"]):
            go_to(tab, "Upload")
            tab.locator(".drop-ask .camera").click()
            tab.wait_for_function("document.querySelector('.filming video').videoWidth > 0")
            go_to(tab, "Draw")
            ended = "document.querySelector('video').srcObject.getTracks().every(one => one.readyState === 'ended')"
            tab.wait_for_function(ended, timeout=2000)
            go_to(tab, "Upload")
            assert tab.locator(".drop-ask .camera").is_visible(), "it can be switched on again"


@pytest.mark.parametrize("mode", ["One digit", "A number"])
def test_without_a_camera_the_page_says_so_and_keeps_its_answer(page, examples, mode: str) -> None:
    go_to(page, "Upload")
    page.locator(".upload .choice").get_by_text(mode).click()
    page.locator(".upload input[type=file]").set_input_files(examples[7])
    page.locator(".again .camera").click()
    page.wait_for_selector("text=The camera cannot be used here >> visible=true")
    right = page.locator(".two:has(.upload) .right")
    assert "7" in right.inner_text() and "wrong" not in right.inner_text()
    page.locator(".upload input[type=file]").set_input_files(examples[6])
    page.wait_for_selector("text=The camera cannot be used here", state="hidden")


def test_probabilities_are_told_in_one_way(page) -> None:
    draw(page, 7)
    bar = page.locator(".bars .top .percent").inner_text()
    assert page.locator(".answer .detail >> visible=true").inner_text().startswith(f"{bar} % sure")


def test_batch_reads_300_files_of_which_5_are_bad(page, examples, tmp_path: Path) -> None:
    files = []
    for i in range(295):
        files.append(tmp_path / f"{i:03d}.png")
        files[-1].write_bytes(examples[i % 10].read_bytes())
    for i, data in enumerate([b"", b"text", b"\x89PNG\r\n\x1a\n", b"GIF89a", examples[1].read_bytes()[:200]]):
        files.append(tmp_path / f"bad{i}.png")
        files[-1].write_bytes(data)
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files(files)
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == "295 of 300 read; 5 could not be read."
    assert "All 300" in page.locator(".filters").inner_text()
    assert "Unreadable 5" in page.locator(".filters").inner_text()
    page.locator(".table-host >> visible=true").focus()
    page.keyboard.press("4")
    assert "at" in page.locator(".rows tbody tr").nth(1).get_attribute("class"), "the next row is up"
    assert "Checked 1" in page.locator(".filters").inner_text()
    keep_picture(page, "batch")
    table = pandas.read_csv(save(page, "CSV", tmp_path / "digits.csv"), dtype={"path": str})
    assert (len(table), (table.status == "error").sum(), table.label.notna().sum()) == (300, 5, 1)
    assert len(pandas.read_parquet(save(page, "Parquet", tmp_path / "digits.parquet"))) == 300
    assert len(json.loads(save(page, "JSON", tmp_path / "digits.json").read_text())["rows"]) == 300


def test_a_batch_tells_nothing_but_what_is_true_and_its_report_opens(page, examples, tmp_path: Path) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files([examples[1], examples[7], ROOT / "LICENSE"])
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == "2 of 3 read; 1 could not be read."
    assert page.locator(".rows img").count() == 4, "the picture and what the network saw"
    page.locator(".table-host >> visible=true").focus()
    for key in ("Enter", "4"):
        page.keyboard.press(key)
    says = page.locator(".batch-truth")
    page.wait_for_function("says => says.textContent.startsWith('1 of 2 checked are right')", arg=says.element_handle())
    report = save(page, "Page to review", tmp_path / "digits.html")
    review, problems = page.context.new_page(), []
    review.on("pageerror", lambda error: problems.append(str(error)))
    review.goto(report.as_uri())
    assert review.locator("tbody tr").count() == 3 and review.locator("tbody img").count() == 2
    assert review.evaluate("[...document.images].every((image) => image.naturalWidth === 28)")
    assert "model mnistnet" in review.locator("#about").inner_text()
    assert review.locator("tbody .truth").all_inner_texts() == ["", "✗ 4", "✓ 1"] and not problems


def wait_for_batch(tab) -> None:
    tab.wait_for_selector("[data-state=done] > .batch, .batch[data-state=done]", timeout=60_000)


def save(tab, button: str, path: Path) -> Path:
    with tab.expect_download() as download:
        tab.locator(".saves").get_by_role("button", name=button).click()
    download.value.save_as(path)
    return path


def test_batch_opens_archives_and_passes_over_what_is_no_picture(page, examples, tmp_path: Path) -> None:
    path = tmp_path / "more.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for digit in range(10):
            archive.write(examples[digit], f"scans/{digit}.png")
        archive.writestr("scans/notes.txt", "no picture")
        archive.writestr("__MACOSX/scans/._0.png", "no picture")
        archive.writestr("scans/damaged.png", "no picture, but called one")
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files(path)
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == (
        "10 of 11 read; 1 could not be read; skipped, not a picture: 1 (notes.txt); skipped, hidden: 1 (._0.png)."
    )
    names = [text.split("\n")[0] for text in page.locator("td.name").all_inner_texts()]
    wanted = [*map(str, range(10)), "damaged"]
    assert sorted(names) == [f"more.zip/scans/{name}.png" for name in wanted]
    report = json.loads(save(page, "JSON", tmp_path / "more.json").read_text())
    assert report["summary"]["skipped"] == {"not a picture": 1, "hidden": 1}
    bad = tmp_path / "bad.zip"
    bad.write_text("no archive")
    page.locator(".batch input.files").set_input_files(bad)
    page.wait_for_selector(".running-says >> text=This is not a zip archive that can be opened: bad.zip.")
    assert page.locator("td.name").count() == 11, "what was read before stays"
    page.locator(".batch input.files").set_input_files([bad, examples[1]])
    page.wait_for_selector(".running-says >> text=1 of 2 read; 1 could not be read.")
    names = page.locator("td.name").all_inner_texts()
    assert names == ["1.png", "bad.zip\nThis is not a zip archive that can be opened: bad.zip."]


def test_truth_is_sorted_and_the_heads_of_the_table_are_level(page, examples) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files([examples[digit] for digit in (1, 2, 3)])
    wait_for_batch(page)
    page.locator(".rows tbody tr").last.click()
    page.locator(".label-pad").get_by_role("button", name="7").click()
    page.locator(".rows thead button >> text=Truth").click()
    assert page.locator(".rows .truth").all_inner_texts() == ["✗ 7", "", ""]
    heads = [head.bounding_box() for head in page.locator(".rows thead th").all()]
    assert len({(box["y"], box["height"]) for box in heads}) == 1


def draw_small(tab, digit: int, left: float) -> None:
    """Draw a digit that leaves room for another; `left` in fractions of the paper."""
    for first, *others in paths(digit):
        moved = [(left + 0.5 * x, 0.1 + 0.8 * y) for x, y in (first, *others)]
        tab.mouse.move(*to_pixels(tab, moved[0]))
        tab.mouse.down()
        for point in moved[1:]:
            tab.mouse.move(*to_pixels(tab, point), steps=5)
        tab.mouse.up()


def test_several_digits_are_offered_as_a_number_and_one_as_a_digit(page) -> None:
    draw_small(page, 1, 0.0)
    draw_small(page, 7, 0.5)
    settle(page)
    page.get_by_role("button", name="Looks like several digits").click()
    page.wait_for_selector(".number-text >> visible=true")
    settle(page)
    assert page.locator(".number-text >> visible=true").inner_text() == "17"
    page.keyboard.press("Escape")
    draw(page, 7)
    page.get_by_role("button", name="This is one digit").click()
    page.wait_for_selector("text=This is a 7. >> visible=true")


def test_the_choice_of_digit_or_number_is_one_for_all_tabs(page) -> None:
    for name in ("Draw", "Upload", "Batch"):
        go_to(page, name)
        page.wait_for_selector(".mode .choice >> visible=true")
        assert page.locator(".mode input:checked >> visible=true").get_attribute("value") == "one"
    page.locator(".choice >> text=A number >> visible=true").click()
    for name in ("Draw", "Upload", "Batch"):
        go_to(page, name)
        assert page.locator(".mode input:checked >> visible=true").get_attribute("value") == "number"


def test_a_number_is_corrected_and_copied(chromium, address: str) -> None:
    allowed = ["clipboard-read", "clipboard-write"]
    for tab in open_page(chromium, address, viewport={"width": 390, "height": 844}, permissions=allowed):
        tab.locator(".choice >> text=A number >> visible=true").click()
        draw(tab, 7)
        number = tab.locator(".number-text >> visible=true")
        assert number.inner_text() == "7"
        number.fill("71")
        assert tab.locator(".copied >> visible=true").inner_text() == "Corrected by you."
        tab.locator(".copy >> visible=true").click()
        tab.wait_for_selector("text=Copied. >> visible=true")
        assert tab.evaluate("navigator.clipboard.readText()") == "71"
        for mode in ("One digit", "A number"):
            tab.locator(f".choice >> text={mode} >> visible=true").click()
            settle(tab)
        assert number.inner_text() == "71" and tab.locator(".copied >> visible=true").inner_text()
        draw(tab, 1)
        assert number.inner_text() != "71" and not tab.locator(".copied").first.inner_text(), "another drawing"


@pytest.fixture(scope="module", params=["pdf", "tiff"])
def paged(request, tmp_path_factory: pytest.TempPathFactory, examples) -> Path:
    """A file whose pages show 2 and 7."""
    first, second = (Image.open(examples[digit]).convert("L") for digit in (2, 7))
    path = tmp_path_factory.mktemp("paged") / f"two.{request.param}"
    first.save(path, save_all=True, append_images=[second])
    return path


def test_upload_turns_the_pages_of_a_file(page, paged: Path) -> None:
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(paged)
    page.wait_for_selector("text=Page 1 of 2 >> visible=true")
    assert says(page) == "This is a 2." and page.locator(".before").is_disabled()
    page.get_by_role("button", name="Next page").click()
    page.wait_for_selector("text=This is a 7. >> visible=true")
    assert page.locator(".page-now").inner_text() == "Page 2 of 2" and page.locator(".after").is_disabled()
    page.locator(".answer .ten >> visible=true").get_by_role("button", name="It is a 4").click()
    page.wait_for_selector("text=Kept as a 4 >> visible=true")
    page.locator(".answer .undo >> visible=true").click()
    page.wait_for_selector("text=Removed again >> visible=true")
    go_to(page, "Look inside")
    page.wait_for_selector(".inside-says >> text=This is a 7.", timeout=60_000)


def test_a_click_that_fails_says_nothing_else(page) -> None:
    page.route("**/api/feedback?*", lambda route: route.fulfill(status=503, json={"error": "the disk is full"}))
    draw(page, 7)
    page.locator(".answer .ten button").nth(4).click()
    page.wait_for_selector("text=The disk is full", timeout=10_000)
    assert page.locator(".kept-count >> visible=true").count() == 0


def test_batch_counts_every_page(page, paged: Path, examples) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files([paged, examples[1], ROOT / "LICENSE"])
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == "3 of 4 read; 1 could not be read."


def test_batch_keeps_a_corrected_page_for_training_and_says_if_it_cannot(page, paged: Path, data_dir: Path) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files(paged)
    wait_for_batch(page)
    page.locator(".keep-them").check()
    page.locator(".table-host >> visible=true").focus()
    page.keyboard.press("4")
    page.wait_for_selector(".batch-truth >> text=1 kept for training.")
    assert labels_kept(data_dir) == [4]
    page.keyboard.press("Delete")
    page.wait_for_selector(".batch-truth:not(:has-text('kept'))", state="attached")
    assert labels_kept(data_dir) == []
    page.route("**/api/feedback*", lambda route: route.fulfill(status=422, json={"error": "the disk is full"}))
    page.keyboard.press("4")
    page.wait_for_selector(".batch-truth >> text=The disk is full. 0 of 1 checked")


def test_undo_takes_the_last_answer_back_wherever_the_mark_is(page, examples) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files([examples[digit] for digit in (1, 2, 3)])
    wait_for_batch(page)
    page.locator(".table-host >> visible=true").focus()
    truths = page.locator(".rows .truth")
    for key in ("4", "5", "Delete"):
        page.keyboard.press(key)
    assert truths.all_inner_texts() == ["✗ 4", "", ""] and "at" in page.locator(".rows tbody tr").nth(1).get_attribute(
        "class"
    )
    page.keyboard.press("Backspace")
    assert truths.all_inner_texts() == ["", "", ""]
    for key in ("4", "5", "ArrowUp", "ArrowUp", "Delete"):
        page.keyboard.press(key)
    assert truths.all_inner_texts() == ["", "✗ 5", ""], "the row that was gone to"


def test_a_reload_in_the_middle_keeps_what_was_read_and_reads_it_the_other_way(page, examples, tmp_path: Path) -> None:
    files = [tmp_path / f"{i:02d}.png" for i in range(40)]
    for i, file in enumerate(files):
        file.write_bytes(examples[i % 10].read_bytes())
    go_to(page, "Batch")
    asked: list = []
    page.route("**/api/predict*", lambda route: None if asked else asked.append(route) or route.continue_())
    page.locator(".batch input.files").set_input_files(files)
    page.wait_for_selector(".running-says >> text=16 of 40 read")
    page.wait_for_timeout(500)
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks, because a batch is being read
    page.unroute_all(behavior="ignoreErrors")
    page.reload()
    page.wait_for_selector(".running-says >> text=Stopped: 16 of 40 read.")
    assert page.locator("td.name").count() == 16
    page.locator(".batch .choice >> text=A number").click()
    wait_for_batch(page)
    page.wait_for_selector(".rows.of-texts")
    page.wait_for_selector(".running-says >> text=16 of 16 read.", timeout=60_000)
    go_to(page, "Draw")
    page.locator(".choice >> text=One digit >> visible=true").click()
    go_to(page, "Batch")
    assert page.locator(".batch .mode input:checked").get_attribute("value") == "number", "what the table holds"


def test_a_reload_keeps_the_batch_and_what_was_checked(page, examples, tmp_path: Path) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files([examples[1], examples[7]])
    wait_for_batch(page)
    page.locator(".table-host >> visible=true").focus()
    for key in ("4", "Enter", "Delete"):
        page.keyboard.press(key)
    page.wait_for_selector("text=0 of 1 checked are right")
    page.wait_for_timeout(1000)
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks, because nothing is saved
    page.reload()
    page.wait_for_selector("text=0 of 1 checked are right")
    assert page.locator(".running-says").inner_text() == "2 of 2 read."
    page.wait_for_function("[...document.querySelectorAll('.rows img')].every((image) => image.naturalWidth > 0)")
    table = pandas.read_csv(save(page, "CSV", tmp_path / "again.csv"))
    assert sorted(table.label.dropna()) == [4]


def test_batch_reads_numbers_and_saves_them_corrected(page, examples, tmp_path: Path) -> None:
    go_to(page, "Batch")
    page.locator(".choice >> text=A number >> visible=true").click()
    page.locator(".batch input.files").set_input_files([examples[1], examples[7], ROOT / "LICENSE"])
    wait_for_batch(page)
    assert page.locator(".running-says").inner_text() == "2 of 3 read; 1 could not be read."
    page.locator(".fix-text").fill("247")
    page.locator(".fix-text").press("Shift+Enter")
    page.locator(".fix-text").press_sequentially("1539")
    page.locator(".fix-text").press("Enter")
    table = pandas.read_csv(save(page, "CSV", tmp_path / "numbers.csv"), dtype=str)
    assert list(table) == NUMBER_COLUMNS
    assert list(table.path) == ["1.png", "7.png", "LICENSE"] and list(table.text.dropna()) == ["1", "7"]
    assert list(table.label.dropna()) == ["247\n1539"] and list(table.correct.dropna()) == ["0"]
    rows = json.loads(save(page, "JSON", tmp_path / "numbers.json").read_text())["rows"]
    assert [row["status"] for row in rows].count("error") == 1
    assert [digit["digit"] for row in rows for digit in row["digits"] or []] == [1, 7]
    page.get_by_role("button", name="Most are single digits").click()
    page.wait_for_selector(".rows .second", state="attached")
    wait_for_batch(page)


def test_unsaved_checks_are_not_lost_to_the_next_batch_unasked(page, examples) -> None:
    go_to(page, "Batch")
    page.locator(".batch input.files").set_input_files(examples[1])
    wait_for_batch(page)
    page.locator(".table-host >> visible=true").focus()
    page.keyboard.press("4")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.locator(".batch input.files").set_input_files(examples[7])
    assert page.locator(".rows .truth").all_inner_texts() == ["✗ 4"]


SHIFTS = """new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) window.shifted = (window.shifted ?? 0) + shift.value;
}).observe({ type: "layout-shift", buffered: true });"""


def test_little_moves_when_a_batch_ends(page, examples) -> None:
    go_to(page, "Batch")
    page.evaluate(SHIFTS.replace(", buffered: true", ""))  # not those of the start
    page.locator(".batch input.files").set_input_files([examples[1], examples[7]] * 40)
    wait_for_batch(page)
    page.wait_for_timeout(200)
    assert page.evaluate("window.shifted ?? 0") < 0.1


@pytest.mark.parametrize("size", [(1280, 860), (390, 844)])
def test_little_moves_while_the_page_loads(chromium, address: str, size: tuple[int, int]) -> None:
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]})
    tab = context.new_page()
    tab.add_init_script(SHIFTS)
    tab.goto(address)
    tab.wait_for_selector("[data-live] .paper canvas")
    tab.wait_for_timeout(1000)
    assert tab.evaluate("window.shifted ?? 0") < 0.1
    context.close()


@pytest.mark.parametrize("size", [(844, 390), (640, 430)])  # a phone on its side; a laptop at 200 %
def test_pad_and_answer_are_both_in_view_on_a_low_screen(chromium, address: str, size: tuple[int, int]) -> None:
    for tab in open_page(chromium, address, viewport={"width": size[0], "height": size[1]}):
        draw(tab, 4)
        for part in (".paper", ".answer .says", ".answer .bars"):
            box = tab.locator(f"{part} >> visible=true").bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= size[1], part


def test_tabs_are_one_stop_and_do_not_jump(page) -> None:
    tabs = page.get_by_role("tab")

    def places() -> list[float]:
        return [tab.bounding_box()["x"] for tab in tabs.all()]

    before = places()
    for key, name in (("End", "Models"), ("Home", "Draw"), ("ArrowLeft", "Models"), ("ArrowRight", "Draw")):
        page.locator("[role=tab][tabindex='0']").press(key)
        page.wait_for_selector(f"[role=tab][tabindex='0'] >> text={name}")
        assert page.locator("[role=tab][tabindex='0']").count() == 1 and places() == before


def test_on_a_phone_the_answer_is_in_view(chromium, address: str, examples, tmp_path: Path) -> None:
    """As much as a browser leaves of a phone's screen; each answer comes without a scroll by hand."""
    (tmp_path / "text.png").write_text("not a picture")
    seen = "one => one.getBoundingClientRect().top >= 0 && one.getBoundingClientRect().bottom <= innerHeight"
    phone = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}
    for tab in open_page(chromium, address, **phone):
        touch(tab, 4)
        assert tab.locator(".paper").evaluate(seen) and tab.locator(".answer .says").evaluate(seen)
        go_to(tab, "Upload")
        for mode, file, head in (
            ("One digit", examples[6], ".says"),
            ("A number", examples[7], ".number-text"),
            ("One digit", tmp_path / "text.png", ".says"),
        ):
            tab.locator(".upload .choice").get_by_text(mode).tap()
            tab.locator(".upload .mode").scroll_into_view_if_needed()
            tab.locator(".upload input[type=file]").set_input_files(file)
            tab.wait_for_selector("[data-state=done] .upload")
            tab.wait_for_function(f"({seen})([...document.querySelectorAll('{head}')].find((one) => one.offsetParent))")


@pytest.mark.parametrize("width", [360, 320])
def test_every_tab_is_found_on_a_small_phone(chromium, address: str, width: int) -> None:
    for tab in open_page(chromium, address, viewport={"width": width, "height": 640}, has_touch=True):
        tab.evaluate("location.hash = '#form'")
        tab.wait_for_selector(".forms >> visible=true")
        tab.locator("[role=tab][tabindex='0']").press("ArrowRight")
        tab.wait_for_selector(".models summary >> visible=true")
        boxes = [one.bounding_box() for one in tab.get_by_role("tab").all()]
        assert len(boxes) == 7 and all(box["x"] + box["width"] <= width for box in boxes)
        assert len({box["y"] for box in boxes}) == (1 if width == 360 else 2), "lines of tabs"
        figures = tab.locator(".models summary dd").all()
        assert all(box["x"] + box["width"] <= width for box in (one.bounding_box() for one in figures))


def start_program(port: int, data_dir: Path) -> subprocess.Popen:
    """Start the program as its user does, and wait until it serves."""
    command = [sys.executable, "app.py", "--port", str(port), "--data-dir", str(data_dir)]
    program = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline().startswith("http")
    return program


def test_when_the_server_comes_back_everything_goes_on_by_itself(chromium, examples, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = start_program(port, tmp_path)
    for tab in open_page(chromium, f"http://127.0.0.1:{port}", viewport={"width": 1280, "height": 860}):
        draw(tab, 1)
        tab.keyboard.press("Escape")
        first, *others = paths(7)[0]
        tab.mouse.move(*to_pixels(tab, first))
        tab.mouse.down()  # in the middle of a drawing
        tab.mouse.move(*to_pixels(tab, others[0]), steps=4)
        program.kill()
        program.wait()
        tab.mouse.move(*to_pixels(tab, others[1]), steps=4)
        tab.mouse.up()
        tab.wait_for_selector(".answer .says >> text=The server is not responding; trying again.")
        keep_picture(tab, "offline")
        go_to(tab, "Upload")
        tab.locator(".upload input[type=file]").set_input_files(examples[6])
        tab.wait_for_selector(".answer .says >> text=trying again >> visible=true")
        go_to(tab, "Batch")
        tab.locator(".batch input.files").set_input_files([examples[3], examples[8]])
        tab.wait_for_selector(".offline")
        tab.wait_for_timeout(1500)
        assert tab.locator(".running-says").inner_text() == "Reading …", "nothing was read"
        program = start_program(port, tmp_path)
        tab.wait_for_selector(".running-says >> text=2 of 2 read.", timeout=5000)
        answers = "[...document.querySelectorAll('.answer .says')].map((one) => one.textContent).join()"
        tab.wait_for_function(f"{answers} === 'This is a 7.,This is a 6.'", timeout=1000)
        assert tab.locator(".offline").count() == 0
        tab.wait_for_function("[...document.querySelectorAll('.examples img')].every((one) => one.naturalWidth)")
    program.kill()


def test_look_inside_follows_the_drawing_and_the_slider(page) -> None:
    draw(page, 7)
    go_to(page, "Look inside")
    page.wait_for_function("document.querySelectorAll('.layer').length === 3", timeout=60_000)
    page.wait_for_function("document.querySelectorAll('.curves .curve').length === 10", timeout=60_000)
    assert page.locator(".ask-digit [aria-pressed=true]").inner_text() == "7"
    before = page.locator(".stress-now").inner_text()
    page.locator(".kinds >> text=Rotation").click()
    page.wait_for_function("document.querySelector('.stress-now').textContent.includes('°')")
    page.locator(".strength").press("Home")
    assert page.locator(".stress-now").inner_text().startswith("−90°")
    assert before != page.locator(".stress-now").inner_text()
    assert page.locator(".inside-says").inner_text().startswith("mnistnet: This is a 7. 9")
    assert page.locator(".stress-says").inner_text().startswith("Undamaged, it is read as a 7, ")
    assert page.locator(".axis-x span").all_inner_texts() == ["−90°", "0°", "90°"]
    assert page.locator(".curves .not_a_digit, .curves .unsure").count(), "where it would refuse is shaded"
    keep_picture(page, "inside")


def test_the_kernel_slides_by_pointer_and_by_keys(page) -> None:
    """Every value told is torch's own, and the steps to it add up."""
    from app import open_explainer
    from digits.finding.digit import to_ink

    go_to(page, "Look inside")
    page.wait_for_function("document.querySelectorAll('.layer').length === 3", timeout=60_000)
    assert page.locator(".inside-what").inner_text().startswith("An example")
    maps = page.locator(".layer").nth(1).locator("button")
    assert sum(one.get_attribute("tabindex") == "0" for one in maps.all()) == 1, "one tab stop"
    maps.first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".slide >> text=How map 4 is computed")
    ink = to_ink(ROOT / "assets" / "examples" / "8.png")
    values = open_explainer("mnistnet").kernel(ink, "5", 3).values
    box = page.locator(".slide-out canvas").bounding_box()
    for y, x in ((0, 0), (5, 5), (11, 4)):
        page.mouse.move(box["x"] + (x + 0.5) / 14 * box["width"], box["y"] + (y + 0.5) / 14 * box["height"])
        assert told_by_the_kernel(page) == pytest.approx(values[y, x], abs=0.0011), (y, x)
    page.locator(".slide-out canvas").focus()
    page.keyboard.press("ArrowRight")
    assert told_by_the_kernel(page) == pytest.approx(values[11, 5], abs=0.0011)
    keep_picture(page, "slide")


def told_by_the_kernel(tab) -> float:
    """Return the value that the network has, as told; and see that the numbers before it make it."""
    shown = tab.locator(".slide-sum dd").all_inner_texts()
    part, rest, bias, total, normed, relu, value = (
        float(text.replace("−", "-").replace("+", "").replace(" ", "")) for text in shown
    )
    assert part + rest + bias == pytest.approx(total, abs=0.0021)
    assert max(0, normed) == relu == value
    return value


def test_look_inside_shows_what_was_read_as_a_number_too(page, examples) -> None:
    go_to(page, "Upload")
    page.locator(".upload .choice >> text=A number").click()
    page.locator(".upload input[type=file]").set_input_files(examples[6])
    page.wait_for_selector(".number-digits li >> visible=true")
    go_to(page, "Look inside")
    page.wait_for_selector(".inside-says >> text=This is a 6.", timeout=60_000)
    assert page.locator(".inside-what").inner_text() == "The picture you last drew or chose."


def test_a_letter_is_refused_inside_as_it_is_outside(page, tmp_path: Path) -> None:
    picture = np.full((200, 200), 255, np.uint8)
    cv2.putText(picture, "A", (40, 160), cv2.FONT_HERSHEY_SIMPLEX, 5, 0, 14)
    cv2.imwrite(str(tmp_path / "A.png"), picture)
    go_to(page, "Upload")
    page.locator(".upload input[type=file]").set_input_files(tmp_path / "A.png")
    page.wait_for_selector("text=This does not look like a digit. >> visible=true")
    go_to(page, "Look inside")
    page.wait_for_selector(".inside-says >> text=mnistnet: This does not look like a digit. Closest: ", timeout=60_000)
    page.wait_for_selector(".stress-says >> text=Undamaged, it is rejected as not a digit", timeout=60_000)


def play(tab, digit: int) -> None:
    """Draw a digit on the game's paper."""
    area = tab.locator(".game-paper canvas").bounding_box()
    for first, *others in paths(digit):
        tab.mouse.move(area["x"] + first[0] * area["width"], area["y"] + first[1] * area["height"])
        tab.mouse.down()
        for x, y in others:
            tab.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"], steps=3)
        tab.mouse.up()


def test_ten_digits_in_thirty_seconds_on_a_phone(phone, tmp_path: Path) -> None:
    go_to(phone, "Play")
    assert phone.locator("button[role=tab] >> visible=true").count() == 7, "no tab hides behind a menu"
    phone.locator(".game-start").tap()
    for n in range(1, 11):
        play(phone, int(phone.locator(".game-ask").inner_text().split()[-1]))
        phone.wait_for_function("n => document.querySelector('.game-left').textContent.endsWith(`${n} read`)", arg=n)
    assert phone.locator(".game-result").inner_text().startswith("10 of ten in ")
    with phone.expect_download() as download:
        phone.locator(".game-save").click()
    download.value.save_as(tmp_path / "strip.png")
    strip = cv2.imread(str(tmp_path / "strip.png"), cv2.IMREAD_GRAYSCALE)
    assert strip.shape == (2 * 164, 5 * 140) and (strip < 100).any(axis=0).mean() > 0.3
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    keep_picture(phone, "play-phone")


def test_fooling_it_counts_only_what_it_does_not_read(page) -> None:
    go_to(page, "Play")
    page.locator(".games >> text=Fool it").click()
    page.locator(".game-start").click()
    digit = int(page.locator(".game-ask").inner_text().split()[-1])
    for drawn, told in ((digit, "0 of 1 fooled it"), ((digit + 1) % 10, "1 of 2 fooled it")):
        page.locator(".game-clear").click()
        play(page, drawn)
        page.wait_for_selector(".game-says >> text=It sees")
        page.locator(".game-done").click()
        assert page.locator(".game-left").inner_text() == told
    page.locator(".game-stop").click()
    assert page.locator(".game-result").inner_text() == "You fooled it once."
    keep_picture(page, "play")


def test_models_are_compared_on_the_examples(page) -> None:
    go_to(page, "Models")
    page.wait_for_function("n => document.querySelectorAll('.compared td[data-status]').length === n", arg=60)
    answers, digits = page.locator(".compared tbody b").all_inner_texts(), [str(digit) for digit in range(10)]
    assert answers[:10] == digits and answers[-10:] == digits  # the default network's, and the vote's
    page.locator(".model-list summary").first.click()
    assert page.locator(".model-list details[open] summary").inner_text().startswith("mnistnet")
    for figure in page.locator("details[open] .figure-list img").all():
        figure.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=figure.element_handle())
    keep_picture(page, "models")
    shown = page.locator(".model-list summary").first
    assert "99.10 %" in shown.inner_text()
    told = page.request.get(f"{page.url.split('#')[0]}api/models").json()
    told[0]["weights_sha256"] = "others"
    page.route("**/api/models", lambda route: route.fulfill(json=told))
    page.reload()
    page.wait_for_selector(".model-list summary >> text=not measured")
    assert page.locator(".model-list summary >> text=not measured").count() == 1


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_barrier_on_any_tab(chromium, address: str, theme: str, width: int) -> None:
    """Run axe-core, as the page looks with content in it; and nothing is wider than the screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for tab in open_page(chromium, f"{address}/?__theme={theme}", viewport={"width": width, "height": 860}):
        draw(tab, 5)
        for name in ("Draw", "Upload", "Look inside", "Play", "Batch", "Form", "Models"):
            go_to(tab, name)
            tab.wait_for_load_state("networkidle")
            found = axe.run(tab).response["violations"]
            serious = [problem["help"] for problem in found if problem["impact"] in ("serious", "critical")]
            assert not serious, f"{name}, {theme}, {width}"
            assert tab.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
            keep_picture(tab, f"{name}-{theme}-{width}")


def test_several_models_are_shown_side_by_side(chromium, tmp_path: Path) -> None:

    second = random_checkpoint(tmp_path / "second.pth")
    with serving(tmp_path / "data", "--model", "mnistnet", str(second)) as address:
        for tab in open_page(chromium, address, viewport={"width": 1280, "height": 860}):
            tab.locator(".model-of select").select_option(label="side by side")
            draw(tab, 4)
            tab.locator(".think-on").click()
            whose = "text=Several networks answer; this is the inside of mnistnet alone."
            tab.wait_for_selector(whose, timeout=60_000)
            assert tab.locator(".beside span:first-child").all_inner_texts() == ["mnistnet", "second"]
            assert tab.locator(".beside b").first.inner_text() == "4"
            keep_picture(tab, "side-by-side")
            tab.locator(".model-of select").select_option(label="mnistnet")
            settle(tab)
            assert says(tab) == "This is a 4." and tab.locator(".beside").is_hidden()
            tab.wait_for_selector(whose, state="hidden")
            go_to(tab, "Models")
            tab.wait_for_function("document.querySelectorAll('.compared td[data-status]').length === 30")
            names = tab.locator(".compared tbody td:first-child").all_inner_texts()
            assert names == ["mnistnet", "second", "all, voting"]
            assert tab.locator(".model-list details").count() == 2
