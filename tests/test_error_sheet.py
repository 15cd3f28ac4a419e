"""Contact sheets: what is on them, in which order, and that a clean run leaves none."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digits.measuring import error_sheet, labelled
from digits.measuring.labelled import Answers, Sample
from digits.reading.verdict import NO_DIGIT


def answers_of(rows) -> Answers:
    """Answers from (label, digit, confidence, status)."""
    labels, digits, confidences, statuses = zip(*rows, strict=True)
    probabilities = np.full((len(rows), 10), 0.0, np.float32)
    probabilities[:, 0] = confidences
    ink = np.random.default_rng(0).integers(0, 256, (len(rows), 28, 28), dtype=np.uint8)
    samples = [Sample(image, label, "me", f"{i}.png") for i, (image, label) in enumerate(zip(ink, labels, strict=True))]
    scores = np.zeros(len(rows))
    return Answers(samples, np.array(labels), np.array(digits), probabilities, np.array(statuses), scores, ink)


ROWS = [
    (3, 3, 0.99, "ok"),
    (3, 8, 0.70, "ok"),
    (3, 8, 0.90, "unsure"),
    (5, 5, 0.55, "unsure"),
    (NO_DIGIT, 7, 0.80, "ok"),
    (NO_DIGIT, 7, 0.40, "unsure"),
    (NO_DIGIT, NO_DIGIT, 0.30, "not_a_digit"),
    (6, NO_DIGIT, 0.10, "blank"),
]


def test_errors_come_first_the_surest_first_then_the_unsure():
    assert error_sheet.choose(answers_of(ROWS)) == [2, 4, 1, 7, 3, 5]


def test_a_sheet_holds_a_tile_for_each(tmp_path):
    error_sheet.draw_gallery(answers_of(ROWS), tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (6 * (2 * error_sheet.SIDE + 12), error_sheet.SIDE + 36)
    error_sheet.draw_gallery(answers_of(ROWS * 3), tmp_path / "many.png", limit=9)
    with Image.open(tmp_path / "many.png") as sheet:
        assert sheet.size == (8 * (2 * error_sheet.SIDE + 12), 2 * (error_sheet.SIDE + 36))


def test_a_clean_run_removes_the_sheet_of_the_run_before(tmp_path):
    path = tmp_path / "sheet.png"
    error_sheet.draw_gallery(answers_of(ROWS), path)
    error_sheet.draw_gallery(answers_of(ROWS[:1]), path)
    assert not path.exists()


def test_a_picture_that_cannot_be_read_still_gets_its_tile(predictor, tmp_path):
    answers = labelled.answer(predictor, [Sample(b"no picture", 4, "me", "broken.png")])
    error_sheet.draw_gallery(answers, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()
