"""Glyphs, clean digits to make pictures of: an MNIST image or the strokes of a pen, redrawn with some pen and bent.

coverage = draw_glyph(glyph, rng)      # float32 (128, 128) in 0–1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np

from digits.finding.pixels import bounding_box

LONG = 80  # the longer side of a glyph while it is being drawn, in pixels
PAD = 24  # room around it for the pen and the bending
GLYPH_SIDE = LONG + 2 * PAD
CENTRED = np.stack(np.meshgrid(*[np.arange(GLYPH_SIDE, dtype=np.float32) - GLYPH_SIDE / 2] * 2), axis=-1)

Rng = np.random.Generator
Option = TypeVar("Option")
Strokes = Sequence[np.ndarray]  # each (n, 2) float, x to the right, y down
Glyph = np.ndarray | Strokes  # uint8 (28, 28), or pen strokes


def draw_glyph(glyph: Glyph, rng: Rng, pen: float | None = None, bent: float = 1.0) -> np.ndarray:
    """Return the glyph as float32 coverage (128, 128), redrawn with `pen`, or a random one, and bent a little.

    `bent` is how much, against the usual.
    """
    coverage = _from_ink(glyph, rng, pen) if isinstance(glyph, np.ndarray) else from_strokes(glyph, rng, pen)
    return bend(coverage, rng, bent)


def pen_width(rng: Rng) -> float:
    """A pen's width for a digit 80 high: 3 is a hairline, 10 is MNIST's, 24 a marker."""
    return float(np.exp(rng.normal(np.log(8.5), 0.5)).clip(2.5, 22))


def _from_ink(ink: np.ndarray, rng: Rng, pen: float | None = None) -> np.ndarray:
    left, top, right, bottom = bounding_box(ink > 30)
    cut = cv2.copyMakeBorder(ink[top:bottom, left:right], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    scale = LONG / max(right - left, bottom - top)
    large = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    way = rng.random()
    if way < (0.15 if pen else 0.3):
        return in_frame(np.clip(large, 0, 1))
    solid = (large > 0.5).astype(np.uint8)
    if way < 0.65 or (pen and pen < 14):
        return in_frame(_redraw(solid, pen or pen_width(rng)))
    change = rng.normal(0, 3.0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(min(5, abs(change))) + 1,) * 2)
    padded = cv2.copyMakeBorder(solid, 8, 8, 8, 8, cv2.BORDER_CONSTANT, value=0)
    changed = cv2.dilate(padded, kernel) if change > 0 else cv2.erode(padded, kernel)
    return in_frame((changed if changed.sum() > 0.35 * padded.sum() else padded).astype(np.float32))


def _redraw(solid: np.ndarray, pen: float) -> np.ndarray:
    """Replace strokes of any width by ones of width `pen` along their middle line."""
    solid = cv2.copyMakeBorder(solid, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    ridge = (depth > 0.8 * cv2.dilate(depth, np.ones((5, 5), np.uint8))) & (depth > 1.2)
    apart = cv2.distanceTransform(1 - ridge.astype(np.uint8), cv2.DIST_L2, 3)
    return np.clip(pen / 2 - apart + 0.5, 0, 1).astype(np.float32)


def from_strokes(strokes: Strokes, rng: Rng, pen: float | None = None) -> np.ndarray:
    """Return pen strokes as coverage, float32 (128, 128), drawn with `pen`, or a random one."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = LONG / max(float((high - low).max()), 1e-6)
    image = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.uint8)
    offset = PAD + (LONG - (high - low) * scale) / 2
    thickness = max(1, round(pen or pen_width(rng)))
    for stroke in strokes:
        path = ((stroke - low) * scale + offset) * 16  # four fractional bits
        cv2.polylines(image, [path.round().astype(np.int32)], False, 255, thickness, cv2.LINE_AA, shift=4)
    return image.astype(np.float32) / 255


def in_frame(coverage: np.ndarray) -> np.ndarray:
    """Return coverage, float32 (h, w), in the middle of a frame, float32 (128, 128); what is larger is cut off."""
    frame = np.zeros((GLYPH_SIDE, GLYPH_SIDE), np.float32)
    height, width = (min(side, GLYPH_SIDE) for side in coverage.shape)
    top, left = (GLYPH_SIDE - height) // 2, (GLYPH_SIDE - width) // 2
    frame[top : top + height, left : left + width] = coverage[:height, :width]
    return frame


def bend(coverage: np.ndarray, rng: Rng, much: float = 1.0) -> np.ndarray:
    """Rotate, shear, stretch and distort elastically, `much` times as much as usual, in one resampling."""
    angle, shear = much * rng.normal(0, 0.12), much * rng.normal(0, 0.15)
    stretch = np.exp(much * rng.normal(0, 0.12))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1, shear], [0, 1]]) @ np.diag([stretch, 1 / stretch])
    source = CENTRED @ matrix.T.astype(np.float32) + np.float32(GLYPH_SIDE / 2)
    coarse = rng.normal(0, much * rng.uniform(0, 2.2), (5, 5, 2)).astype(np.float32)
    source += cv2.resize(coarse, (GLYPH_SIDE, GLYPH_SIDE), interpolation=cv2.INTER_CUBIC)
    return cv2.remap(coverage, source, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]  # OpenCV takes no second map


def resized(coverage: np.ndarray, scale: float, least_height: int = 1) -> np.ndarray:
    """Return coverage, float32 (h, w), `scale` times as large, a pixel wide and `least_height` high at least."""
    size = max(1, round(coverage.shape[1] * scale)), max(least_height, round(coverage.shape[0] * scale))
    return cv2.resize(coverage, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def lay(page: np.ndarray, piece: np.ndarray, left: int, top: int) -> None:
    """Lay coverage on a page, both float32, its corner at (left, top): the darker counts, what sticks out is cut."""
    y, x = max(0, top), max(0, left)
    inside = piece[y - top : max(0, page.shape[0] - top), x - left : max(0, page.shape[1] - left)]
    if inside.size:
        place = page[y : y + inside.shape[0], x : x + inside.shape[1]]
        np.maximum(place, inside, out=place)


def choose(options: dict[Option, float], rng: Rng) -> Option:
    """Return one of the options, drawn with probabilities in proportion to their weights."""
    weights = np.array(list(options.values()))
    return list(options)[rng.choice(len(options), p=weights / weights.sum())]
