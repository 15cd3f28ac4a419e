"""Lines: those to write on, taken off, whose crossing strokes stay; and those by which writing is crossed out.

without_rules(mask)                    # of one digit: lines that run out of the picture on both sides
without_base_line(mask)                # likewise, a line that ends, on which the digit stands
runs_through(ink)                      # whether a line of writing, cut to its length, has a stroke through it
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.pixels import bounding_box

MIDDLE = 0.125  # of a line's height: how far from its middle a stroke through it may lie, and half of what it may slant
ALL_ALONG = 0.95  # of its length, that such a stroke covers
LOW, OVERHANG = 0.7, 0.12  # of an underline: how far down, and how far beyond the writing


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Return the uint8 mask without ruled lines: thin, straight, nearly level, running out of the picture at both ends.

    Where a stroke crosses or stands on the line, the stroke stays.
    """
    width = mask.shape[1]
    margin = max(2, width // 25)
    sides = [(0.0, y) for y in _runs(mask[:, :margin])] + [(width - 1.0, y) for y in _runs(mask[:, -margin:])]
    for i, start in enumerate(sides):
        for end in sides[i + 1 :]:
            if abs(end[0] - start[0]) > 0.5 * width and abs(end[1] - start[1]) < 0.35 * abs(end[0] - start[0]):
                mask = _without_line(mask, start, end)
    return mask


def without_base_line(mask: np.ndarray) -> np.ndarray | None:
    """Return the boolean mask without a level line that the strokes stand on and that goes on at both sides, if any."""
    left, top, right, bottom = bounding_box(mask)
    strokes = mask[top:bottom, left:right].view(np.uint8)
    height, width = strokes.shape
    margin, upper = max(2, width // 25), strokes[: int(LOW * height)]
    if width == 1 or upper[:, :margin].any() or upper[:, -margin:].any():
        return None
    (start, *more), (end, *others) = _runs(strokes[:, :margin]), _runs(strokes[:, -margin:])
    if more or others:
        return None
    rest = _without_line(strokes, (0.0, start), (width - 1.0, end))
    first, _top, last, _bottom = bounding_box(rest)
    if rest is strokes or min(first, width - last) < OVERHANG * width:
        return None
    lighter = np.zeros_like(mask)
    lighter[top:bottom, left:right] = rest > 0
    return lighter


def _runs(band: np.ndarray) -> list[float]:
    """Return the middles of the runs of rows of `band` that hold ink."""
    flags = band.any(axis=1).astype(np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]])))
    return [(start + stop - 1) / 2 for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _without_line(mask: np.ndarray, start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    height, width = mask.shape
    columns = np.arange(width)
    line = start[1] + (columns - start[0]) * (end[1] - start[1]) / (end[0] - start[0])
    along = (columns >= min(start[0], end[0])) & (columns <= max(start[0], end[0]))
    apart = np.abs(np.arange(height)[:, None] - line)  # (h, w) rows from the line
    inked = mask > 0
    near = (apart <= 1.5) & inked
    covered = near[:, along].any(axis=0).mean()
    thickness = np.median(((apart <= 0.12 * height) & inked).sum(axis=0)[along])
    if covered < 0.85 or thickness > max(3.0, 0.09 * height):
        return mask
    reach = thickness / 2 + 2
    stroke = ((apart > reach) & (apart <= reach + 2) & inked).any(axis=0)
    return np.where((apart <= reach) & ~stroke & along, 0, mask).astype(np.uint8)


def runs_through(ink: np.ndarray) -> bool:
    """Whether one stroke, level or a little slanting, runs all along a line of writing, bool (h, w), in its middle."""
    height, width = ink.shape
    reach = round(MIDDLE * height)
    thick = cv2.dilate(ink.astype(np.uint8), np.ones((3, 1), np.uint8))
    columns = np.arange(width)
    middle = height // 2 + np.arange(-reach, reach + 1)[:, None]
    for rise in range(-reach, reach + 1):
        rows = middle + np.round(rise * (columns / width - 0.5)).astype(int)
        if thick[rows, columns].mean(axis=1).max() > ALL_ALONG:
            return True
    return False
