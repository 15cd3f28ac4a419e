"""The part of a picture that is paper: inside a drawn frame or circle, or a sheet on a desk.

    region = framed(contrast)                      # boolean (h, w), or None where nothing is framed
    region = coloured_sheet(pixels, contrast)      # likewise of a sheet

Pixels are uint8, (h, w) or RGB (h, w, 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.finding.pixels import borders, fullness, slimness, to_grey

WRITTEN = 0.3  # contrast of what is looked at here; fainter marks frame nothing
RIM = 31  # pixels at working size: twice what a ring and its overlapping ends take
LEAST, MOST = 0.08, 0.95  # of a picture's pixels, that a frame or a sheet covers
FILLED = 0.7  # of a sheet, that is its own, or it is the hull of a digit; strokes fill less of what they stand in
GAP = 7  # pixels at working size, that a ring stays open less than
BOXY, ROUND = 0.85, 0.72  # of its narrowest rectangle, that a box or a sheet fills at least, and a ring: a circle 0.79


def framed(contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), inside a frame or circle drawn around something written, if there is one.

    One drawn in one go may stay open a little. Closing the gap may join the digit to it, so both are looked at.
    """
    dark = (contrast > WRITTEN).astype(np.uint8)
    closed = cv2.dilate(dark, np.ones((GAP, GAP), np.uint8))
    outline = max([*_holes(dark), *_holes(closed)], key=cv2.contourArea, default=None)
    region = None if outline is None else _inside(outline, dark)
    return region if region is not None and 0 < dark[region].mean() < FILLED else None


def ringed(contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), inside a ring, no box, that is drawn round all that is written, if one is."""
    region = framed(contrast)
    if region is None:
        return None
    outline = max(_outlines(region.astype(np.uint8)), key=len)
    around = cv2.dilate(region.astype(np.uint8), np.ones((RIM, RIM), np.uint8))
    outside = (contrast > WRITTEN) & (around == 0)
    return None if fullness(outline) > BOXY or outside.any() else region


def _holes(dark: np.ndarray) -> list[np.ndarray]:
    """Return the outlines of what the strokes, uint8 (h, w), enclose.

    Of a frame that is parted by strokes joined to it, the whole is among them; not of cells side by side.
    """
    contours, tree = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    parts: dict[int, list[np.ndarray]] = {}
    for contour, (*_others, parent) in zip(contours, tree[0] if contours else (), strict=True):
        if parent >= 0:
            parts.setdefault(parent, []).append(contour)
    parted = [holes for holes in parts.values() if len(holes) > 1 and min(map(fullness, holes)) < BOXY]
    wholes = [cv2.convexHull(np.concatenate(holes)) for holes in parted]
    return [hole for holes in parts.values() for hole in holes] + [whole for whole in wholes if _is_frame(whole)]


def _is_frame(hull: np.ndarray) -> bool:
    """Whether a hull is that of a box, or nearly of a circle: no 8's loops, no narrow nought's halves."""
    return fullness(hull) > ROUND and slimness(hull) > 0.75


def coloured_sheet(pixels: np.ndarray, contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), of a sheet on a desk, if there is one: four corners, coloured or light.

    Or lighter than other light things, since a room may have those.
    """
    grey = to_grey(pixels)
    _level, light = cv2.threshold(grey, 0, 1, cv2.THRESH_OTSU)
    patches = [(contrast > WRITTEN).astype(np.uint8), light]
    if light.any():
        level, _ = cv2.threshold(grey[light > 0], 0, 1, cv2.THRESH_OTSU)
        patches += [(grey > level).astype(np.uint8)]
    regions = (_sheet(outline, patch) for patch in patches for outline in _outlines(patch))
    return next((region for region in regions if region is not None), None)


def _outlines(patch: np.ndarray) -> Sequence[np.ndarray]:
    """Return the outlines of the parts of a patch, uint8 (h, w)."""
    return cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]


def _sheet(outline: np.ndarray, patch: np.ndarray) -> np.ndarray | None:
    """Return the inside, boolean (h, w), of a part of a patch that has four corners and the desk round it, or None."""
    region = _inside(outline, patch)
    if region is None or fullness(cv2.convexHull(outline)) < BOXY:
        return None
    is_on_desk = borders(np.array(cv2.boundingRect(outline)), patch.shape).sum() < 2
    return region if is_on_desk and patch[region].mean() > FILLED else None  # not the hull of a digit's own strokes


def _inside(outline: np.ndarray, patch: np.ndarray) -> np.ndarray | None:
    """Return the inside, boolean (h, w), of an outline's hull, without its rim; None of a small one."""
    if not LEAST < cv2.contourArea(outline) / patch.size < MOST:
        return None
    filled = cv2.fillConvexPoly(np.zeros_like(patch), cv2.convexHull(outline), 1)
    region = cv2.erode(filled, np.ones((7, 7), np.uint8)) > 0
    return region if region.any() else None
