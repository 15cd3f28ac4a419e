"""A picture of writing -> lines of strokes on a levelled page: where the numbers stand, before anybody reads them.

    layout = find_lines("number.jpg")
    layout.lines[0].strokes, layout.lines[0].height    # float32 (h, w) in 0-1, and its digits' height in pixels

The steps: find the sheet of paper if its edges are in the picture; measure how far each pixel departs from the paper;
turn the page until its lines lie level; take off ruled lines, specks and what comes in from the border; group what is
left in lines. It expects lines that run from left to right within 14 degrees; columns side by side become one line.
Pixels are uint8, (h, w) or RGB (h, w, 3); a contrast map is float32 (h, w), 0 = paper, 1 = ink; a frame or sheet is the
boolean mask (h, w) of where there is paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.finding.decode import Picture, open_picture
from digits.finding.ink import hairline_brush
from digits.finding.paper import PAGE_SIDE, even_light, measure_ink, measure_page
from digits.finding.pixels import Box, ink_level, shrink
from digits.finding.rules import erase_rules
from digits.finding.sheet import extend, find_frame, find_sheet

DIGIT_HEIGHTS = (40, 90)  # the digits are brought between these, in pixels: enough to cut finely, no more
MAX_LINES = 80  # of one page; more are dust, grain or print, and each would be searched for digits
MAX_ANGLE = 14.0  # degrees of slant that are looked for


@dataclass(frozen=True)
class Line:
    """A line of writing, cut out of the levelled page at (left, top): `strokes` is float32 (h, w), 0-1."""

    left: int
    top: int
    strokes: np.ndarray
    height: float  # of its digits, in pixels


@dataclass(frozen=True)
class Layout:
    """The lines of a picture, top to bottom, and the way back from the levelled page to the picture."""

    lines: list[Line]
    to_picture: np.ndarray  # (2, 3): levelled pixels -> pixels of the upright picture
    size: tuple[int, int]  # width, height of the upright picture
    has_sheet: bool  # whether the paper's edges are in the picture

    def box_in_picture(self, box: Box) -> Box:
        """Return the upright box, in the picture's own pixels, round a box of the levelled page."""
        left, top, right, bottom = box
        corners = np.array([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]]) @ self.to_picture.T
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        low, high = np.clip(low, 0, np.array(self.size) - 1), np.clip(high, 1, self.size)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def find_lines(picture: Picture) -> Layout:
    """Find the lines of writing in `picture`. Raises `PictureError` if it cannot be read."""
    pixels = open_picture(picture, side=2 * PAGE_SIDE)
    small = shrink(pixels, PAGE_SIDE)
    for find in (find_frame, find_sheet):
        place = find(small)
        layout = _find_lines(pixels, small, place) if place is not None else None
        if layout and layout.lines:
            return layout
    return _find_lines(pixels, small, None)


def _find_lines(pixels: np.ndarray, small: np.ndarray, sheet: np.ndarray | None) -> Layout:
    contrast = measure_page(small) if sheet is None else measure_on_sheet(small, sheet)
    to_picture = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]) * (pixels.shape[0] / small.shape[0])
    frame = inner_frame(contrast.shape) if sheet is None else sheet
    contrast, frame, to_picture = turn(contrast, frame, find_slant(contrast), to_picture)
    contrast, frame, to_picture = to_digit_size(erase_rules(contrast, frame), frame, to_picture)
    parts, labels = find_parts(contrast, frame)
    groups = group_lines(parts)
    lines = [cut_out(contrast, labels, line) for line in groups] if len(groups) <= MAX_LINES else []
    return Layout(lines, to_picture, pixels.shape[1::-1], sheet is not None)


def inner_frame(shape: tuple[int, int]) -> np.ndarray:
    """Return the boolean mask of a picture that is all paper: true but for two pixels along the border."""
    frame = np.zeros(shape, bool)
    frame[2:-2, 2:-2] = True
    return frame


