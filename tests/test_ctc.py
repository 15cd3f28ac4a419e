"""A line's text, its certainty and its gaps, read off what the columns say."""

from __future__ import annotations

import numpy as np
import pytest

from digits.reading.ctc import best_text, spell
from digits.reading.symbols import CTC_BLANK, OTHER, SYMBOLS, to_value


def columns(text: str, sure: float = 0.9) -> np.ndarray:
    """Log probabilities of columns that say `text`, a _ being nothing new."""
    answers = [CTC_BLANK if symbol == "_" else SYMBOLS.index(symbol) for symbol in text]
    return np.log(sure * np.eye(len(SYMBOLS) + 1)[answers] + (1 - sure) / (len(SYMBOLS) + 1))


@pytest.mark.parametrize("said, text", [("_44_0_", "40"), ("4_4", "44"), ("-_3.5", "-3.5"), ("¤_ _7", "¤ 7"), ("", "")])
def test_runs_of_one_answer_are_one_symbol(said, text):
    assert best_text(columns(said).reshape(-1, 19)) == spell(columns(said).reshape(-1, 19)).text == text


def test_a_symbol_stands_in_the_middle_of_its_columns():
    assert spell(columns("_444__7_")).columns.tolist() == pytest.approx([2, 6])


def test_what_a_column_hesitates_between_is_told():
    line = np.exp(columns("_4_"))
    line[1] = 0.001
    line[1, [4, 9, CTC_BLANK]] = 0.5, 0.3, 0.2
    spelt = spell(np.log(line))
    assert spelt.text == "4"
    assert spelt.probabilities[0, [4, 9]] == pytest.approx([0.5 / 0.815, 0.3 / 0.815], abs=0.02)
    assert spelt.certainty[0] == pytest.approx(0.5, abs=0.05)


def test_a_text_is_as_probable_as_all_of_it():
    sure, doubtful = spell(columns("_4_7_", 0.99)), np.exp(columns("_4_7_", 0.99))
    doubtful[2, [1, CTC_BLANK]] = 0.45, 0.55
    assert sure.probability > 0.95 and spell(np.log(doubtful)).probability < 0.6


def test_a_symbol_that_was_nearly_said_is_missed():
    line = np.exp(columns("4____7"))
    line[3, [1, CTC_BLANK]] = 0.45, 0.5
    assert spell(np.log(line)).missed[1] > 0.4 > spell(columns("4____7")).missed.max()


def test_a_symbol_fading_out_is_no_other_symbol():
    line = np.exp(columns("_4_"))
    line[2, [4, CTC_BLANK]] = 0.45, 0.5
    assert spell(np.log(line)).missed.max() < 0.15


@pytest.mark.parametrize(
    "text, value",
    [
        ("7", 7), ("+49", 49), ("-348", -348), ("6.5", 6.5), ("6,5", 6.5), ("1,234,567", 1234567),
        ("1.234.567,8", 1234567.8), ("1,234", None), ("1.234", None), ("007", None), ("0.5", 0.5), ("5/22/13", None),
        ("12:30", None), ("1.2.3", None), ("12,34,5", None), ("-", None), (f"3{OTHER}", None),
    ],
)  # fmt: skip
def test_a_number_has_a_value_only_if_it_can_mean_one_thing(text, value):
    assert to_value(text) == value
