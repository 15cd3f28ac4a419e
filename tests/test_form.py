"""Forms: pages are laid over the empty form, fields read, formats held; and nothing that breaks one is ok."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

import batch_processor
from assets.make_form import FILLED
from batch_processor import BatchProcessor
from digits.command import UserError
from digits.files import ASSETS_DIR
from digits.finding.alignment import Landmarks, align
from digits.finding.limits import PictureError
from digits.reading.form import read_form
from digits.reading.formats import Format
from digits.reading.template import Form, load_form
from digits.reading.verdict import NOT_A_DIGIT, OK, UNSURE

FOLDER = ASSETS_DIR / "form"


@pytest.fixture(scope="module")
def form() -> Form:
    return load_form(FOLDER / "form.json")


@pytest.fixture(scope="module")
def filled() -> np.ndarray:
    return cv2.imread(str(FOLDER / "filled.jpg"), cv2.IMREAD_GRAYSCALE)


def seen(page: np.ndarray, angle: float, shift: float = 0.0, aslant: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the page on a larger dark desk, turned, shifted and seen aslant, and the matrix to there."""
    tall, wide = page.shape
    corners = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    turn = cv2.getRotationMatrix2D((wide / 2, tall / 2), angle, 0.8)
    moved = cv2.transform(corners[None], turn)[0] + (200 + shift * wide, 100)
    moved[0] += aslant * wide
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    size = (wide + 400, tall + 200)
    return cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA, borderValue=(40,)), matrix


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize(
    ("angle", "shift", "aslant"), [(0, 0, 0), (3, 0.05, 0), (-15, 0, 0.02), (180, -0.05, 0), (90, 0, 0.03)]
)
def test_a_page_is_laid_over_the_form_however_it_lies(form, angle, shift, aslant):
    page, matrix = seen(form.empty, angle, shift, aslant)
    found = align(page, form.landmarks)
    places = np.array([[[x, y] for x in (120.0, 1100.0) for y in (100.0, 900.0, 1600.0)]])
    off = cv2.perspectiveTransform(places, found.matrix) - cv2.perspectiveTransform(places, matrix)
    assert np.abs(off).max() < 4, "pixels of the page"