def measure_on_sheet(pixels: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Return the contrast map of dark ink on the sheet, float32 (h, w), zero outside."""
    contrast = measure_ink(even_light(extend(pixels, sheet)))
    return np.where(sheet, contrast, 0).astype(np.float32)


# ---------------------------------------------------------------- slant and ruled lines


def find_slant(contrast: np.ndarray) -> float:
    """Return by how many degrees the lines fall to the right: as the ruling, or where the rows' profile is sharpest."""
    small = shrink(contrast, 400)
    ruling = _rule_slant(small > 0.12)
    if ruling is not None:
        return ruling
    y, x = np.nonzero(small > ink_level(small))
    if len(y) < 20:
        return 0.0
    weights = small[y, x]

    def sharpness(angle: float) -> float:
        return float((_profile(y, x, angle, weights) ** 2).sum()) * float(np.exp(-((angle / 40) ** 2)))

    coarse = max(np.arange(-MAX_ANGLE, MAX_ANGLE + 0.1), key=sharpness)
    return float(max(coarse + np.arange(-0.75, 0.8, 0.25), key=sharpness))


def _rule_slant(faint: np.ndarray) -> float | None:
    """Return the slant of lines right across the picture, None if there are none."""
    y, x = np.nonzero(faint)
    if len(y) < 20 or faint.mean() > 0.4:
        return None
    slants = np.arange(-MAX_ANGLE, MAX_ANGLE + 0.1, 0.5)
    covered = [_profile(y, x, slant).max() / faint.shape[1] for slant in slants]
    return float(slants[np.argmax(covered)]) if max(covered) > 0.8 else None


def _profile(y: np.ndarray, x: np.ndarray, angle: float, weights: np.ndarray | None = None) -> np.ndarray:
    rows = (y - x * np.tan(np.radians(angle))).round().astype(int)
    return np.bincount(rows - rows.min(), weights)


def turn(
    contrast: np.ndarray, frame: np.ndarray, angle: float, to_picture: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Level lines that fall by `angle` degrees: the turned map, the mask of what it shows, and `to_picture`."""
    height, width = contrast.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sine + width * cosine) + 1, int(height * cosine + width * sine) + 1)
    matrix[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    maps = contrast, frame.astype(np.float32)
    turned, frame = (cv2.warpAffine(map_, matrix, size, flags=cv2.INTER_LINEAR) for map_ in maps)
    return turned, frame > 0.5, chain(to_picture, cv2.invertAffineTransform(matrix))


def chain(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the (2, 3) matrix that does `first` and then `second`."""
    return second @ np.vstack([first, [0, 0, 1]])


def to_digit_size(
    contrast: np.ndarray, frame: np.ndarray, to_picture: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Enlarge or shrink the map, its frame and `to_picture` so that the digits are within `DIGIT_HEIGHTS`."""
    parts, _labels = find_parts(contrast, frame)
    usual = usual_height(parts) if parts else DIGIT_HEIGHTS[0]
    scale = float(np.clip(usual, *DIGIT_HEIGHTS)) / usual
    if 0.9 < scale < 1.1:
        return contrast, frame, to_picture
    scale = min(scale, 2 * PAGE_SIDE / max(contrast.shape))
    contrast = cv2.dilate(contrast, hairline_brush(contrast, 2.0 / scale))  # hairlines would fade when it is shrunk
    size = (max(1, round(contrast.shape[1] * scale)), max(1, round(contrast.shape[0] * scale)))
    resized = cv2.resize(contrast, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    frame = cv2.resize(frame.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return np.clip(resized, 0, None), frame, to_picture * np.array([1 / scale, 1 / scale, 1.0])


# ---------------------------------------------------------------- parts and lines


@dataclass(frozen=True)
class Part:
    """A connected part of the writing, in pixels of the levelled page; the border may cut it off."""

    label: int
    left: int
    top: int
    right: int  # exclusive, as is the bottom
    bottom: int
    area: int
    is_cut_off: bool

    @property
    def height(self) -> int:
        """From top to bottom."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """From left to right."""
        return self.right - self.left

    @property
    def middle(self) -> float:
        """Half-way between top and bottom."""
        return (self.top + self.bottom) / 2


def find_parts(contrast: np.ndarray, frame: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Return the connected parts that may be writing, and the label map they are numbered by."""
    level = ink_level(contrast)
    weak = (contrast > 0.6 * level).astype(np.uint8)
    parts, labels = _connected(weak, contrast > level, frame)
    if not parts:
        return [], labels
    gap = round(0.1 * usual_height(parts))  # a pen that skipped, or a rule that was taken off, does not make two parts
    bridged = cv2.morphologyEx(weak, cv2.MORPH_CLOSE, np.ones((gap + 1, 1), np.uint8), borderValue=0)
    parts, labels = _connected(bridged, contrast > level, frame)
    return drop_clutter(parts), labels * weak


def _connected(weak: np.ndarray, strong: np.ndarray, frame: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Return the connected parts of `weak` that hold enough `strong` pixels, and the label map."""
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strong = np.bincount(labels[strong], minlength=n)
    cut_off = np.bincount(labels[~frame], minlength=n) > 0
    parts = [
        Part(i, int(left), int(top), int(left + width), int(top + height), int(area), bool(cut_off[i]))
        for i, (left, top, width, height, area) in enumerate(stats)
        if i > 0 and strong[i] > max(2, 0.1 * area)
    ]
    return parts, labels


def drop_clutter(parts: list[Part]) -> list[Part]:
    """Leave out specks, rules that were not erased and things that come in from the border."""
    if not parts:
        return []
    usual = usual_height(parts)
    return [part for part in parts if not (is_speck(part, usual) or is_rule(part, usual) or is_intruder(part, usual))]


def is_speck(part: Part, usual: float) -> bool:
    """Whether a part is too small to belong to a digit `usual` pixels high."""
    return max(part.height, part.width) < 0.12 * usual or part.area < 0.004 * usual**2


def is_rule(part: Part, usual: float) -> bool:
    """Whether a part is a long thin level or upright mark."""
    lies = part.width > 3 * usual and part.height < 0.3 * usual
    return lies or (part.height > 2.5 * usual and part.width < 0.3 * usual)


def is_intruder(part: Part, usual: float) -> bool:
    """Whether a part runs out of the picture and is too large or too thin for a digit cut off there."""
    longer, shorter = max(part.width, part.height), min(part.width, part.height)
    return part.is_cut_off and (longer > 2.5 * usual or shorter < 0.25 * usual)


def usual_height(parts: list[Part]) -> float:
    """Return the height of the parts, the median weighted by area to 1.5: not even hundreds of specks count much."""
    heights = np.array([part.height for part in parts])
    weights = np.cumsum(np.array([part.area**1.5 for part in parts])[np.argsort(heights)])
    return float(np.sort(heights)[np.searchsorted(weights, weights[-1] / 2)])


def group_lines(parts: list[Part]) -> list[list[Part]]:
    """Return the parts in lines, top to bottom, each from left to right; small ones join the nearest line."""
    if not parts:
        return []
    usual = usual_height(parts)
    large = sorted((part for part in parts if part.height >= 0.45 * usual), key=lambda part: part.middle)
    small = [part for part in parts if part.height < 0.45 * usual]
    lines: list[list[Part]] = []
    for part in large:
        if lines and part.middle - np.mean([other.middle for other in lines[-1]]) < 0.6 * usual:
            lines[-1].append(part)
        else:
            lines.append([part])
    for part in small:
        nearest = min(lines, key=lambda line: abs(part.middle - np.mean([other.middle for other in line])))
        if abs(part.middle - np.mean([other.middle for other in nearest])) < 0.75 * usual:
            nearest.append(part)
    return [sorted(line, key=lambda part: part.left + part.right) for line in lines]


def digit_height(line: list[Part]) -> float:
    """Return the height of a line's digits, in pixels."""
    return float(np.quantile([part.height for part in line if part.height >= 0.4 * usual_height(line)], 0.6))


def cut_out(contrast: np.ndarray, labels: np.ndarray, parts: list[Part]) -> Line:
    """Cut a line's parts, and nothing else, out of the page."""
    left, right = min(part.left for part in parts), max(part.right for part in parts)
    top, bottom = min(part.top for part in parts), max(part.bottom for part in parts)
    mask = np.isin(labels[top:bottom, left:right], [part.label for part in parts])
    strokes = np.clip(contrast[top:bottom, left:right], 0, 1) * mask
    return Line(left, top, strokes.astype(np.float32), digit_height(parts))
