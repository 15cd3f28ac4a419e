"""Where the symbols of a line stand: from their columns to spans of its strip, and to boxes in the picture.

spans = spans_of(spelt, strip)                        # [(left, right), …] in the strip's pixels
box = to_box(spans[0], to_picture, grey.shape)        # (left, top, right, bottom) in the picture's
"""

from __future__ import annotations

import numpy as np

from digits.finding.pixels import Box
from digits.finding.strip import DIGIT_HEIGHT, PAPER, STRIP_HEIGHT
from digits.reading.ctc import Spelt

HALF_WIDTH = 0.55  # of a digit's box, in digit heights, where no neighbour is nearer
INKED = 50  # levels above the paper

Span = tuple[float, float]  # left and right


def spans_of(spelt: Spelt, strip: np.ndarray) -> list[Span]:
    """Return (left, right) of each symbol in the strip's pixels: to where its neighbours begin, then to its ink."""
    middles = 2 * spelt.columns + 1
    half = HALF_WIDTH * DIGIT_HEIGHT
    ink = ink_at_digits(strip)
    between = [_border(ink, left, right) for left, right in zip(middles, middles[1:], strict=False)]
    lefts = np.maximum(middles - half, [0.0, *between])
    rights = np.minimum(middles + half, [*between, strip.shape[1]])
    inked = ink.max(axis=0) > INKED
    spans = []
    for left, right in zip(lefts, rights, strict=True):
        columns = np.flatnonzero(inked[round(left) : max(round(right), round(left) + 1)]) + round(left)
        spans.append((float(columns[0]), float(columns[-1] + 1)) if len(columns) else (left, right))
    return spans


def ink_at_digits(strip: np.ndarray) -> np.ndarray:
    """Return by how many levels a strip, uint8 (32, w), exceeds the paper at its digits' height: float32 (20, w)."""
    rim = (STRIP_HEIGHT - DIGIT_HEIGHT) // 2
    return strip[rim:-rim].astype(np.float32) - PAPER


def _border(ink: np.ndarray, left: float, right: float) -> float:
    """Return the column with the least ink between two symbols, of the middle half of the way from one to the other."""
    quarter = (right - left) / 4
    start = round(left + quarter)
    inked = ink[:, start : max(round(right - quarter), start + 1)].clip(0).sum(axis=0)
    emptiest = np.flatnonzero(inked == inked.min())
    return start + float(emptiest.mean()) + 0.5


def to_box(span: Span, to_picture: np.ndarray, shape: tuple[int, ...]) -> Box:
    """Return the upright box, in the picture's pixels, round a span of the strip at the height of its digits."""
    top, bottom = (STRIP_HEIGHT - DIGIT_HEIGHT) / 2, (STRIP_HEIGHT + DIGIT_HEIGHT) / 2
    corners = np.array([[x, y, 1.0] for x in span for y in (top, bottom)]) @ to_picture.T
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    left, top = np.clip(low, 0, np.array(shape[1::-1]) - 1)
    right, bottom = np.clip(high, 1, shape[1::-1])
    return int(left), int(top), int(right), int(bottom)