def test_what_is_another_page_is_refused(form, filled):
    other = np.full_like(form.empty, 255)
    for row in range(12):
        text = f"{row} Invitation to the yearly meeting of the society"
        cv2.putText(other, text, (80, 150 + 120 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
    noise = np.random.default_rng(0).integers(0, 256, form.empty.shape).astype(np.uint8)
    for page in (other, noise, np.full_like(form.empty, 255), filled[:, ::-1].copy(), np.zeros((3, 3), np.uint8)):
        with pytest.raises(PictureError, match="form"):
            align(page, form.landmarks)


def text_on(page: np.ndarray, told: str, x: int, y: int, size: float = 0.9) -> None:
    cv2.putText(page, told, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 2, cv2.LINE_AA)


def invoice(page: np.ndarray) -> None:
    text_on(page, "Invoice", 80, 140, 2.2)
    for i, told in enumerate(("Customer number", "Date", "Due on")):
        text_on(page, told, 700, 120 + 50 * i)
        cv2.rectangle(page, (950, 90 + 50 * i), (1160, 130 + 50 * i), 0, 2)
    for row in range(16):
        cv2.line(page, (80, 400 + 70 * row), (1160, 400 + 70 * row), 0, 2)
    for x in (80, 200, 760, 900, 1160):
        cv2.line(page, (x, 400), (x, 1450), 0, 2)


def survey(page: np.ndarray) -> None:
    text_on(page, "How did you like it?", 80, 150, 1.8)
    for i in range(8):
        text_on(page, f"{i + 1}. How much do you agree with sentence {i + 1}?", 80, 300 + 170 * i)
        for x in range(120, 1120, 200):
            cv2.rectangle(page, (x, 330 + 170 * i), (x + 60, 390 + 170 * i), 0, 3)


def marks(page: np.ndarray) -> None:
    text_on(page, "Marks of class 7b", 80, 150, 1.8)
    for row in range(27):
        cv2.line(page, (80, 230 + 54 * row), (1160, 230 + 54 * row), 0, 2)
        text_on(page, f"Pupil {chr(65 + row)}.", 95, 268 + 54 * row)
    for x in (80, 480, 616, 752, 888, 1024, 1160):
        cv2.line(page, (x, 230), (x, 1634), 0, 2)


def wall(page: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    page[:] = 150
    for y in range(0, page.shape[0], 75):
        for x in range(-100 * (y % 2), page.shape[1], 200):
            page[y + 6 : y + 75, max(0, x + 6) : x + 200] = 90 + rng.integers(-20, 20)
    page[:] = np.clip(page + rng.normal(0, 12, page.shape), 0, 255)


def later_edition(page: np.ndarray, empty: np.ndarray) -> None:
    """Draw the form with its title and foot where they were, and its fields further down."""
    top, bottom = round(0.2 * len(empty)), round(0.62 * len(empty))
    page[:] = empty
    page[top:bottom] = np.roll(empty[top:bottom], round(0.07 * len(empty)), axis=0)


@pytest.mark.parametrize("draw", [invoice, survey, marks, wall, later_edition])
@pytest.mark.parametrize("angle", [0, 3])
def test_other_forms_and_walls_are_never_read(draw, angle, form, predictor):
    page = np.full_like(form.empty, 255)
    draw(page, form.empty) if draw is later_edition else draw(page)
    with pytest.raises(PictureError, match="form"):
        read_form(seen(page, angle)[0], form, predictor)


def test_a_stained_field_costs_no_page(form, filled, predictor):
    page, matrix = seen(filled, 1)
    field = next(field for field in form.fields if field.name == "persons")
    shares = np.array([[field.box[:2], field.box[2:]]]) * filled.shape[::-1]
    (left, top), (right, bottom) = cv2.perspectiveTransform(shares, matrix)[0].astype(int)
    page[top - 60 : bottom + 60, left - 60 : right + 200] = np.random.default_rng(0).integers(0, 255, (1,), np.uint8)
    reading = read_form(page, form, predictor)
    assert reading.fields["persons"].status != "ok" and reading.fields["postcode"].text == FILLED["postcode"]


def test_an_empty_form_needs_print_to_be_known_by():
    with pytest.raises(PictureError, match="too little is printed"):
        Landmarks(np.full((800, 600), 255, np.uint8))


@pytest.mark.parametrize(("name", "width"), [("customer", 3), ("customer", 4), ("postcode", 5), ("meter", 5)])
def test_a_field_that_is_crossed_out_is_not_ok(name, width, form, filled, predictor):
    corners = np.array(read_form(filled, form, predictor).row()["fields"][name]["corners"])
    start, end = corners[[0, 3]].mean(axis=0), corners[[1, 2]].mean(axis=0)
    assert read_form(filled, form, predictor).fields[name].status == OK
    page = cv2.line(filled.copy(), start.round().astype(int), end.round().astype(int), 60, width, cv2.LINE_AA)
    assert read_form(page, form, predictor).fields[name].status != OK


@pytest.mark.parametrize("share", [0.4, 0.46, 0.5, 0.53, 0.55])
def test_a_field_that_the_picture_does_not_wholly_show_is_neither_ok_nor_blank(share, form, filled, predictor):
    bottom = round(share * len(filled))
    whole = read_form(filled, form, predictor)
    gone = [name for name, row in whole.row()["fields"].items() if max(y for _x, y in row["corners"]) > bottom + 3]
    cut = read_form(filled[:bottom], form, predictor)
    assert gone and cut.status == UNSURE
    assert {cut.fields[name].status for name in gone} <= {UNSURE, NOT_A_DIGIT}
    assert all(cut.fields[name].status == whole.fields[name].status for name in whole.fields.keys() - gone)


def test_faint_writing_is_no_blank_field(form, predictor):
    left, top, right, bottom = (
        round(edge * side)
        for edge, side in zip(form.fields[3].box, [*form.empty.shape[::-1], *form.empty.shape[::-1]], strict=True)
    )
    page = form.empty.astype(np.float32)
    stroke = np.zeros_like(page)
    cv2.line(stroke, (left + 40, bottom - 15), (left + 60, top + 15), 1.0, 6, cv2.LINE_AA)
    reading = read_form((page * (1 - 0.1 * stroke)).astype(np.uint8), form, predictor)
    assert reading.fields[form.fields[3].name].status == "not_a_digit"
    assert any("faint" in doubt for doubt in reading.doubts)
    assert read_form(form.empty, form, predictor).status == "blank"


def test_a_filled_page_says_what_is_written(form, filled, predictor):
    page, _matrix = seen(filled, -2, 0.03)
    reading = read_form(page, form, predictor)
    in_cells = [field.name for field in form.fields if field.cells]
    assert {name: reading.fields[name].text for name in in_cells} == {name: FILLED[name] for name in in_cells}
    for name, field in reading.fields.items():
        assert field.text == FILLED[name] or field.status == "unsure"


def test_an_empty_page_is_blank(form, predictor):
    reading = read_form(form.empty, form, predictor)
    assert reading.status == "blank" and {field.status for field in reading.fields.values()} == {"blank"}
    required = [field.name for field in form.fields if field.required]
    assert reading.doubts == [f"{name}: nothing is written here" for name in required]


def test_a_form_travels_to_other_processes(form):
    again = pickle.loads(pickle.dumps(form))
    assert again.fingerprint == form.fingerprint and again.fields == form.fields


# ---------------------------------------------------------------- formats


@pytest.mark.parametrize(
    ("format_", "text", "fault"),
    [
        (Format("number"), "0 42", ""),
        (Format("number"), "-8212", ""),
        (Format("number"), "12,5", "not a whole number"),
        (Format("number"), "12\n5", "more than one line"),
        (Format("digit"), "12", "not one digit"),
        (Format("number", lengths=(5, 5)), "0123", "4 digits, not 5"),
        (Format("number", lengths=(4, 6)), "1234567", "not 4 to 6"),
        (Format("number", pattern=r"0\d+"), "123", "pattern"),
        (Format("number", low=0, high=20), "21", "more than 20"),
        (Format("number", low=0, high=20), "-1", "less than 0"),
        (Format("amount"), "64,444.60", ""),
        (Format("amount"), "1,234", "two amounts"),
        (Format("amount", high=500), "500.01", "more than 500"),
        (Format("amount"), "12-5", "not an amount"),
        (Format("date"), "29.02.2024", ""),
        (Format("date"), "29.02.2023", "calendar"),
        (Format("date"), "17/1/24", ""),
        (Format("date"), "17012024", ""),
        (Format("date", order="mdy"), "17/1/24", "calendar"),
        (Format("date", order="ymd"), "2024-01-17", ""),
        (Format("date", low="2024-02-01"), "17.1.2024", "before 2024-02-01"),
        (Format("number", check="luhn"), "79927398713", ""),
        (Format("number", check="luhn"), "79927398714", "check digit"),
        (Format("number", check="ean"), "4006381333931", ""),
        (Format("number", check="ean"), "4006381333930", "check digit"),
        (Format("number", check="iban", prefix="DE"), "89 3704 0044 0532 0130 00", ""),
        (Format("number", check="iban", prefix="DE"), "88370400440532013000", "check digit"),
        (Format("number", check="mod_97_10"), "9999123456789012141490", ""),
        (Format("number", check="mod_11_10"), "794624", "check digit"),
    ],
)
def test_what_breaks_a_format_is_named(format_, text, fault):
    assert (fault in format_.fault(text)) if fault else format_.fault(text) == ""


def test_a_text_that_breaks_its_format_is_never_ok(form, filled, predictor):
    broken = {
        "customer": {"check": "ean"}, "meter": {"max": 100}, "paid": {"pattern": r"\d+"}, "read_on": {"order": "mdy"},
        "postcode": {"length": 4}, "persons": {"min": 4},
    }  # fmt: skip
    told = json.loads((FOLDER / "form.json").read_text())
    for field in told["fields"]:
        field |= broken[field["name"]]
        field.pop("max", None) if field["name"] != "meter" else None
        if field["name"] == "meter":
            field.pop("length")
    changed = Form(form.empty, fields_of(told))
    reading = read_form(filled, changed, predictor)
    assert reading.status == "unsure" and all(
        field.status != "ok" and field.reason for field in reading.fields.values()
    )


def fields_of(told: dict) -> list:
    from digits.reading.template import _field

    return [_field(Path("form.json"), one, told["page_mm"]) for one in told["fields"]]


# ---------------------------------------------------------------- templates


def template(folder: Path, **changes: object) -> Path:
    """Write a template with one field, changed as told; None takes a key away."""
    shutil.copy(FOLDER / "empty.png", folder / "empty.png")
    field = {"name": "a", "box": [0.1, 0.1, 0.5, 0.2]} | changes
    path = folder / "form.json"
    path.write_text(json.dumps({"picture": "empty.png", "fields": [{k: v for k, v in field.items() if v is not None}]}))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": None}, "needs a name"),
        ({"name": "status"}, "needs a name"),
        ({"box": [0.1, 0.1, 0.05, 0.2]}, "box"),
        ({"box": [10, 10, 50, 20]}, "page_mm"),
        ({"box": "all"}, "box is"),
        ({"kind": "word"}, "digit, number, date, amount"),
        ({"check": "crc"}, "luhn"),
        ({"pattern": "("}, "regular expression"),
        ({"length": [3, 2]}, "length"),
        ({"min": "low"}, "numbers"),
        ({"kind": "date", "min": 3}, "days such as"),
        ({"min": 5, "max": 4.5}, "min, 5, is beyond max, 4.5"),
        ({"kind": "date", "min": "2024-01-31", "max": "2023-12-31"}, "is beyond max"),
        ({"cells": 0}, "cells"),
        ({"requird": True}, "unknown requird"),
    ],
)
def test_a_mistake_in_a_template_is_said_with_its_field(changes, said, tmp_path):
    with pytest.raises(UserError, match=said) as caught:
        load_form(template(tmp_path, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "needs a picture"),
        ('{"picture": "x.png", "fields": []}', "a different name for each"),
    ],
)
def test_what_is_no_template_is_refused(text, said, tmp_path):
    (tmp_path / "form.json").write_text(text)
    with pytest.raises(UserError, match=said):
        load_form(tmp_path / "form.json")
    with pytest.raises(UserError, match="cannot be read"):
        load_form(tmp_path / "none.json")
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(UserError, match="not valid JSON"):
        load_form(tmp_path / "note.txt")


