"""Imitated pictures are pictures, repeat for a seed, and keep their digit through preprocessing."""

from __future__ import annotations

import numpy as np
import pytest

from digits.finding.digit import find_digit
from digits.learning.gallery import main
from digits.learning.glyphs import draw_glyph
from digits.learning.handwriting import WAYS, make_styles, write
from digits.learning.non_digits import NON_DIGITS
from digits.learning.pictures import STYLES, imitate, make_pool
from digits.reading.verdict import NO_DIGIT


@pytest.fixture(scope="module")
def written():
    return make_styles(200, seed=0)


def test_there_are_several_ways_to_write_every_digit(written):
    assert set(WAYS) == set(range(10))
    assert min(len(ways) for ways in WAYS.values()) >= 5
    assert np.bincount(written[1]).tolist() == [20] * 10


def test_writing_repeats_for_a_seed_and_shakes_otherwise():
    first, same, other = (write(4, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert len(first) != len(other) or not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.__name__)
def test_every_style_gives_a_picture_in_which_a_digit_is_found(style, written):
    rng = np.random.default_rng(5)
    found = [find_digit(style(draw_glyph(glyph, rng), rng)) for glyph in written[0][:40]]
    assert sum(not item.is_blank for item in found) >= 37


@pytest.mark.parametrize("make", NON_DIGITS, ids=lambda make: make.__name__)
def test_every_kind_of_non_digit_is_drawn(make, written):
    rng = np.random.default_rng(5)
    coverage = make(rng, lambda: written[0][int(rng.integers(200))])
    assert coverage.shape == (128, 128)
    assert coverage.max() > 0.3


def test_a_pool_repeats_for_a_seed(written):
    first, same, other = (make_pool(*written, n=40, seed=seed, workers=1) for seed in (1, 1, 2))
    assert np.array_equal(first[0], same[0])
    assert np.array_equal(first[1], same[1])
    assert not np.array_equal(first[1], other[1])
    assert first[0].shape[1:] == (28, 28)
    assert 0 < (first[1] == NO_DIGIT).mean() < 0.6


def test_a_glyph_of_ink_and_one_of_strokes_are_both_drawn(written):
    rng = np.random.default_rng(0)
    ink = find_digit(imitate(written[0][3], rng)).ink
    for glyph in (ink, written[0][3]):
        assert draw_glyph(glyph, rng).max() > 0.9


def test_a_pool_made_by_two_processes_is_the_same(written):
    alone, shared = (make_pool(*written, n=60, seed=3, workers=workers, chunk=20) for workers in (1, 2))
    assert np.array_equal(alone[0], shared[0])
    assert np.array_equal(alone[1], shared[1])


def test_a_sheet_without_a_name_is_a_usage_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert capsys.readouterr().err.startswith("usage:")
