"""From contrast to strokes: which of the dark places belong to the digit, and how sure that is.

Leaves out specks, ruled lines, the edge of a desk and patches of shadow; keeps a detached bar and a broken stroke.
A contrast is float32 (h, w), 0 = paper, 1 = ink; a mask is boolean or uint8 (h, w). A component's statistics, (5,), are
OpenCV's: left, top, width, height, area.

    mask, others = select_strokes(contrast)    # (h, w) bool, 0–1
    doubt(mask)                                # 0: looks like the strokes of one digit
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from digits.paper import quantile

RULED_SIDE = 40  # in smaller pictures, a bar from side to side is part of a tightly cut digit


def select_strokes(contrast: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the boolean (h, w) mask of the digit's strokes: no specks, ruled lines or things at the border.

    Also how much other writing of about the digit's size there is: the heaviest such part against the digit's, 0–1.
    """
    values = np.clip(contrast, 0, 1)
    nothing = np.zeros(contrast.shape, bool), 0.0
    if not values.any():
        return nothing
    level = ink_level(values)
    weak = (values > 0.55 * level).astype(np.uint8)
    if min(weak.shape) >= RULED_SIDE:
        weak = without_rules(weak)
    n, labels, stats = _components(weak)
    weight = _weigh(values, level, weak, labels, stats)
    if weight.max() <= 0:
        return nothing
    main = int(np.argmax(weight))
    together = (_belongs(stats[i], weight[i], stats[main], weight[main], weak.shape) for i in range(1, n))
    kept = np.array([False, *together])
    kept[main] = True
    return kept[labels], _other_writing(stats, weight, kept)


def _weigh(values: np.ndarray, level: float, weak: np.ndarray, labels: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Return the weight, (n,), of each component and the ground: its ink, by how much it looks like writing.

    A component without a pixel above `level` weighs nothing, nor does the ground.
    """
    inside, n = weak > 0, len(stats)
    parts, strengths = labels[inside], values[inside]
    strong = np.bincount(parts[strengths > level], minlength=n)
    mass = np.bincount(parts, weights=strengths, minlength=n) * (strong > 0)
    weight = mass * np.array([1.0] + [_plausibility(stats[i], weak.shape) for i in range(1, n)])
    if n > 2 and min(weak.shape) >= RULED_SIDE:
        weight[_fat(weak, parts, stats)] *= 0.1
    return weight


def _other_writing(stats: np.ndarray, weight: np.ndarray, kept: np.ndarray) -> float:
    """Return the weight of the heaviest component left out against that of the `kept`, (n,) bool: 0–1.

    What is much smaller than the digit's main component is no writing.
    """
    sizes = stats[:, 2:4].max(axis=1)
    others = weight * ~kept * (sizes > 0.4 * sizes[np.argmax(weight)])
    return min(1.0, float(others.max() / weight[kept].sum()))


def _components(mask: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Return the number of connected parts and the ground, the label of each pixel, (h, w), and statistics of each.

    Labels of 16 bits are enough at working size, and found three times as fast.
    """
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)
    return n, labels, stats


