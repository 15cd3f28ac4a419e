"""Small inputs of other people that once failed, where they lie beside the project; each stands for its kind."""

from __future__ import annotations

import pytest

from digits.learning.datasets import data_dir
from digits.reading.verdict import OK

CASES = data_dir() / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")

NUMBERS = {
    "1_lost_at_line_end_4481.png": "4481",
    "2_lost_near_border_1185.png": "1185",
    "3_taken_for_ruling_1185.png": "1185",
    "4_cell_with_borders_21.png": "21",
    "4b_cell_touching_rule_41.png": "41",
    "eleven_plain.png": "11",
    "eleven_cell.png": "11",
    "tight_07.png": "1695",
    "tight_25.png": "1728056",
    "cells_06.png": "062",
    "cells_19.png": "858",
    "cells_gaps_03.png": "7642",
    "cells_gaps_06.png": "07679654",
    "box_10.png": "24840662",
    "underline_16.png": "7384",
    "underline_19.png": "0631",
    "date_slash_02.png": "1/17/24",
    "amount_00.png": "64,444.60",
    "negative_00.png": "-348",
    "empty_box_14.png": "",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_read(predictor, name):
    reading = predictor.read_number(CASES / name)
    read = reading.text.replace(" ", "")
    assert read == NUMBERS[name], f"{read} is {reading.status}: {reading.reason}"


@pytest.mark.parametrize("name", NUMBERS)
def test_nothing_wrong_is_ok(predictor, name):
    reading = predictor.read_number(CASES / name)
    assert reading.status != OK or reading.text.replace(" ", "") == NUMBERS[name]
