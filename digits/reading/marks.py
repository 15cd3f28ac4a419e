"""Marks that the line reader takes for a symbol, and that are none: = for a -, a blot for a digit, a digit struck out.

The line reader knows the digits, seven signs and "other writing"; what it never saw becomes the nearest of them.

    ink = strip[:, left:right] > level         # one symbol's, bool (h, w)
    why_not("-", ink)                          # "two strokes", or "" for an ordinary -
"""

from __future__ import annotations

import numpy as np

from digits.finding.pixels import bounding_box
from digits.finding.rules import runs_through
from digits.finding.strokes import FAT, fatness

THIN_END = 0.3  # of its height: what is inked where a stroke through a digit stands out beside it
WITH_BARS = "247"  # their own strokes may stand out so


def why_not(symbol: str, ink: np.ndarray) -> str:
    """Return why the ink, bool (h, w), is hardly the symbol it was read as; nothing if it may well be."""
    left, top, right, bottom = bounding_box(ink)
    ink = ink[top:bottom, left:right]
    if not ink.size:
        return ""
    if symbol == "-" and np.median(_strokes_met(ink)) >= 2:
        return "two strokes"
    if symbol.isdigit() and fatness(ink) > FAT and symbol != "1":
        return "filled"
    return "crossed out" if symbol.isdigit() and symbol not in WITH_BARS and _is_struck(ink) else ""


def _strokes_met(ink: np.ndarray) -> np.ndarray:
    """Return how many strokes each column of the ink, (h, w), meets: (w,)."""
    return ink[0].astype(int) + (np.diff(ink.astype(int), axis=0) > 0).sum(axis=0)


def _is_struck(ink: np.ndarray) -> bool:
    """Whether a stroke through the middle, cut to the ink, stands out at a side, as the bar of no digit does."""
    heights = ink.sum(axis=0)
    is_thin = min(heights[:2].max(), heights[-2:].max()) < THIN_END * len(ink)
    return bool(is_thin) and runs_through(ink)
