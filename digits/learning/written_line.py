"""Glyphs set side by side as a hand writes a number,
touching or apart.

    strokes, owner = write_line([draw_glyph(glyph, rng) for glyph in glyphs], rng)
    line, owner = crop_line(strokes, owner)        # as finding/lines.py would cut it out of a page
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.lines import Line
from digits.finding.pixels import bounding_box
from digits.learning.glyphs import Rng

INKED, FAINT = 0.3, 0.25  # where a stroke's pixel is surely ink, and below which it is noise


def write_line(
    glyphs: list[np.ndarray], rng: Rng, touching: float = 0.7, gap: float = 0.25, heights: tuple[int, int] = (40, 80)
) -> tuple[np.ndarray, np.ndarray]:
    """Set glyphs side by side: strokes, float32 (h, w) in 0-1, and each pixel's glyph or -1.

    The share `touching` of them touch the one before, the others keep up to `gap` digit heights away. A digit is some
    number of pixels between `heights` high.
    """
    height = rng.uniform(*heights)
    tall, right = round(1.6 * height), 2
    strokes = np.zeros((tall, round(1.6 * height * len(glyphs)) + 8), np.float32)
    owner = np.full(strokes.shape, -1, np.int64)
    for number, glyph in enumerate(glyphs):
        left, top, edge, bottom = bounding_box(glyph > INKED)
        scale = height * rng.uniform(0.88, 1.12) / max(edge - left, bottom - top)
        small = cv2.resize(glyph[top:bottom, left:edge], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        y = int(np.clip((tall - small.shape[0]) / 2 + rng.normal(0, 0.05) * height, 0, tall - small.shape[0]))
        x = right + round(rng.uniform(0, gap) * height)
        if number and rng.random() < touching:
            x = contact(strokes[y : y + small.shape[0]], small) - int(rng.integers(0, 2 + max(1, round(height / 20))))
        x = max(0, x)
        place = (slice(y, y + small.shape[0]), slice(x, x + small.shape[1]))
        owner[place][small > np.maximum(INKED, strokes[place])] = number
        np.maximum(strokes[place], small, out=strokes[place])
        right = max(right, x + small.shape[1])
    blurred = cv2.GaussianBlur(strokes, (0, 0), rng.uniform(0.3, 1.2))
    return np.clip(blurred + rng.normal(0, rng.uniform(0, 0.06), blurred.shape), 0, 1).astype(np.float32), owner


def contact(written: np.ndarray, glyph: np.ndarray) -> int:
    """Return the column at which `glyph`, pushed to the left, first touches what is written."""
    rows = np.flatnonzero((written > 0.4).any(axis=1) & (glyph > 0.4).any(axis=1))
    if not len(rows):
        return int(np.flatnonzero((written > 0.4).any(axis=0))[-1]) if (written > 0.4).any() else 0
    ends = written.shape[1] - np.argmax(written[rows, ::-1] > 0.4, axis=1)
    return int((ends - np.argmax(glyph[rows] > 0.4, axis=1)).max())


def crop_line(strokes: np.ndarray, owner: np.ndarray) -> tuple[Line, np.ndarray]:
    """Return the written line without margins and faint noise, as finding/lines.py would, and `owner` cut alike."""
    left, top, right, bottom = bounding_box(strokes > INKED)
    strokes, owner = strokes[top:bottom, left:right], owner[top:bottom, left:right]
    heights = [np.ptp(np.flatnonzero((owner == glyph).any(axis=1))) + 1 for glyph in np.unique(owner[owner >= 0])]
    return Line(0, 0, np.where(strokes > FAINT, strokes, 0), float(np.quantile(heights, 0.6))), owner
