"""Marks that the line reader takes for a symbol, and that are none: = for a -, a blot for a digit.

The line reader knows the digits, seven signs and "other writing"; what it never saw becomes the nearest of them.

    ink = strip[:, left:right] > level         # one symbol's, bool (h, w)
    why_not("-", ink)                          # "two strokes", or "" for an ordinary -
"""

from __future__ import annotations

import numpy as np

from digits.finding.pixels import bounding_box
from digits.finding.strokes import fatness

BLOT = 0.6  # as fat in a strip, see `fatness`, is no digit: 4 of 892 drawn ones are, and 36 of 40 punched holes


def why_not(symbol: str, ink: np.ndarray) -> str:
    """Return why the ink, bool (h, w), is hardly the symbol it was read as; nothing if it may well be."""
    left, top, right, bottom = bounding_box(ink)
    ink = ink[top:bottom, left:right]
    if not ink.size:
        return ""
    if symbol == "-" and np.median(_strokes_met(ink)) >= 2:
        return "two strokes"
    return "filled" if symbol.isdigit() and symbol != "1" and fatness(ink) > BLOT else ""


def _strokes_met(ink: np.ndarray) -> np.ndarray:
    """Return how many strokes each column of the ink, (h, w), meets: (w,)."""
    return ink[0].astype(int) + (np.diff(ink.astype(int), axis=0) > 0).sum(axis=0)
