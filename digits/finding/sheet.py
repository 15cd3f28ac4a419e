"""The part of a picture that is paper: inside a drawn frame or circle, or a sheet on a desk.

    region = framed(contrast)                      # boolean (h, w), or None where nothing is framed
    region = coloured_sheet(pixels, contrast)      # likewise of a sheet

Pixels are uint8, (h, w) or RGB (h, w, 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.finding.pixels import borders, bounding_box, fullness, slimness, to_grey

WRITTEN = 0.1  # of the height or width of a frame, that what is written in it spans at least
RIM = 31  # pixels at working size: twice what a ring and its overlapping ends take
LARGE, SMALL = 0.08, 0.03  # of a picture's pixels, that a frame or a coloured sheet covers at least, and a light one
WRITTEN_ON, STEEP = 0.005, 30.0  # of a card, that is ink; grey levels within five pixels across its rim
GAP = 7  # pixels at working size, that a ring stays open less than
BOXY, ROUND = 0.9, 0.72  # of its narrowest rectangle, that a drawn box fills at least, and a ring: a circle 0.79


def framed(contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), inside a frame or circle drawn around something written, if there is one.

    One drawn in one go may stay open a little. Closing the gap may join the digit to it, so both are looked at.
    """
    dark = (contrast > 0.3).astype(np.uint8)
    closed = cv2.dilate(dark, np.ones((GAP, GAP), np.uint8))
    outline = max([*_holes(dark), *_holes(closed)], key=cv2.contourArea, default=None)
    hull = None if outline is None else _hull(outline, dark.size, LARGE)
    if hull is None:
        return None
    region = _inside(hull, dark.shape)
    written = region * dark
    some = 0.002 * region.sum() < written.sum() < 0.5 * region.sum()
    return region > 0 if some and _spans(written, region, WRITTEN) else None


def ringed(contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), inside a ring, no box, that is drawn round all that is written, if one is."""
    region = framed(contrast)
    if region is None:
        return None
    outline = max(cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], key=len)
    around = cv2.dilate(region.astype(np.uint8), np.ones((RIM, RIM), np.uint8))
    outside = (contrast > 0.3) & (around == 0)
    return None if _is_rectangle(outline) or outside.any() else region


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
    full, slim = fullness(hull), slimness(hull)
    return full > BOXY and slim > 0.5 or full > ROUND and slim > 0.75


def coloured_sheet(pixels: np.ndarray, contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), of a sheet on a desk, if there is one: four corners, coloured or light.

    Else of a card, however small, before a room that is light in other places too.
    """
    grey = cv2.GaussianBlur(to_grey(pixels), (0, 0), 1)
    level, light = cv2.threshold(grey, 0, 1, cv2.THRESH_OTSU)
    for patch in ((contrast > 0.3).astype(np.uint8), light):
        outline = max(_outlines(patch), key=cv2.contourArea, default=None)
        if outline is not None and (region := _sheet(outline, patch, LARGE)) is not None:
            return region
    if light.any():
        level, _ = cv2.threshold(grey[light > 0], 0, 1, cv2.THRESH_OTSU)
    cards = (
        _card(outline, patch, grey)
        for patch in (light, (grey > level).astype(np.uint8))
        for outline in _outlines(patch)
    )
    return next((region for region in cards if region is not None), None)


def _outlines(patch: np.ndarray) -> Sequence[np.ndarray]:
    """Return the outlines of a patch's parts."""
    return cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]


def _sheet(outline: np.ndarray, patch: np.ndarray, least: float) -> np.ndarray | None:
    """Return the inside, boolean (h, w), of a part of a patch that has four corners and the desk round it, or None.

    It covers at least the share `least` of the picture.
    """
    hull = _hull(outline, patch.size, least)
    if hull is None or not _is_rectangle(hull) or borders(np.array(cv2.boundingRect(hull)), patch.shape).sum() > 1:
        return None
    region = _inside(hull, patch.shape) > 0
    return region if region.any() and patch[region].mean() > 0.6 else None  # not the hull of a digit's own strokes


def _card(outline: np.ndarray, patch: np.ndarray, grey: np.ndarray) -> np.ndarray | None:
    """Return what `_sheet` does for a small sheet; None if nothing is written on it, or its rim is soft: shading."""
    region = _sheet(outline, patch, SMALL)
    if region is None or patch[region].mean() > 1 - WRITTEN_ON:
        return None
    steps = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    rim = cv2.drawContours(np.zeros(patch.shape, np.uint8), [cv2.convexHull(outline)], -1, 1)
    return region if steps[rim > 0].mean() > STEEP else None


def _hull(outline: np.ndarray, size: int, least: float) -> np.ndarray | None:
    """Return the convex hull of an outline, unless it is a small part of the picture or nearly all of it."""
    return cv2.convexHull(outline) if least * size < cv2.contourArea(outline) < 0.95 * size else None


def _is_rectangle(hull: np.ndarray) -> bool:
    """Whether the hull fills its narrowest rectangle, as a sheet does, seen from an angle too."""
    return fullness(hull) > 0.85


def _inside(hull: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the inside of the hull, uint8 (h, w), without its rim."""
    return cv2.erode(cv2.fillConvexPoly(np.zeros(shape, np.uint8), hull, 1), np.ones((7, 7), np.uint8))


def _spans(written: np.ndarray, region: np.ndarray, share: float) -> bool:
    """Whether what is written spans at least `share` of the region in height or width."""
    (left, top, right, bottom), (x0, y0, x1, y1) = bounding_box(written), bounding_box(region)
    return bottom - top > share * (y1 - y0) or right - left > share * (x1 - x0)
