"""From the finder's map of a page to lines with a slant, and from a line to its strip."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from digits.command import UserError
from digits.finding.strip import DIGIT_HEIGHT, MARGIN, PAPER, STRIP_HEIGHT, to_strip
from digits.reading.engines import SurroundingsNetwork
from digits.reading.finder import to_page
from digits.reading.zones import Zone, zones_of


def a_map(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Probabilities of a page of 60 x 100 places that hold numbers in the boxes (left, top, right, bottom)."""
    probabilities = np.zeros((60, 100), np.float32)
    for left, top, right, bottom in boxes:
        probabilities[top:bottom, left:right] = 0.9
    return probabilities


NOTHING = a_map()


def test_a_zone_is_a_line_of_digits():
    (zone,) = zones_of(a_map((10, 20, 50, 23)), NOTHING)
    assert (zone.x, zone.length, zone.y) == pytest.approx((40, 160, 86))
    assert zone.height == pytest.approx(0.9 * 4 * 3 / 0.6) and zone.slope == pytest.approx(0, abs=0.01)


def test_rows_that_a_zone_covers_in_part_count_in_part():
    soft = a_map((10, 20, 50, 23))
    soft[19, 10:50], soft[23, 10:50] = 0.2, 0.4  # from 4 / 5 of row 19 on, to 2 / 5 of row 23
    (zone,) = zones_of(soft, NOTHING)
    assert zone.height == pytest.approx(4 * (0.9 * 3 + 0.6) / 0.6)
    assert zone.y == pytest.approx(4 * (21.5 + 0.1), abs=0.2)


def test_lines_one_below_the_other_stay_apart():
    assert len(zones_of(a_map((10, 10, 50, 13), (10, 17, 50, 20)), NOTHING)) == 2


def test_pieces_of_one_line_are_joined_and_distant_ones_are_not():
    assert len(zones_of(a_map((10, 20, 30, 24), (34, 20, 50, 24)), NOTHING)) == 1
    assert len(zones_of(a_map((10, 20, 30, 24), (60, 20, 80, 24)), NOTHING)) == 2


def test_what_is_rather_other_writing_is_no_number():
    assert zones_of(a_map((10, 20, 50, 23)), 0.99 * (a_map((5, 15, 60, 30)) > 0)) == []


def test_doubtful_writing_joined_to_a_number_is_read_with_it():
    """A network that takes 005151 for a word but for its last digit must not make it a 1."""
    number = a_map((40, 20, 50, 23)) + np.float32(0.1) * (a_map((10, 20, 40, 23)) > 0)
    (zone,) = zones_of(number, 0.9 * (a_map((10, 20, 40, 23)) > 0))
    assert (zone.x, zone.length) == pytest.approx((40, 160))
    assert zones_of(0.1 * (a_map((10, 20, 50, 23)) > 0), a_map((10, 20, 50, 23))) == [], "with nothing sure beside it"


def test_a_word_beside_a_number_is_left_out():
    word = 0.95 * (a_map((10, 20, 40, 23)) > 0)
    (zone,) = zones_of(a_map((40, 20, 50, 23)) + 0.01 * word, word)
    assert (zone.x, zone.length) == pytest.approx((160, 40))


def test_a_slanting_line_has_a_slope():
    turned = cv2.warpAffine(a_map((15, 28, 85, 32)), cv2.getRotationMatrix2D((50, 30), -8, 1.0), (100, 60))
    (zone,) = zones_of(turned, NOTHING)
    assert zone.slope == pytest.approx(np.tan(np.radians(8)), abs=0.02)


@pytest.mark.parametrize("degrees", [-9, 0, 9])
def test_the_strip_of_a_slanting_line_is_level_and_leads_back(degrees):
    page = np.full((200, 400), 230, np.uint8)
    page[95:105, 100:300] = 20  # a bar in the middle of digits 40 high
    turned = cv2.warpAffine(page, cv2.getRotationMatrix2D((200, 100), -degrees, 1.0), (400, 200), borderValue=230)
    slope = float(np.tan(np.radians(degrees)))
    strip, to_picture = Zone(100, 100 - 100 * slope, 200, 40, slope, 1.0).cut(turned)
    rows, columns = np.nonzero(strip > 160)
    assert strip.shape[0] == STRIP_HEIGHT and np.ptp(rows) <= 6 and abs(rows.mean() - 15.5) < 1
    middle = to_picture @ [columns.mean() + 0.5, rows.mean() + 0.5, 1]
    assert middle == pytest.approx([200, 100], abs=2)


@pytest.mark.parametrize("ink, paper", [(0, 255), (255, 0), (180, 200)])
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_ink_is_bright_and_digits_are_of_one_size(ink, paper, scale):
    grey = np.full((round(80 * scale), round(160 * scale)), paper, np.uint8)
    grey[round(20 * scale) : round(60 * scale), round(60 * scale) : round(80 * scale)] = ink
    strip = to_strip(grey, 40 * scale, 40 * scale)
    assert strip.shape == (STRIP_HEIGHT, 80 + 2 * MARGIN) and strip.dtype == np.uint8
    assert abs((strip[:, MARGIN + 35] > 160).sum() - DIGIT_HEIGHT) <= 2
    assert abs(int(strip[2, MARGIN + 5]) - PAPER) <= 2


def test_what_lies_beyond_the_picture_is_paper():
    strip = to_strip(np.full((10, 50), 128, np.uint8), 0, 40)
    assert strip.shape[0] == STRIP_HEIGHT and (strip == PAPER).all()


def test_what_is_written_in_a_shadow_is_as_bright_as_beside_it():
    paper = np.where(np.arange(400) < 230, 220, 110).astype(np.float32)  # a shadow's edge
    grey = np.repeat(paper[None], 60, axis=0)
    for left in range(20, 400, 40):
        grey[15:45, left : left + 5] *= 0.4
    strip = to_strip(grey.astype(np.uint8), 30, 30)
    lit, shaded = (strip[12:20, columns].max(axis=0) for columns in (np.s_[20:120], np.s_[180:260]))
    assert lit.max() > 180 and shaded.max() > 110
    assert abs(int(np.median(strip[:, 200:260])) - PAPER) < 12


def test_a_page_has_even_contrast_in_either_polarity():
    page = np.full((64, 64), 200, np.uint8)
    page[20:30, 20:40] = 50
    assert to_page(page)[25, 30] == to_page(255 - page)[25, 30] == 255
    assert to_page(page)[0, 0] == PAPER


def test_one_number_on_a_large_shaded_sheet_stays_the_darkest():
    page = np.broadcast_to(200 - np.linspace(0, 60, 1280), (960, 1280)).astype(np.uint8)
    page[500:530, 600:618] = 20
    seen = to_page(page)
    assert seen[515, 609] == 255
    assert seen[0, -1] < PAPER + 0.4 * (255 - PAPER), "the shaded side is no ink"


def test_a_missing_or_foreign_network_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="no lines.onnx; it comes with the project: git checkout models/lines.onnx"):
        SurroundingsNetwork("lines", directory=tmp_path)
    (tmp_path / "lines.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="not a network exported by train_readers.py"):
        SurroundingsNetwork("lines", directory=tmp_path)
