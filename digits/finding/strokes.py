"""From contrast to strokes: which of the dark places belong to the digit, and what tells them from a digit's.

Leaves out specks, ruled lines, the edge of a desk and patches of shadow; keeps a detached bar and a broken stroke.
A contrast is float32 (h, w), 0 = paper, 1 = ink; a mask is boolean or uint8 (h, w). A component's statistics, (5,), are
OpenCV's: left, top, width, height, area.

    mask, others = select_strokes(contrast)    # (h, w) bool, 0–1
    fatness(mask)                              # 0.1–0.4 for a digit's strokes
"""

from __future__ import annotations

import cv2
import numpy as np

from digits.finding.pixels import RULED_SIDE, borders, bounding_box, components, fullness, ink_level, slimness
from digits.finding.rules import without_base_line, without_rules

FAT = 0.5  # three of the 12,333 digits of the development sets are as fat
POINT = 0.06, 0.34  # size of the point of a ! or ?, against what it stands below
POINT_BELOW = 0.1, 0.4  # likewise, how far below: specks of old paper lie nearer
APART, BESIDE, BELOW = 0.04, 0.35, 0.6  # of the main part: how far from it, and how high, a part is another digit
THIN = 0.15  # a cell's line: its width against its length
BAR = 0.3  # of a straight stroke's length: how wide an edge or a shadow is at most
CUT_OFF = 0.3  # of the digit's longer side: paper opposite the border that it touches, where it was not cut out tightly


