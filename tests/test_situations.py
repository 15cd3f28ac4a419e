"""The example drawings, written into the situations of everyday life, are still read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.situations import SITUATIONS, draw
from digits.finding.digit import to_ink
from digits.reading.verdict import OK
from predict import MNISTPredictor
from utils import ASSETS_DIR


@pytest.fixture(scope="module")
def examples() -> list[np.ndarray]:
    return [to_ink(ASSETS_DIR / "examples" / f"{digit}.png") for digit in range(10)]


@pytest.mark.parametrize("name", SITUATIONS)
def test_nine_of_ten_are_read_whatever_is_around_them(name, examples):
    answers = MNISTPredictor().predict_batch(draw(name, ink, seed=digit) for digit, ink in enumerate(examples))
    right = [prediction.digit == digit for digit, prediction in enumerate(answers)]
    assert sum(right) >= 9, f"misread: {[digit for digit in range(10) if not right[digit]]}"


def test_no_one_within_a_ring_is_surely_a_nought():
    """With its ring, a slanting 1 looks like a 0 with a bar; without, like a 1: it may be either."""
    surely = []
    for lean in np.linspace(0.2, 0.5, 7):
        picture = np.tile(np.linspace(190, 235, 200, dtype=np.float32)[:, None], (1, 200))  # no flat ground
        cv2.circle(picture, (100, 100), 60, 60.0, 4, cv2.LINE_AA)
        foot, head = (round(100 - 70 * lean), 130), (round(100 + 70 * lean), 70)
        cv2.line(picture, foot, head, 60.0, 9, cv2.LINE_AA)
        answer = MNISTPredictor().predict(picture.astype(np.uint8))
        surely += [answer.digit] if answer.status == OK else []
    assert set(surely) <= {1}


def test_the_ring_of_a_dotted_zero_is_no_frame():
    zero = np.full((60, 60), 255, np.uint8)
    y, x = np.mgrid[0:60, 0:60]
    radius = np.hypot((x - 30) / 18, (y - 30) / 27)
    zero[(radius > 0.85) & (radius < 1.05)] = 0
    zero[24:37, 28:32] = 0
    assert MNISTPredictor().predict(zero).digit == 0
