"""The part of a picture that is paper: inside a drawn frame or circle, on a note, or a light sheet on a darker desk.

    region = find_frame(pixels)            # boolean (h, w), or None where nothing is framed
    sheet = find_sheet(pixels)             # likewise of a sheet on a desk
    extend(pixels, sheet)                  # the desk replaced by the paper next to it

Pixels are uint8, (h, w) or RGB (h, w, 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.finding.paper import measure_contrast
from digits.finding.pixels import borders, bounding_box, close_dark, shrink

LEAST_PHOTO = 64  # no desk shows round the paper in smaller pictures
LEAST_DROP = 25  # levels by which a desk is darker than the paper on it
DEEPEST_SHADOW = 0.45  # leaves more of the light than a desk


def framed(contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), inside a frame or circle drawn around something written, if there is one."""
    dark = (contrast > 0.3).astype(np.uint8)
    contours, tree = cv2.findContours(dark, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [contour for contour, place in zip(contours, tree[0], strict=True) if place[3] >= 0] if contours else []
    hull = _largest_hull(holes, dark.size)
    if hull is None:
        return None
    region = _inside(hull, dark.shape)
    written = region * dark
    some = 0.01 * region.sum() < written.sum() < 0.5 * region.sum()
    least = 0.25 if _is_rectangle(hull) else 0.5  # the mark in a dotted zero is smaller
    return region > 0 if some and _spans(written, region, least) else None


def coloured_sheet(pixels: np.ndarray, contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), of a sheet on a desk, if there is one: four corners, coloured or light."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    _level, light = cv2.threshold(cv2.GaussianBlur(grey, (0, 0), 1), 0, 1, cv2.THRESH_OTSU)
    for patch in ((contrast > 0.3).astype(np.uint8), light):
        hull = _largest_hull(cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], patch.size)
        if hull is None or not _is_rectangle(hull) or sum(borders(cv2.boundingRect(hull), patch.shape)) > 1:
            continue
        region = _inside(hull, patch.shape) > 0
        if region.any() and patch[region].mean() > 0.6:  # not the hull of a digit's own strokes
            return region
    return None


def _largest_hull(outlines: Sequence[np.ndarray], size: int) -> np.ndarray | None:
    """Return the convex hull of the largest outline, unless it is a small part of the picture or nearly all of it."""
    outline = max(outlines, key=cv2.contourArea, default=None)
    if outline is None or not 0.08 * size < cv2.contourArea(outline) < 0.95 * size:
        return None
    return cv2.convexHull(outline)


def _is_rectangle(hull: np.ndarray) -> bool:
    """Whether the hull fills its narrowest rectangle, as a sheet does, seen from an angle too; an ellipse has 0.79."""
    _middle, (width, height), _angle = cv2.minAreaRect(hull)
    return cv2.contourArea(hull) > 0.85 * width * height


