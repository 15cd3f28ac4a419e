"""Where there are spaces in numbers: the gaps of a picture are of two kinds, within its groups and between them.

    spaced(["1234", "18"], spans)         # ["12 34", "18"]

A line by itself cannot tell: of three digits far apart, 5 1 8, all gaps are alike, until another line has narrow ones.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from digits.reading.spans import Span

# In digit heights, chosen on drawn numbers of validation digits and on drawn cells, see docs/labbook.md.
SPACE, USUAL = 0.8, 0.9  # the narrowest gap between groups, the widest within
APART, FURTHER = 0.5, 0.3  # how much wider that is than this, and how much longer any step across a space than usual
LONE_SPACE = 1.5  # a gap between groups, where there is no other gap


def spaced(texts: list[str], spans: list[list[Span]]) -> list[str]:
    """Return the lines of one picture with a space in every wide gap.

    `spans` are where the symbols of each line stand along it, but for the spaces it has, in digit heights.
    """
    steps = [_steps(line) for line in spans]
    is_wide = iter(_are_wide(np.concatenate([np.zeros((0, 3)), *steps])))
    return [_with_spaces(text, [next(is_wide) for _step in line]) for text, line in zip(texts, steps, strict=True)]


def _steps(spans: list[Span]) -> np.ndarray:
    """Return how far it is from each symbol to the next, (n, 3): the gap, from left to left, from right to right."""
    steps = [(right[0] - left[1], right[0] - left[0], right[1] - left[1]) for left, right in pairwise(spans)]
    return np.array(steps).reshape(-1, 3)


def _are_wide(steps: np.ndarray) -> np.ndarray:
    """Return which of the steps (n, 3) lead across a space, bool (n,).

    In cells, the gap beside a narrow 1 is wide too, but from edge to edge it is as far as ever.
    """
    gaps = steps[:, 0]
    if len(gaps) < 2:
        return gaps > LONE_SPACE
    ordered = np.sort(gaps)
    first = int(np.diff(ordered).argmax()) + 1  # of the wide ones
    within, between = ordered[first - 1], ordered[first]
    if between < SPACE or within > USUAL or between - within < APART:
        return np.zeros(len(gaps), bool)
    is_wide = gaps >= between
    return is_wide & (steps > np.median(steps[~is_wide], axis=0) + FURTHER).all(axis=1)


def _with_spaces(text: str, before: list[bool]) -> str:
    """Return a text with a space before each of its symbols but the first where `before` says so."""
    is_wide = iter([False, *before])
    return " ".join("".join(symbol if symbol == " " or not next(is_wide) else f" {symbol}" for symbol in text).split())
