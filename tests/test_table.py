"""Tables without a template: what stands below each other is a column, however the sheet lies."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest

import batch_processor
from digits.batch.journal import SHOWN, Journal
from digits.batch.number_tables import write_tables
from digits.reading.table import table_of

ROWS = [["16", "8", "", "9"], ["4", "", "17", "-3"], ["", "12", "5", "20"]]


def reading(rows: list[list[str]], slope: float = 0.0) -> tuple[list[str], list[dict]]:
    """Return lines and digits as a reading of a sheet has them whose rows fall by `slope` to the right."""
    lines, digits = [], []
    for i, row in enumerate(rows):
        lines.append(" ".join(filter(None, row)))
        for j, text in enumerate(row):
            for k, symbol in enumerate(text):
                if symbol.isdecimal():
                    x, y = 100 + 200 * j + 24 * k - slope * 90 * i, 50 + 90 * i + slope * (200 * j + 24 * k)
                    digits.append({"line": i, "box": [x, y, x + 20, y + 30]})
    return lines, digits


@pytest.mark.parametrize("slope", [0.0, 0.15, -0.15])
def test_cells_stand_in_their_columns(slope):
    assert table_of(*reading(ROWS, slope)) == ROWS


def test_a_column_is_one_however_its_cells_are_filled():
    """People write at the left and at the right of a cell."""
    rows = [["1", "12", "7"], ["20", "3", "4"], ["5", "", "16"], ["8", "9", ""]]
    lines, digits = reading(rows)
    moves = {1: 45, 3: -40}
    for digit in digits:
        digit["box"] = [digit["box"][i] + (moves.get(digit["line"], 0) if i % 2 == 0 else 0) for i in range(4)]
    assert table_of(lines, digits) == rows


def test_two_numbers_of_one_row_never_share_a_cell_while_there_is_room():
    lines, digits = reading([["1", "2"], ["345", ""]])
    digits[-1]["box"] = [100, 140, 330, 170]  # as wide as both columns
    assert table_of(lines, digits)[0] == ["1", "2"]


def test_nothing_read_is_no_table():
    assert table_of([], []) == []
    assert table_of([""], []) == []


def test_a_batch_writes_a_table_for_each_picture(glyph_sheet, tmp_path, capsys):
    assert batch_processor.main([str(glyph_sheet), "--table", "--format", "csv", "--output-dir", str(tmp_path)]) == 0
    folder = tmp_path / "tables"
    (path,) = folder.rglob("*.csv")
    assert path.name == "sheet.png.csv" and str(path.parent) in capsys.readouterr().out
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["4", "7", "2"], ["3", "", "0"]]


def test_pictures_of_one_name_or_a_very_long_one_get_their_tables(tmp_path):
    lines, digits = reading([["1", "2"], ["3", "4"]])
    row = dict.fromkeys(SHOWN) | {"status": "ok", "lines": json.dumps(lines), "digits": json.dumps(digits)}
    journal = Journal(tmp_path / "a.journal", {})
    paths = ["a/1.png", "b/1.png", "c/1.png", f"{'long' * 63}.png"]
    journal.add([row | {"position": i, "path": path} for i, path in enumerate(paths)])
    write_tables(journal, tmp_path / "tables")
    names = sorted(path.name for path in (tmp_path / "tables").iterdir())
    assert len(names) == 4 and names[:3] == ["1.png-2.csv", "1.png-3.csv", "1.png.csv"] and names[3].startswith("long")


@pytest.fixture
def glyph_sheet(tmp_path, examples):
    """A sheet of two rows and three columns, one cell empty, set from the example drawings."""
    from digits.finding.digit import find_digit

    sheet = np.full((300, 620), 235, np.uint8)
    for row, line in enumerate(["472", "3 0"]):
        for column, symbol in enumerate(line):
            if symbol != " ":
                ink = cv2.resize(find_digit(examples[int(symbol)]).ink, (64, 64), interpolation=cv2.INTER_CUBIC)
                place = sheet[50 + 120 * row :, 60 + 200 * column :][:64, :64]
                place -= (0.85 * np.minimum(place, ink)).astype(np.uint8)
    path = tmp_path / "sheet.png"
    cv2.imwrite(str(path), sheet)
    return path
