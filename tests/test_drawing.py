"""The drawing machine: what it says it drew is what it drew, and the same seed draws the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digits.finding.ink import INK_SIDE
from digits.finding.strip import PAPER, STRIP_HEIGHT
from digits.learning import furniture
from digits.learning.crops import draw_crop
from digits.learning.fields import draw_field, draw_strip
from digits.learning.handwriting import OLD_WAYS, make_styles, write_old, write_way
from digits.learning.lookalikes import draw_lookalike
from digits.learning.other_signs import OTHER_SIGNS
from digits.learning.pages import PAGE, Page, _any_piece, as_close_up, as_seen, as_sketch, draw_page
from digits.learning.pens import HELD_OUT, PENS, ballpoint
from digits.learning.signs import struck_out
from digits.learning.texts import SQUEEZED, any_text
from digits.learning.writing import Hand, Writer
from digits.reading.symbols import OTHER, SYMBOLS
from predict import MNISTPredictor


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer(*make_styles(200, 0))


PLAIN = Hand(pen=9, mixed=False, ink=ballpoint, lean=0.0, gap=0.3, uneven=0.0, touching=0.0)


def test_marks_lie_on_the_ink(writer):
    written = writer.write("407.5-1", 40, np.random.default_rng(0), PLAIN)
    assert "".join(mark.symbol for mark in written.marks) == "407.5-1"
    for mark in written.marks:
        inside = written.coverage[int(mark.top) : int(mark.bottom), int(mark.left) : int(mark.right)]
        assert inside.max() > 0.5 and inside.shape[0] <= 44
    assert [mark.left for mark in written.marks] == sorted(mark.left for mark in written.marks)


@pytest.mark.parametrize("lean", [-0.3, 0.0, 0.4])
def test_marks_end_where_the_ink_does_however_the_hand_leans(writer, lean):
    hand = replace(PLAIN, lean=lean)
    for seed, digit in enumerate("1174"):
        written = writer.write(digit, 60, np.random.default_rng(seed), hand)
        inked = np.flatnonzero((written.coverage > 0.2).any(axis=0))
        (mark,) = written.marks
        assert [mark.left, mark.right] == pytest.approx([inked[0], inked[-1] + 1], abs=2)


def test_a_pitch_gives_every_digit_its_cell(writer):
    hand = replace(PLAIN, pitch=1.5)
    middles = [(m.left + m.right) / 2 for m in writer.write("2468", 40, np.random.default_rng(0), hand).marks]
    assert np.diff(middles) == pytest.approx([60] * 3, abs=16)


def test_texts_hold_nothing_but_symbols():
    rng = np.random.default_rng(0)
    texts = [any_text(rng) for _ in range(500)]
    assert set("".join(texts)) == {*SYMBOLS, SQUEEZED}
    assert 0.01 < np.mean([text == "" for text in texts]) < 0.1 and any(OTHER in text for text in texts)


def test_a_digit_squeezed_in_is_other_writing_above_a_gap(writer):
    written = writer.write(f"4{SQUEEZED}7", 40, np.random.default_rng(3))
    left, small, right = written.marks
    assert [left.symbol, small.symbol, right.symbol] == ["4", OTHER, "7"]
    assert small.bottom - small.top < 0.7 * 40 and small.bottom < written.base - 10
    assert left.left < (small.left + small.right) / 2 < right.right


def test_strips_are_of_one_height_and_say_what_is_seen(writer):
    rng = np.random.default_rng(1)
    for _ in range(60):
        strip, text = draw_strip(writer, rng)
        assert strip.shape[0] == STRIP_HEIGHT and strip.dtype == np.uint8 and set(text) <= set(SYMBOLS)
        assert text == " ".join(text.split())


def test_the_truth_of_a_page_lies_where_there_is_ink(writer):
    rng = np.random.default_rng(2)
    inked = []
    for _ in range(30):
        picture, truth = draw_page(writer, rng)
        assert picture.shape == (192, 256) and truth.shape == (2, 48, 64) and truth.dtype == np.uint8
        if (truth[0] > 127).sum() > 20:
            zone = np.kron(truth[0], np.ones((4, 4), np.uint8)) > 127
            inked.append(picture[zone].std() / (picture.std() + 1e-6))
    assert np.mean(inked) > 0.9, "numbers are no emptier than the rest of the page"


def test_a_piece_of_a_page_lies_amid_paper_with_its_part_of_the_truth(writer):
    rng = np.random.default_rng(4)
    pieces = 0
    for _ in range(40):
        picture, truth = draw_page(writer, rng)
        page, seen = as_seen(picture, truth, rng)
        assert page.shape == picture.shape and seen.shape == truth.shape
        outside = np.ones(page.shape, bool)
        outside[32:-32, 32:-32] = False
        if (page[outside] == PAPER).all():
            pieces += 1
            assert not np.kron(seen.max(axis=0), np.ones((4, 4), np.uint8))[outside].any()
    assert 8 < pieces < 28


@pytest.mark.parametrize("place", [np.s_[20:26, 63:], np.s_[47:, 10:30], np.s_[:1, :1]])
def test_a_piece_round_a_number_at_the_edge_is_not_empty(place):
    numbers = np.zeros((48, 64), bool)
    numbers[place] = True
    for seed in range(300):
        rows, columns = _any_piece(numbers, np.random.default_rng(seed))
        assert rows.stop - rows.start > 2 and columns.stop - columns.start > 2


def test_crops_hold_every_digit_and_some_that_are_none(writer):
    rng = np.random.default_rng(3)
    crops, labels = zip(*(draw_crop(writer, rng, PENS) for _ in range(150)), strict=True)
    assert {crop.shape for crop in crops} == {(48, 48)} and set(labels) == set(range(11))
    assert 0.1 < np.mean(np.array(labels) == 10) < 0.4


def test_lookalikes_are_digits_and_others_that_mnistnet_takes_for_one(writer):
    rng = np.random.default_rng(3)
    inks, are_digits = zip(*(draw_lookalike(writer, rng, PENS) for _ in range(60)), strict=True)
    _probabilities, scores = MNISTPredictor().predict_scores(np.stack(inks))
    assert scores.min() > 0 and 0.3 < np.mean(are_digits) < 0.7


@pytest.mark.parametrize(
    "draw",
    [
        draw_strip,
        draw_page,
        lambda writer, rng: draw_crop(writer, rng, HELD_OUT),
        lambda writer, rng: draw_lookalike(writer, rng, PENS),
    ],
)
def test_the_same_seed_draws_the_same(writer, draw):
    first, second = (draw(writer, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_no_pen_is_both_trained_with_and_held_out():
    assert not set(PENS) & set(HELD_OUT) and len(HELD_OUT) >= 2


def test_old_hands_know_every_digit():
    rng = np.random.default_rng(0)
    assert set(OLD_WAYS) == set(range(10))
    for digit in OLD_WAYS:
        strokes = write_old(digit, rng)
        assert all(len(path) > 1 and path.shape[1] == 2 for path in strokes)


def test_a_field_is_a_picture_with_its_text(writer):
    field = draw_field(writer, np.random.default_rng(5))
    assert field.picture.dtype == np.uint8 and field.picture.ndim == 2 and min(field.picture.shape) > INK_SIDE // 2
    assert field.left < field.right <= field.picture.shape[1] + field.height


def test_one_in_three_ones_is_a_straight_stroke(writer):
    rng = np.random.default_rng(0)
    straight = [_is_straight(writer.digit(1, 6.0, rng)) for _ in range(120)]
    assert 24 < sum(straight) < 100, "the writer's own 1s have hooks and feet, too"
    assert not any(_is_straight(writer.digit(3, 6.0, rng)) for _ in range(10))


def _is_straight(coverage: np.ndarray) -> bool:
    """Whether ink departs from one line by less than the pen's width."""
    rows, columns = np.nonzero(coverage > 0.5)
    slope, start = np.polyfit(rows, columns, 1)
    return bool(np.abs(columns - slope * rows - start).max() < 6)


