"""Lines written to train the line reader on: they repeat, are read from left to right, and may hold letters."""

from __future__ import annotations

import numpy as np
import pytest

from digits.learning import strips
from digits.learning.glyphs import NO_DIGIT
from digits.learning.handwriting import make_styles
from digits.learning.strips import LONGEST, WIDEST, make_strips, write_strip


@pytest.fixture(scope="module")
def written():
    return make_styles(60, 0)


def test_lines_repeat_for_a_seed_and_on_several_processes(written):
    one, two = (make_strips(*written, n=60, seed=3, workers=workers, chunk=20) for workers in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], make_strips(*written, n=60, seed=4, workers=1, chunk=20)[0])


def test_a_line_has_ink_and_at_most_six_digits(written):
    ink, texts = make_strips(*written, n=50, seed=0, workers=1)
    assert ink.shape == (50, 32, WIDEST) and ink.dtype == np.uint8 and ink.any(axis=(1, 2)).all()
    assert texts.shape == (50, LONGEST) and ((texts >= 0) & (texts <= NO_DIGIT)).all()
    n_digits = (texts != NO_DIGIT).sum(axis=1)
    widths = WIDEST - np.argmax(ink.any(axis=1)[:, ::-1], axis=1)
    assert np.corrcoef(n_digits, widths)[0, 1] > 0.7, "more digits, longer lines"
    for text, n in zip(texts, n_digits, strict=True):
        assert (text[:n] != NO_DIGIT).all(), "the padding is at the end"


def test_letters_are_nobodys_text(written, monkeypatch):
    monkeypatch.setattr(strips, "WORDS", 1.0)
    strip, text = write_strip(*written, np.random.default_rng(0))
    assert strip.any() and not len(text)