def _inside(hull: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the inside of the hull, uint8 (h, w), without its rim."""
    return cv2.erode(cv2.fillConvexPoly(np.zeros(shape, np.uint8), hull, 1), np.ones((7, 7), np.uint8))


def _spans(written: np.ndarray, region: np.ndarray, share: float) -> bool:
    """Whether what is written spans at least `share` of the region in height or width."""
    (left, top, right, bottom), (x0, y0, x1, y1) = bounding_box(written), bounding_box(region)
    return bottom - top > share * (y1 - y0) or right - left > share * (x1 - x0)


def find_frame(pixels: np.ndarray) -> np.ndarray | None:
    """Return the boolean mask of what lies inside a frame or circle, or on a note, None if there is none."""
    coarse = shrink(pixels, 160)
    if min(coarse.shape[:2]) < LEAST_PHOTO:
        return None
    contrast, _method, polarity = measure_contrast(coarse)
    inside = framed(contrast) if polarity == "dark on light" else None
    inside = coloured_sheet(coarse, contrast) if inside is None else inside
    if inside is None:
        return None
    return cv2.resize(inside.astype(np.uint8), pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0


def find_sheet(pixels: np.ndarray) -> np.ndarray | None:
    """Return the boolean mask of a light sheet of paper on a darker desk, None if the picture shows only paper.

    Of two that are tried the one with the sharper edge: a shadow across a sheet splits it in two. And a shadow across
    a picture is no desk, though its edge be as sharp.
    """
    if min(pixels.shape[:2]) < LEAST_PHOTO:
        return None
    coarse = shrink(pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), 160)
    colours = close_dark(coarse, max(3, round(0.1 * min(coarse.shape[:2]))))  # no strokes of dark ink
    light = colours.mean(axis=2).astype(np.uint8)
    found = [(edge_drop(colours, hull), hull) for hull in map(solid_hull, light_areas(light)) if hull is not None]
    if not found:
        return None
    drop, hull = max(found, key=lambda item: item[0])
    if drop < LEAST_DROP or np.median(coarse[hull > 0]) < np.median(colours[hull == 0]):
        return None
    inside = cv2.resize(hull, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR) > 127
    margin = 2 * round(1.2 * max(pixels.shape) / max(coarse.shape) + 1) + 1
    return cv2.erode(inside.astype(np.uint8), np.ones((margin, margin), np.uint8)) > 0


def light_areas(light: np.ndarray) -> list[np.ndarray]:
    """Return what may be the sheet, uint8 (h, w): all above Otsu's level, or above that of the darker part."""
    usual, _ = cv2.threshold(light, 0, 255, cv2.THRESH_OTSU)
    dark = light[light <= usual].reshape(1, -1)
    levels = [usual, cv2.threshold(dark, 0, 255, cv2.THRESH_OTSU)[0]] if dark.size else [usual]
    return [(light > level).astype(np.uint8) for level in levels]


def edge_drop(colours: np.ndarray, hull: np.ndarray) -> float:
    """Return by how many levels the picture darkens within three pixels of the hull's edge, 0 if as in a shadow.

    A shadow darkens all three colours alike, and leaves nearly half of the light.
    """
    inside, outside = hull > 0, hull == 0
    near = np.ones((7, 7), np.uint8)
    inner = inside & (cv2.dilate(outside.astype(np.uint8), near) > 0) & (cv2.erode(hull, np.ones((3, 3), np.uint8)) > 0)
    outer = outside & (cv2.dilate(hull, near) > 0) & (cv2.dilate(hull, np.ones((3, 3), np.uint8)) == 0)
    if not inner.any() or not outer.any():
        return 0.0
    left = colours[outer] / np.maximum(np.median(colours[inner], axis=0), 1.0)
    shaded = (left.min(axis=1) > DEEPEST_SHADOW) & (left.max(axis=1) < 1.05 * left.min(axis=1))
    if shaded.mean() > 0.3:
        return 0.0
    light = colours.mean(axis=2)
    return float(np.quantile(light[inner], 0.3) - np.quantile(light[outer], 0.7))


def solid_hull(light: np.ndarray) -> np.ndarray | None:
    """Return the filled hull (0 or 255) of the largest light area, None unless it is large and nearly convex."""
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    hull = cv2.convexHull(outline)
    if cv2.contourArea(hull) < 0.2 * light.size or cv2.contourArea(outline) < 0.9 * cv2.contourArea(hull):
        return None
    return cv2.fillConvexPoly(np.zeros_like(light), hull, 255)


def extend(pixels: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Return `pixels` with every pixel outside the sheet replaced by the nearest one inside."""
    outside = (~sheet).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    flat = pixels.reshape(-1, *pixels.shape[2:])
    source = np.zeros(nearest.max() + 1, np.int64)
    source[nearest[sheet]] = np.flatnonzero(sheet)
    return flat[source[nearest]].reshape(pixels.shape)
