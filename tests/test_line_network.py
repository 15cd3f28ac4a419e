"""What a line says as a whole: probabilities that add up, the likeliest texts, and digits that touch."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from digits.reading.ctc import BLANK, likeliest_text, likely_texts, text_costs, weigh_digits
from digits.reading.line_network import STRIP_HEIGHT, LineReader, to_strip
from digits.reading.number import Step, cheapest_spellings
from utils import UserError


def random_line(n_columns: int, n_answers: int = 11, seed: int = 0) -> np.ndarray:
    """Log probabilities (n_columns, 11) of which only the blank and the first digits are possible."""
    logits = np.random.default_rng(seed).normal(0, 2, (n_columns, 11))
    logits[:, n_answers - 1 : BLANK] = -40
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def test_the_probabilities_of_all_texts_add_up_to_one():
    texts = ["".join(digits) for n in range(5) for digits in product("01", repeat=n)]
    assert np.exp(-text_costs(random_line(4, 3), texts)).sum() == pytest.approx(1)


@pytest.mark.parametrize("text", ["4", "407", "1124", "00"])
def test_a_texts_cost_is_torchs_loss(text):
    log_probs = random_line(9)
    target = torch.tensor([[int(digit) for digit in text]])
    loss = torch.nn.functional.ctc_loss(
        torch.from_numpy(log_probs)[:, None], target, [9], [len(text)], blank=BLANK, reduction="sum"
    )
    assert text_costs(log_probs, ["", text, "99999"])[1] == pytest.approx(float(loss))


def test_a_text_that_finds_no_room_costs_infinitely_much():
    assert np.isfinite(text_costs(random_line(3), ["1234", "11", "111"])).tolist() == [False, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_the_likeliest_texts(seed):
    log_probs = random_line(6, 4, seed)
    every = ["".join(digits) for n in range(7) for digits in product("012", repeat=n)]
    costs = text_costs(log_probs, every)
    best = [every[i] for i in np.argsort(costs)[:3]]
    assert likely_texts(log_probs, 50)[:3] == best


def test_empty_columns_are_the_empty_text():
    nothing = np.log(np.eye(11)[[BLANK] * 5] + 1e-9)
    assert likeliest_text(nothing) == "" and likely_texts(nothing)[0] == ""
    assert likely_texts(nothing[:0]) == [""]


def test_the_line_is_heard_about_each_digit():
    log_probs = np.log(0.9 * np.eye(11)[[BLANK, 4, BLANK, 0, BLANK]] + 0.1 / 11)
    digits, odds = weigh_digits(log_probs, "40")
    assert digits.shape == (2, 10) and digits.argmax(axis=1).tolist() == [4, 0]
    assert np.exp(digits).sum(axis=1) == pytest.approx([1, 1])
    assert (odds > 1).all()
    assert weigh_digits(log_probs, "490")[1][1] < 0, "nobody wrote a nine"


@pytest.mark.parametrize("text", ["4", "44", "407", "4407", "11911"])
def test_each_digit_is_weighed_as_if_every_other_text_were_tried(text):
    log_probs = random_line(14, seed=len(text))
    digits, odds = weigh_digits(log_probs, text)
    for i in range(len(text)):
        others = -text_costs(log_probs, [f"{text[:i]}{digit}{text[i + 1 :]}" for digit in range(10)])
        without = -text_costs(log_probs, [text[:i] + text[i + 1 :]])[0]
        assert digits[i] == pytest.approx(others - np.logaddexp.reduce(others))
        assert odds[i] == pytest.approx(np.logaddexp.reduce(others) - without)


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_a_strip_has_one_height_and_digits_of_one_size(scale):
    strokes = np.zeros((round(60 * scale), round(200 * scale)), np.float32)
    strokes[round(10 * scale) : round(50 * scale), round(20 * scale) : round(30 * scale)] = 1
    strip = to_strip(strokes, 40 * scale)
    rows = np.flatnonzero(strip.max(axis=1) > 128)
    assert strip.dtype == np.uint8 and strip.shape == (STRIP_HEIGHT, 100 + 8)
    assert abs(len(rows) - 20) <= 1 and abs(rows.mean() - 15.5) <= 1


def test_what_reaches_above_the_strip_is_cut_off():
    assert to_strip(np.ones((500, 30), np.float32), 20).shape == (STRIP_HEIGHT, 38)
    assert to_strip(np.zeros((5, 1), np.float32), 20).max() == 0


def test_it_reads_digits_that_touch(examples):
    from digits.finding.digit import find_digit

    inks = [find_digit(examples[digit]).ink for digit in (3, 5, 2)]
    cut = [ink[4:24][:, ink.max(axis=0) > 60] for ink in inks]
    line = np.concatenate(cut, axis=1).astype(np.float32) / 255
    log_probs = LineReader().read(np.pad(line, 3), 20)
    assert log_probs.shape[1] == 11 and np.exp(log_probs).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert likeliest_text(log_probs) == "352"


def test_it_takes_lines_of_any_length():
    reader = LineReader(threads=1)
    for width in (1, 7, 3000):
        blank = np.zeros((40, width), np.float32)
        assert likeliest_text(reader.read(blank, 30)) == ""


def test_a_missing_or_foreign_network_is_one_sentence(tmp_path: Path):
    with pytest.raises(UserError, match="no lines.onnx; make it with: python train_lines.py"):
        LineReader(tmp_path / "lines.onnx")
    (tmp_path / "lines.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="not a network exported by train_lines.py"):
        LineReader(tmp_path / "lines.onnx")


def test_a_long_line_takes_no_longer_than_its_length():
    """A thousand columns and a hundred digits: what is heard of each digit costs one pass to and one fro."""
    log_probs = random_line(1000)
    started = time.perf_counter()
    text = likely_texts(log_probs)[0]
    weigh_digits(log_probs, text)
    assert len(text) > 90 and time.perf_counter() - started < 5


def test_a_text_takes_its_cheapest_way():
    steps = [Step(0, 1, 1.0, 0), Step(1, 2, 1.0, 1), Step(0, 2, 1.5, 2), Step(1, 2, 0.2, None)]
    digits = np.full((3, 10), 9.0)
    digits[0, 4] = digits[1, 7] = digits[2, 9] = 0.1
    spelt = cheapest_spellings(3, steps, digits, ["47", "9", "4", "", "555"])
    assert [round(cost, 2) for cost, _way in spelt] == [2.2, 1.6, 1.3, np.inf, np.inf]
    assert [[step.candidate for step in way] for _cost, way in spelt[:3]] == [[0, 1], [2], [0, None]]


def test_a_line_through_the_reader_is_the_strip_trained_on(examples):
    """A digit of any height is as high in the strip as its line says, whatever the picture's resolution."""
    strokes = np.zeros((100, 60), np.float32)
    cv2.line(strokes, (30, 10), (30, 90), 1.0, 8)
    small = cv2.resize(strokes, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert np.abs(to_strip(strokes, 80).astype(int) - to_strip(small, 40)).mean() < 2
