"""What a teacher says of augmented copies is a target, asked for once and kept."""

from __future__ import annotations

import numpy as np
import pytest

from digits.learning import distil
from digits.learning.augment import Augment


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("digits.learning.cache.OUTPUTS_DIR", tmp_path / "outputs")


class Teacher:
    """Says 3 of everything, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.asked += 1
        return np.tile(np.eye(10, dtype=np.float32)[3], (len(ink), 1)), np.full(len(ink), np.log(3.0))


def test_a_target_is_the_digits_and_the_rest_is_no_digit():
    target = distil.targets_of(np.full((2, 10), 0.1, np.float32), np.array([0.0, 1000.0]))
    assert target.sum(axis=1) == pytest.approx([1, 1])
    assert target[:, 10] == pytest.approx([0.5, 0])


def test_the_teacher_is_asked_once_for_each_copy_and_never_again():
    ink, teacher = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8), Teacher()
    augment = Augment({"rotation": 10.0})
    drawn, targets = distil.teach(ink, augment, teacher, copies=3, key="a")
    assert drawn.shape == (15, 28, 28) and drawn.dtype == np.uint8
    assert (drawn[:5] != drawn[5:10]).any(), "each copy is drawn anew"
    assert targets[:, 3] == pytest.approx(0.75) and targets[:, 10] == pytest.approx(0.25)
    again = distil.teach(ink, augment, teacher, copies=3, key="a")
    assert teacher.asked == 3 and (again[0] == drawn).all()
    distil.teach(ink, augment, teacher, copies=3, key="another teacher")
    assert teacher.asked == 6