def test_a_field_that_takes_the_column_of_anothers_status_is_refused(tmp_path):
    path = template(tmp_path, name="a_status", min=3, max=3)
    assert load_form(path).fields[0].name == "a_status", "alone it takes nobody's, and one value may be all that fits"
    told = json.loads(path.read_text())
    told["fields"].append(told["fields"][0] | {"name": "a"})
    path.write_text(json.dumps(told))
    with pytest.raises(UserError, match="field a_status: that is the column of the status of a; rename it"):
        load_form(path)


def test_toml_and_shares_say_the_same_as_json_and_millimetres(form, tmp_path):
    lines = ['picture = "empty.png"']
    for field in json.loads((FOLDER / "form.json").read_text())["fields"]:
        field["box"] = [edge / side for edge, side in zip(field["box"], (210, 297) * 2, strict=True)]
        lines += ["[[fields]]", *(f"{key} = {json.dumps(value)}" for key, value in field.items())]
    (tmp_path / "form.toml").write_text("\n".join(lines))
    shutil.copy(FOLDER / "empty.png", tmp_path)
    assert load_form(tmp_path / "form.toml").fields == form.fields


# ---------------------------------------------------------------- batches


def test_a_batch_has_a_row_a_page_and_a_column_a_field(form, tmp_path, capsys):
    pages = tmp_path / "pages"
    pages.mkdir()
    for name in ("filled.jpg", "empty.png"):
        shutil.copy(FOLDER / name, pages)
    cv2.imwrite(str(pages / "other.png"), np.full((900, 700), 255, np.uint8))
    arguments = [pages, "--fields", FOLDER / "form.json", "--output-dir", tmp_path, "--format", "csv", "json", "html"]
    assert batch_processor.main([str(word) for word in [*arguments, "parquet"]]) == 1, "one page cannot be read"
    report = Path(capsys.readouterr().out.splitlines()[-4]).with_suffix(".csv")
    with report.open(newline="", encoding="utf-8") as file:
        empty, read, other = csv.DictReader(file)
    names = [column for field in form.fields for column in (field.name, f"{field.name}_status")]
    assert list(read) == ["path", "status", *names, "reason", "error"]
    assert (read["customer"], read["persons"]) == (FILLED["customer"], FILLED["persons"])
    assert read["customer_status"] == "ok" and read["status"] in ("ok", "unsure")
    assert (empty["status"], other["status"]) == ("blank", "error") and "form" in other["error"]
    stored = json.loads(report.with_suffix(".json").read_text())["rows"]
    assert [row["customer"] for row in stored] == ["", "49927395", None]

    import pandas as pd

    assert pd.read_parquet(report.with_suffix(".parquet"))["postcode"].tolist()[:2] == ["", "60486"]
    assert '"customer": {"text": "49927395"' in report.with_suffix(".html").read_text()