def select_strokes(contrast: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the boolean (h, w) mask of the digit's strokes: no specks, ruled lines or things at the border.

    Also how much other writing of about the digit's size there is: the heaviest such part against the digit's, 0–1.
    """
    values = np.clip(contrast, 0, 1)
    level = ink_level(values)
    weak = (values > 0.55 * level).astype(np.uint8)
    if min(weak.shape) >= RULED_SIDE:
        weak = without_rules(weak)
    labels, stats = components(weak)
    weight = _weigh(values, level, weak, labels, stats)
    if weight.max() <= 0:
        return np.zeros(contrast.shape, bool), 0.0
    if len(stats) == 2:  # the ground and one component, as in most drawings
        return labels > 0, 0.0
    kept = _belong(stats, weight, weak.shape)
    return kept[labels], _other_writing(stats, weight, kept, weak.shape)


def _weigh(values: np.ndarray, level: float, weak: np.ndarray, labels: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Return the weight, (n,), of each component and the ground: its ink, by how much it looks like writing.

    A component without a pixel above `level` weighs nothing, nor does the ground.
    """
    inside, n = weak > 0, len(stats)
    parts, strengths = labels[inside], values[inside]
    strong = np.bincount(parts[strengths > level], minlength=n)
    mass = np.bincount(parts, weights=strengths, minlength=n) * (strong > 0)
    weight = mass * _plausibility(stats, weak.shape)
    if n > 2 and min(weak.shape) >= RULED_SIDE:
        weight[_fat(weak, parts, stats)] *= 0.1
    return weight


def _plausibility(stats: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return how much each component looks like writing: edges of the desk, along a border, hardly do."""
    at_sides, at_ends = borders(stats, shape).T
    lies_flat = (at_sides > 0) & (stats[:, 3] < 0.15 * shape[0]) & (stats[:, 2] > 0.5 * shape[1])
    is_edge = (lies_flat | (at_sides + at_ends > 2)) & (min(shape) >= RULED_SIDE)
    return np.where(is_edge, 0.02, 2 / (2 + at_sides + at_ends))


def _fat(weak: np.ndarray, parts: np.ndarray, stats: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, are patches of shadow or light; `parts` are the labels of weak pixels."""
    depth = np.zeros(len(stats), np.float32)
    np.maximum.at(depth, parts, cv2.distanceTransform(weak, cv2.DIST_L2, 3)[weak > 0])
    return 2 * depth > FAT * stats[:, 2:4].max(axis=1)


def _belong(stats: np.ndarray, weight: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which components, (n,) bool, are the digit: the heaviest, and what is near it and no speck or corner."""
    main = stats[np.argmax(weight)]
    is_near = _gaps(stats, main).max(axis=1) <= 0.35 * main[2:4].max()
    in_corner = borders(stats, shape).all(axis=1) & (min(shape) >= RULED_SIDE)
    kept = is_near & ~in_corner & (weight > 0.04 * weight.max())
    kept[np.argmax(weight)] = True
    return kept


def _gaps(stats: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return how far each component lies beside the main one, and above or below it, (n, 2); negative in it."""
    (low, size), (corner, sides) = _split(stats), _split(main)
    return np.maximum(corner - low - size, low - corner - sides)


def _split(stats: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of components, (…, 2) in x and y, and their sizes."""
    return stats[..., :2], stats[..., 2:4]


def _other_writing(stats: np.ndarray, weight: np.ndarray, kept: np.ndarray, shape: tuple[int, ...]) -> float:
    """Return the weight of the heaviest component left out against that of the `kept`, (n,) bool: 0–1.

    It is 1 where a point stands below the digit's main component, that makes a ! or ?, or several parts within it, as
    those of a face. The line of a cell is no writing.
    """
    main = stats[np.argmax(weight)]
    is_second = kept & _is_second_digit(stats, main)
    has_point = _is_point_below(stats, main).any() and min(shape) >= RULED_SIDE  # a speck, in a tiny frame
    if has_point or is_second.any() or _is_within(stats, main).sum() > 1:
        return 1.0
    short, long = np.sort(stats[:, 2:4]).T
    left_out = weight[~kept & (short >= THIN * long)]
    return min(1.0, float(left_out.max(initial=0.0) / weight[kept].sum()))


def _is_second_digit(stats: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, stand apart beside or below the main one, nearly as high: no bar of a 5."""
    beside, below = (_gaps(stats, main) >= APART * main[2:4].max()).T
    height = stats[:, 3] / main[3]
    return beside & (height > BESIDE) | below & (height > BELOW)


def _is_within(stats: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, are no specks and lie within the main one's box, clear of its edges."""
    (low, size), (corner, sides) = _split(stats), _split(main)
    is_clear = (low > corner + sides / 8) & (low + size < corner + sides * 7 / 8)
    return is_clear.all(axis=1) & (size.max(axis=1) > POINT[0] * sides.max())


def _is_point_below(stats: np.ndarray, main: np.ndarray) -> np.ndarray:
    """Return which components, (n,) bool, are the point of a ! or ?, below the rest of it."""
    (left, top), (wide, tall) = _split(main)
    x, y, width, height, area = stats.T
    short, long = np.minimum(width, height), np.maximum(width, height)
    size, gap, middle = long / max(wide, tall), (y - top - tall) / max(wide, tall), x + width / 2
    is_below = (POINT_BELOW[0] <= gap) & (gap <= POINT_BELOW[1]) & (left <= middle) & (middle <= left + wide)
    is_round = (long < 2 * short) & (2 * area > width * height)
    return is_below & is_round & (POINT[0] <= size) & (size <= POINT[1])


def is_cut_off(mask: np.ndarray) -> bool:
    """Whether the strokes touch one border of a picture that leaves them room elsewhere: they may go on beyond it.

    So may a bar from the top to the bottom that has room beside it: the edge of a desk, a shadow.
    """
    if min(mask.shape) < RULED_SIDE or not mask.any():
        return False
    left, top, right, bottom = bounding_box(mask)
    height, width = mask.shape
    margins = np.array([left, top, width - right, height - bottom])
    longer, touched = max(right - left, bottom - top), int(margins.argmin())
    slim = slimness(np.argwhere(mask).astype(np.int32)) if margins[touched] == 0 else 1.0
    runs_through = margins[1] == margins[3] == 0 and max(margins) > right - left
    if slim < BAR and runs_through:
        return True
    opposite, next_nearest = margins[(touched + 2) % 4], np.sort(margins)[1]
    return bool(margins[touched] == 0 and next_nearest > CUT_OFF / 3 * longer and opposite > CUT_OFF * longer)


def fatness(mask: np.ndarray) -> float:
    """Return the width of the thickest stroke against the longer side of them all: 1 for a dot, 0.1–0.4 for digits."""
    left, top, right, bottom = bounding_box(mask)
    if right == left:
        return 0.0
    strokes = cv2.copyMakeBorder(mask[top:bottom, left:right].view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = float(cv2.distanceTransform(strokes, cv2.DIST_L2, 5).max())  # of a stroke w wide: (w + 1) / 2
    return (2 * depth - 1) / max(right - left, bottom - top)


def rectangularity(mask: np.ndarray) -> float:
    """Return how much of the smallest rectangle round the mask its outline fills: 1 for a box, 0.78 for an ellipse."""
    points = np.argwhere(mask)[:, ::-1].astype(np.int32)
    return fullness(cv2.convexHull(points)) if len(points) else 0.0


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
    """Return the contrast without a level stroke below the others, joined to them or apart, if there is one."""
    if mask.any() and min(mask.shape) >= RULED_SIDE and (lighter := without_base_line(mask)) is not None:
        return np.where(mask & ~lighter, 0, contrast)
    labels, stats = components(mask.view(np.uint8))
    if len(stats) < 3:
        return None
    lowest = 1 + int(np.argmax(stats[1:, 1]))  # by its top
    left, _top, right, bottom = bounding_box(mask & (labels != lowest))
    _x, y, width, height, _area = stats[lowest]
    is_line = height < 0.25 * width and width > 0.6 * (right - left) and y >= bottom
    return np.where(labels == lowest, 0, contrast) if is_line else None


def is_solid(mask: np.ndarray) -> bool:
    """Whether the mask fills most of its bounding box, as a patch does and strokes seldom do."""
    left, top, right, bottom = bounding_box(mask)
    return bool(mask.sum() > 0.6 * (right - left) * (bottom - top))


def without_thin_strokes(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the contrast without strokes thinner than half of the thickest."""
    depth = float(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3).max())
    side = 2 * max(1, round(0.5 * depth)) + 1
    return cv2.morphologyEx(contrast, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
