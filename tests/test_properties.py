"""What must hold for any input: a digit stays the digit however it lies on the paper; rows come out as they went in.

python -m pytest tests/test_properties.py
"""

from __future__ import annotations

import csv
import json
import os

import cv2
import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digits.batch.entries import Entry
from digits.batch.journal import DIGIT_COLUMNS, Journal
from digits.batch.report_rows import printable
from digits.batch.rows import RowReader
from digits.batch.sources import find_entries
from digits.batch.tabular import write_csv
from digits.batch.writers import write_report
from digits.finding.digit import find_digit
from digits.finding.limits import PictureError
from digits.finding.pixels import bounding_box
from digits.reading.verdict import STATUSES

FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Whatever a file may be called: any bytes but "/" and NUL, as Python shows them.
names = st.binary(min_size=1, max_size=60).map(lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_")))
awkward = st.text(st.sampled_from("=+-@'\"\t\r\n ,;＝a\u202e<>&\\\udcff\U0001f600é1."), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def strokes(examples) -> dict[int, np.ndarray]:
    """How much ink each pixel of the examples holds, float32 0-1, without their paper: some are photographs."""
    cut = {}
    for digit, path in examples.items():
        found = find_digit(path)
        left, top, right, bottom = bounding_box(found.mask)
        cut[digit] = (found.contrast.clip(0, 1) * found.mask)[top:bottom, left:right]
    return cut


@st.composite
def layouts(draw) -> dict:
    """Draw how a digit lies on its paper: height in pixels, margins as shares of it, paper and ink, 0-255."""
    margin = st.floats(0.15, 1.2)
    paper = draw(st.integers(0, 255))
    ink = draw(st.integers(0, 255).filter(lambda level: abs(level - paper) >= 90))
    return {
        "height": draw(st.integers(36, 400)), "margins": draw(st.tuples(margin, margin, margin, margin)),
        "paper": paper, "ink": ink,
    }  # fmt: skip


def lay_out(dark: np.ndarray, height: int, margins: tuple[float, ...], paper: int, ink: int) -> np.ndarray:
    """Return a grey picture, uint8, of the strokes at that size and place, in those two levels."""
    scale = height / dark.shape[0]
    size = (max(1, round(dark.shape[1] * scale)), height)
    dark = cv2.resize(dark, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top, right, bottom = (round(margin * height) for margin in margins)
    canvas = cv2.copyMakeBorder(dark, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    return (paper + (ink - paper) * canvas).round().astype(np.uint8)


def check_digit(predictor, strokes, digit: int, layout: dict) -> None:
    prediction = predictor.predict(lay_out(strokes[digit], **layout))
    assert prediction.digit == digit, (digit, layout, prediction.status)


@FEW
@given(digit=st.integers(0, 9), layout=layouts())
def test_polarity_margin_scale_and_shift_change_no_digit(predictor, strokes, digit: int, layout: dict) -> None:
    check_digit(predictor, strokes, digit, layout)


@pytest.mark.soak
@settings(FEW, max_examples=3_000)
@given(digit=st.integers(0, 9), layout=layouts())
def test_so_in_thousands_of_layouts(predictor, strokes, digit: int, layout: dict) -> None:
    check_digit(predictor, strokes, digit, layout)


@FEW
@given(digit=st.integers(0, 9), layout=layouts())
def test_the_negative_is_the_same_digit(predictor, strokes, digit: int, layout: dict) -> None:
    pixels = lay_out(strokes[digit], **layout)
    one, other = predictor.predict(pixels), predictor.predict(255 - pixels)
    assert one.digit == other.digit and one.found.polarity != other.found.polarity


@FEW
@given(st.lists(st.sampled_from(["7.png", "bad.png", "none.png", "0.png"]), min_size=1, max_size=20))
def test_rows_in_are_rows_out(predictor, examples, tmp_path_factory, given_names: list[str]) -> None:
    """Whatever the order and however often: one row an entry, in order, each with its own answer."""
    folder = tmp_path_factory.getbasetemp() / "rows"
    if not folder.exists():
        folder.mkdir()
        for digit in (0, 7):
            (folder / f"{digit}.png").write_bytes(examples[digit].read_bytes())
        (folder / "bad.png").write_bytes(b"no picture")
    entries = [Entry(str(folder / name)) for name in given_names]
    rows = RowReader(predictor)(list(enumerate(entries)))
    assert [row["position"] for row in rows] == list(range(len(entries)))
    assert [row["path"] for row in rows] == [entry.name for entry in entries]
    answers = {"7.png": ("ok", 7), "0.png": ("ok", 0), "bad.png": ("error", None), "none.png": ("error", None)}
    assert [(row["status"], row["digit"]) for row in rows] == [answers[name] for name in given_names]


def one_row(name: str) -> dict:
    noted = {"position": 0, "cut": None, "stamp": ""}
    return dict.fromkeys(DIGIT_COLUMNS) | {"path": name, "status": "ok", "digit": 7} | noted


@FEW
@given(given_names=st.lists(names | awkward, min_size=5, max_size=20))
def test_any_name_comes_back_from_the_reports(tmp_path_factory, given_names: list[str]) -> None:
    folder, told = tmp_path_factory.mktemp("csv"), [printable(name) for name in given_names]
    journal = Journal(folder / "run.journal", {"run": "run"})
    try:
        journal.add([one_row(name) | {"position": n} for n, name in enumerate(given_names)])
        with (folder / "run.csv").open("wb") as file:
            write_csv(journal, {}, file)
        report = json.loads(write_report(journal, {}, "json", folder / "run.json").read_text("utf-8"))
    finally:
        journal.close(delete=True)
    assert [row["path"] for row in report["rows"]] == told
    cells = list(pandas.read_csv(folder / "run.csv", keep_default_na=False, dtype=str)["path"])
    assert not any(cell.startswith(tuple("=+-@\t\r\n＝")) for cell in cells)
    assert all(name in (cell, cell.removeprefix("'")) for name, cell in zip(told, cells, strict=True))


@MANY
@given(first=awkward, second=awkward)
def test_two_names_never_become_one(first: str, second: str) -> None:
    from digits.batch.tabular import _disarmed

    cells = [_disarmed(name) for name in (first, second)]
    assert (cells[0] == cells[1]) == (printable(first) == printable(second))


def is_a_name(name: str) -> bool:
    return bool(name.strip()) and name not in (".", "..")


@MANY
@given(given_names=st.lists((names | awkward).filter(is_a_name), min_size=1, max_size=5))
def test_a_csv_list_names_what_was_put_in(tmp_path_factory, given_names: list[str]) -> None:
    path = tmp_path_factory.mktemp("list") / "list.csv"
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        csv.writer(file).writerows([["path"], *([name] for name in given_names)])
    assert [entry.name for entry in find_entries([path])] == given_names


starts = st.sampled_from([b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"GIF89a", b"BM", b"II*\0", b"\xff\xd8\xff", b"P5 9 "])


@MANY
@given(data=st.builds(bytes.__add__, starts, st.binary(max_size=400)))
def test_any_bytes_are_a_picture_or_an_error(predictor, data: bytes) -> None:
    try:
        assert predictor.predict(data).status in STATUSES
    except PictureError as error:
        assert "\n" not in str(error) and len(str(error)) < 250


@MANY
@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_any_array_is_read(predictor, height: int, width: int, data) -> None:
    """Every shape, level and kind of number: an answer whose probabilities sum to 1."""
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32, bool]))
    shape = data.draw(st.sampled_from([(height, width), (height, width, 3), (height, width, 4), (height, width, 1)]))
    noise = np.random.default_rng(data.draw(st.integers(0, 99))).random(shape)
    levels = noise > 0.5 if dtype is bool else noise * (1 if dtype is np.float32 else np.iinfo(dtype).max)
    prediction = predictor.predict(levels.astype(dtype))
    assert prediction.status in STATUSES and abs(prediction.probs.sum() - 1) < 1e-3
