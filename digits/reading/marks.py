"""Marks that the line reader takes for a symbol, and that are none: = for a -, a blot for a digit.

The line reader knows the digits, seven signs and "other writing"; what it never saw becomes the nearest of them.

    ink = strip[:, left:right] > level         # one symbol's, bool (h, w)
    why_not("-", ink)                          # "two strokes", or "" for an ordinary -
"""

from __future__ import annotations

import numpy as np

from digits.finding.strokes import fatness

BLOT = 0.6  # as fat in a strip, see `fatness`, is no digit: 4 of 892 drawn ones are, and 36 of 40 punched holes


def why_not(symbol: str, ink: np.ndarray) -> str:
    """Return why the ink, bool (h, w), is hardly the symbol it was read as; nothing if it may well be."""
    if symbol == "-":
        return "two strokes" if _is_double(ink) else ""
    return "filled" if symbol.isdigit() and symbol != "1" and fatness(ink) > BLOT else ""


def _is_double(ink: np.ndarray) -> bool:
    """Whether most columns of the ink, bool (h, w), meet two strokes at half of its height, where no ruled line is."""
    rim = len(ink) // 6
    ink = ink[rim:-rim, ink[rim:-rim].any(axis=0)].astype(int)
    n_strokes = ink[0] + (np.diff(ink, axis=0) > 0).sum(axis=0)
    return bool(ink.size and np.median(n_strokes) >= 2)