def test_fields_may_be_called_as_the_columns_of_numbers_and_digits(tmp_path, capsys):
    """Those of numbers hold JSON and have types of their own; a field is a text."""
    import openpyxl
    import pandas as pd

    shutil.copy(FOLDER / "empty.png", tmp_path)
    facts = json.loads((FOLDER / "form.json").read_text())
    names = {}
    for field, name in zip(facts["fields"], ("lines", "digits", "number", "digit", "text", "label"), strict=True):
        names[field["name"]] = field["name"] = name
    (tmp_path / "form.json").write_text(json.dumps(facts))
    words = [FOLDER / "filled.jpg", "--fields", tmp_path / "form.json", "--output-dir", tmp_path, "--format"]
    assert batch_processor.main([str(word) for word in [*words, "json", "jsonl", "parquet", "xlsx"]]) == 0
    report = Path(capsys.readouterr().out.splitlines()[-1])
    wanted = {names[name]: text for name, text in FILLED.items()}
    (row,) = json.loads(report.with_suffix(".json").read_text())["rows"]
    assert {name: row[name] for name in wanted} == wanted
    (row,) = pd.read_parquet(report.with_suffix(".parquet")).to_dict("records")
    assert {name: row[name] for name in wanted} == wanted
    titles, cells = openpyxl.load_workbook(report.with_suffix(".xlsx")).active.iter_rows(values_only=True)
    row = dict(zip(titles, cells, strict=True))
    assert {name: row[name] for name in wanted} == wanted


def test_labels_of_digits_are_no_truth_about_forms(tmp_path, capsys):
    words = [str(FOLDER), "--fields", str(FOLDER / "form.json"), "--labels-from-folders", "--output-dir", str(tmp_path)]
    assert batch_processor.main(words) == 2
    assert "labels are for digits" in capsys.readouterr().err


def test_a_changed_template_is_another_job(tmp_path):
    whole = BatchProcessor(output_dir=tmp_path, fields=FOLDER / "form.json")
    part = BatchProcessor(output_dir=tmp_path, fields=template(tmp_path))
    jobs = [processor._job(["a"], True, False)["fingerprint"] for processor in (whole, part)]
    assert jobs[0] != jobs[1]
