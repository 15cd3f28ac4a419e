"""Ruled lines and squares, taken off;
strokes that cross them stay.

    without_rules(mask)                    # of one digit: lines that run out of the picture on both sides
    erase_rules(contrast, frame)           # of a page: thin marks right across it, level or upright
"""

from __future__ import annotations

import cv2
import numpy as np

LEAST_RULED = 40  # pixels; in smaller pages there is no ruling


def without_rules(mask: np.ndarray) -> np.ndarray:
    """Return the uint8 mask without ruled lines: thin, straight, nearly level, running out of the picture at both ends.

    Where a stroke crosses or stands on the line, the stroke stays.
    """
    height, width = mask.shape
    margin = max(2, width // 25)
    sides = [(0.0, y) for y in _runs(mask[:, :margin])] + [(width - 1.0, y) for y in _runs(mask[:, -margin:])]
    if not sides:
        return mask
    edges = [(x, 0.0) for x in _runs(mask[:margin].T)] + [(x, height - 1.0) for x in _runs(mask[-margin:].T)]
    for i, start in enumerate(sides):
        for end in sides[i + 1 :] + edges:
            if abs(end[0] - start[0]) > 0.5 * width and abs(end[1] - start[1]) < 0.35 * abs(end[0] - start[0]):
                mask = _without_line(mask, start, end)
    return mask


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
    erased = np.where((apart <= reach) & ~stroke & along, 0, mask).astype(np.uint8)
    return erased if erased.sum() > 0.25 * mask.sum() else mask


def erase_rules(contrast: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Take ruled lines and squares off: thin level or upright marks right across the picture; what crosses stays."""
    if min(contrast.shape) < LEAST_RULED:
        return contrast
    level = level_rules(contrast, frame)
    upright = level_rules(np.ascontiguousarray(contrast.T), np.ascontiguousarray(frame.T)).T
    thick = max(3, round(0.012 * max(contrast.shape))) + 3
    faint = contrast > 0.12
    crosses_level = _runs_down(faint & ~upright, thick)
    crosses_upright = _runs_down((faint & ~level).T, thick).T
    erased = (level & ~crosses_level) | (upright & ~crosses_upright)
    return np.where(erased, 0, contrast).astype(np.float32)


def _runs_down(marks: np.ndarray, least: int) -> np.ndarray:
    """Return where `marks`, boolean (h, w), run on downwards for at least so many pixels, and a pixel beside."""
    opened = cv2.morphologyEx(marks.astype(np.uint8), cv2.MORPH_OPEN, np.ones((least, 1), np.uint8), borderValue=0)
    return cv2.dilate(opened, np.ones((1, 3), np.uint8)) > 0


def level_rules(contrast: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return the boolean mask of level rules: faint or full, thin, and nearly as long as the picture is wide there.

    Ink much darker than the rule it lies on is no part of it.
    """
    height, width = contrast.shape
    faint = (contrast > 0.12).astype(np.uint8)
    bridged = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones((1, max(3, width // 50)), np.uint8))
    runs = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones((1, max(12, width // 8)), np.uint8), borderValue=0)
    n, labels, stats, centres = cv2.connectedComponentsWithStats(cv2.dilate(runs, np.ones((3, 1), np.uint8)))
    rules = np.zeros(contrast.shape, bool)
    for i in range(1, n):
        left, top, wide, high, area = stats[i]
        if wide > 0.8 * frame[int(centres[i, 1])].sum() and area < max(6, 0.03 * height) * wide:
            place = slice(top, top + high), slice(left, left + wide)
            along = labels[place] == i
            usual = np.median(contrast[place][along & (faint[place] > 0)])
            rules[place] |= along & (contrast[place] < 2 * usual)
    return rules