def test_strokes_too_large_for_a_look_are_no_zone_and_a_sketched_digit_is_one(writer):
    for scene, is_marked in ((as_close_up, False), (as_sketch, True)):
        layers = np.zeros((4, *PAGE), np.float32)
        page = Page(layers[0], layers[1], 40.0, 0.0, 0.0, 0.0, layers[2], layers[3])
        scene(page, writer, PLAIN, np.random.default_rng(4))
        assert page.writing.max() > 0.5 and bool(page.numbers.max() > 0.5) == is_marked
        ink, zone = page.writing > 0.5, page.numbers > 0.5
        assert not is_marked or (ink & zone).any(axis=1).sum() > 15, "the zone lies on the digits"


def test_a_desk_hides_the_zones_it_covers(writer, monkeypatch):
    usual = [draw_page(writer, np.random.default_rng(seed)) for seed in range(30)]
    monkeypatch.setattr("digits.learning.pages._beyond", lambda _matrix, _rng: np.ones(PAGE, np.float32))
    hidden = [draw_page(writer, np.random.default_rng(seed)) for seed in range(30)]
    on_desk = [after[1] for before, after in zip(usual, hidden, strict=True) if (before[0] != after[0]).any()]
    assert len(on_desk) > 4 and not any(truth.any() for truth in on_desk)


def test_other_signs_are_other_writing_and_stand_where_they_belong():
    rng = np.random.default_rng(0)
    feet = {}
    for sign in OTHER_SIGNS:
        strokes = write_way(OTHER_SIGNS[sign], rng)
        assert all(stroke.ndim == 2 and stroke.shape[1] == 2 for stroke in strokes)
        feet[sign] = max(stroke[:, 1].max() for stroke in strokes)
    assert all(feet[sign] < 85 for sign in "=~*°") and all(feet[sign] > 85 for sign in "?!%€£#")
    assert not set(OTHER_SIGNS) & set(SYMBOLS)


def test_a_digit_struck_out_has_ink_beside_it():
    digit = np.zeros((80, 50), np.float32)
    for seed in range(20):
        drawn = struck_out(digit, 6, np.random.default_rng(seed))
        columns = np.flatnonzero(drawn.max(axis=0) > 0.5)
        assert drawn.shape == (80, 86) and columns[-1] - columns[0] > 50


def test_a_ring_lies_round_the_writing():
    sheet = furniture.Sheet(np.zeros((120, 200), np.float32), np.zeros((120, 200), np.float32), 40, 80, 60, 140)
    furniture.in_ring(sheet, [], PLAIN, np.random.default_rng(0))
    rows, columns = np.nonzero(sheet.writing > 0.5)
    assert rows.min() < 40 and rows.max() > 80 and columns.min() < 60 and columns.max() > 140
    assert not sheet.writing[48:72, 70:130].any() and not sheet.print.any()
