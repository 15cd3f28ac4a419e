"""Marks that the line reader takes for a symbol, and that are none: = for a -, a blot for a digit, a slash for a 1.

The line reader knows the digits, six signs and "other writing"; what it never saw becomes the nearest of them.

    ink = strip[:, left:right] > level         # one symbol's, bool (h, w)
    why_not("-", ink)                          # "two strokes", or "" for an ordinary -
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.strokes import fatness

BLOT = 0.6  # as fat in a strip, see `fatness`, is no digit: 4 of 892 drawn ones are, and 36 of 40 punched holes
SLANT, STRAIGHT = 0.9, 1.5  # columns a row that a straight stroke leans, and by how many it bends: few 1s lean by 0.8


def why_not(symbol: str, ink: np.ndarray) -> str:
    """Return why the ink, bool (h, w), is hardly the symbol it was read as; nothing if it may well be."""
    if symbol == "-":
        return "two strokes" if _is_double(ink) else ""
    if symbol == "1":
        return "a slanting stroke" if _is_slanting(ink) else ""
    return "filled" if symbol.isdigit() and is_blot(ink) else ""


def is_blot(ink: np.ndarray) -> bool:
    """Whether the ink, bool (h, w), is a filled spot, as a punched hole or a blot is."""
    return fatness(ink) > BLOT


def _is_slanting(ink: np.ndarray) -> bool:
    """Whether the largest part of the ink, bool (h, w), is a straight stroke that leans as through an empty cell."""
    _n, labels, stats, _middles = cv2.connectedComponentsWithStats(ink.astype(np.uint8))
    if len(stats) < 2:
        return False
    stroke = labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    rows = np.flatnonzero(stroke.any(axis=1))
    if len(rows) < len(ink) / 2:
        return False
    middles = stroke[rows] @ np.arange(ink.shape[1]) / stroke[rows].sum(axis=1)
    slant, start = np.polyfit(rows, middles, 1)
    return abs(slant) > SLANT and float(np.abs(start + slant * rows - middles).max()) < STRAIGHT


def _is_double(ink: np.ndarray) -> bool:
    """Whether most columns of the ink, bool (h, w), meet two strokes at half of its height, where no ruled line is."""
    rim = len(ink) // 6
    ink = ink[rim:-rim, ink[rim:-rim].any(axis=0)].astype(int)
    n_strokes = ink[0] + (np.diff(ink, axis=0) > 0).sum(axis=0)
    return bool(ink.size and np.median(n_strokes) >= 2)