def ink_level(contrast: np.ndarray) -> float:
    """Return Otsu's threshold between faint marks and ink, 0.2–0.6, over what is not plain paper."""
    levels = (np.clip(contrast[contrast > 0.08], 0, 1) * 255).astype(np.uint8)
    if levels.size < 2:
        return 0.5
    threshold, _ = cv2.threshold(levels.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    return float(np.clip(threshold / 255, 0.2, 0.6))


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
    covered = ((apart <= 1.5) & inked).any(axis=0)[along].mean()
    thickness = np.median(((apart <= 0.12 * height) & inked).sum(axis=0)[along])
    if covered < 0.85 or thickness > max(3.0, 0.09 * height):
        return mask
    reach = thickness / 2 + 2
    stroke = ((apart > reach) & (apart <= reach + 2) & inked).any(axis=0)
    erased = np.where((apart <= reach) & ~stroke & along, 0, mask).astype(np.uint8)
    return erased if erased.sum() > 0.25 * mask.sum() else mask


def _plausibility(stat: np.ndarray, shape: tuple[int, ...]) -> float:
    """How much a component looks like writing: edges of the desk and rests of rules, along a border, hardly do."""
    at_sides, at_ends = _borders(stat, shape)
    if _is_hairline(stat, shape) and max(at_sides, at_ends) == 2:
        return 0.0
    lies_flat = at_sides and stat[3] < 0.15 * shape[0] and stat[2] > 0.5 * shape[1]
    if (lies_flat or at_sides + at_ends >= 3) and min(shape) >= RULED_SIDE:
        return 0.02
    return (1.0, 0.7, 0.5, 0.4, 0.4)[at_sides + at_ends]


def _is_hairline(stat: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a component is a thin straight line, as of a margin: longer than forty times its width."""
    length = max(stat[2:4])
    is_thin = stat[4] < length * max(2.0, 0.025 * length) and min(stat[2:4]) < 0.1 * length
    return bool(is_thin and min(shape) >= 2 * RULED_SIDE)


def _fat(weak: np.ndarray, parts: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, are patches of shadow or light; `parts` are the labels of weak pixels."""
    depth = np.zeros(len(stats), np.float32)
    np.maximum.at(depth, parts, cv2.distanceTransform(weak, cv2.DIST_L2, 3)[weak > 0])
    return 2 * depth > 0.5 * stats[:, 2:4].max(axis=1)


def _borders(stat: Sequence[int], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many of the left and right, and of the top and bottom borders a component touches."""
    left, top, width, height = stat[:4]
    return int(left == 0) + int(left + width == shape[1]), int(top == 0) + int(top + height == shape[0])


def _belongs(stat: np.ndarray, weight: float, main: np.ndarray, main_weight: float, shape: tuple[int, ...]) -> bool:
    """Whether a component is part of the digit whose largest part is `main`: heavy enough, near enough, no corner."""
    gap_x = max(main[0] - (stat[0] + stat[2]), stat[0] - (main[0] + main[2]), 0)
    gap_y = max(main[1] - (stat[1] + stat[3]), stat[1] - (main[1] + main[3]), 0)
    reach = 0.35 * max(main[2], main[3])
    in_corner = all(_borders(stat, shape)) and min(shape) >= RULED_SIDE
    return weight > 0.04 * main_weight and max(gap_x, gap_y) <= reach and not in_corner


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the true pixels, right and bottom exclusive."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return left, top, left + width, top + height


def doubt(mask: np.ndarray) -> int:
    """Count what speaks against the mask being one digit's strokes: borders touched, a blob, nothing at all.

    One border touched is common in tight crops and counts nothing.
    """
    if not mask.any():
        return 4
    borders = int(mask[0].any()) + int(mask[-1].any()) + int(mask[:, 0].any()) + int(mask[:, -1].any())
    left, top, right, bottom = bounding_box(mask)
    longer = max(right - left, bottom - top)
    depth = float(cv2.distanceTransform(mask[top:bottom, left:right].astype(np.uint8), cv2.DIST_L2, 3).max())
    is_fat = 2 * depth > 0.5 * longer
    is_bar = borders >= 2 and mask.sum() > 0.6 * (right - left) * (bottom - top)
    return max(0, borders - 1) + 3 * (is_fat or is_bar)


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


def sheet(pixels: np.ndarray, contrast: np.ndarray) -> np.ndarray | None:
    """Return the region, boolean (h, w), of a sheet on a desk, if there is one: four corners, coloured or light."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    _level, light = cv2.threshold(cv2.GaussianBlur(grey, (0, 0), 1), 0, 1, cv2.THRESH_OTSU)
    for patch in ((contrast > 0.3).astype(np.uint8), light):
        hull = _largest_hull(cv2.findContours(patch, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0], patch.size)
        if hull is None or not _is_rectangle(hull) or sum(_borders(cv2.boundingRect(hull), patch.shape)) > 1:
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


def edge_height(contrast: np.ndarray, mask: np.ndarray) -> float:
    """Return how much the contrast changes across the rim of the mask, within five pixels: 0–1.

    Near 1 for strokes, 0.5 for blurred ones in a shadow; below that for uneven light on empty paper.
    """
    left, top, right, bottom = bounding_box(mask)
    near = np.s_[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
    mask, values = mask[near], np.clip(contrast[near], 0, 1).astype(np.float32)
    around = np.ones((5, 5), np.uint8)
    change = cv2.dilate(values, around) - cv2.erode(values, around, borderValue=1)
    rim = mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
    return float(change[rim].mean()) if rim.any() else 0.0


def without_underline(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Return the contrast without a level stroke that lies apart below the others, if there is one."""
    n, labels, stats = _components(mask.astype(np.uint8))
    if n < 3:
        return None
    lowest = 1 + int(np.argmax(stats[1:, 1]))  # by its top
    rest = mask & (labels != lowest)
    left, _top, right, bottom = bounding_box(rest)
    _x, y, width, height, _area = stats[lowest]
    is_line = height < 0.25 * width and width > 0.6 * (right - left) and y >= bottom
    return np.where(labels == lowest, 0, contrast) if is_line else None


def is_solid(mask: np.ndarray) -> bool:
    """Whether the mask fills most of its bounding box, as a patch does and strokes seldom do."""
    left, top, right, bottom = bounding_box(mask)
    return bool(mask.sum() > 0.6 * (right - left) * (bottom - top))


def without_edges(contrast: np.ndarray) -> np.ndarray:
    """Return the contrast without what fills a side or a corner of the picture, the rest at full strength again."""
    dark = (contrast > 0.3).astype(np.uint8)
    n, labels, stats = _components(dark)
    solid = stats[:, 4] > 0.6 * stats[:, 2] * stats[:, 3]
    edges = [i for i in range(1, n) if solid[i] and sum(_borders(stats[i], dark.shape)) >= 2]
    away = cv2.dilate(np.isin(labels, edges).astype(np.uint8), np.ones((7, 7), np.uint8))
    rest = np.where(away > 0, 0, contrast)
    inked = rest[rest > 0.05]
    return np.clip(rest / max(0.08, quantile(inked, 0.98)), 0, 1.5) if inked.size > 6 else rest


def without_thin_strokes(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the contrast without strokes thinner than half of the thickest."""
    depth = float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())
    side = 2 * max(1, round(0.5 * depth)) + 1
    return cv2.morphologyEx(contrast, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
