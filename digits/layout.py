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

from digits.paper import flat_paper, measure_contrast
from digits.picture import Picture, open_picture
from digits.preprocess import hairline_brush, shrink
from digits.strokes import framed, ink_level
from digits.strokes import sheet as coloured_sheet

PAGE_SIDE = 1024  # of the working copy: a digit a fortieth of the page high still has 25 pixels
DIGIT_HEIGHTS = (40, 90)  # the digits are brought between these, in pixels: enough to cut finely, no more
LEAST_PHOTO = 64  # no desk shows round the paper in smaller pictures
LEAST_RULED = 40  # nor is there ruling in these
EVEN_PAPER = 225.0  # what paper is brought to
LEAST_INK = 16  # levels below it; in 15 pictures of ink it was 90 or more, in grain 5
LEAST_DROP = 25  # levels by which a desk is darker than the paper on it
DEEPEST_SHADOW = 0.45  # leaves more of the light than a desk
WIDEST_STROKE = 0.15  # of the picture's shorter side
MAX_LINES = 80  # of one page; more are dust, grain or print, and each would be searched for digits
MAX_ANGLE = 14.0  # degrees of slant that are looked for

Box = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom exclusive


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
        corners = np.float64([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]])
        corners = corners @ self.to_picture.T
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
    to_picture = np.float64([[1, 0, 0], [0, 1, 0]]) * (pixels.shape[0] / small.shape[0])
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


# ---------------------------------------------------------------- a frame, or a sheet of paper on a desk


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
    drop, hull = max(found, key=lambda item: item[0], default=(0.0, None))
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


def close_dark(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return `pixels` without dark marks narrower than `side`; what runs out of the picture counts as wide."""
    side |= 1  # an even one would shift the picture
    padded = cv2.copyMakeBorder(pixels, side, side, side, side, cv2.BORDER_REPLICATE)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))[side:-side, side:-side]


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


def measure_on_sheet(pixels: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Return the contrast map of dark ink on the sheet, float32 (h, w), zero outside."""
    contrast = measure_ink(even_light(extend(pixels, sheet)))
    return np.where(sheet, contrast, 0).astype(np.float32)


def measure_page(pixels: np.ndarray) -> np.ndarray:
    """Return the contrast map of a picture that shows only paper, float32 (h, w), under any light."""
    if flat_paper(pixels) is not None:
        return measure_contrast(pixels)[0]
    _contrast, _method, polarity = measure_contrast(shrink(pixels, 160), local=True)
    return measure_ink(even_light(pixels if polarity == "dark on light" else 255 - pixels))


def measure_ink(even: np.ndarray) -> np.ndarray:
    """Return the contrast map of evenly lit paper, all zero if its darkest marks are grain or pale ruling."""
    contrast = measure_contrast(even)[0]
    darkest = even[contrast > 0.9]
    depth = np.median(EVEN_PAPER - darkest.reshape(len(darkest), -1).min(axis=1)) if len(darkest) else 0.0
    return contrast if depth > LEAST_INK else np.zeros_like(contrast)


def even_light(pixels: np.ndarray) -> np.ndarray:
    """Return `pixels` divided by the light that falls on them, taken from what is no dark stroke.

    Closing keeps the edge of a shadow where it is, so that nothing remains of it; the mean over the paper near by then
    takes off the grain.
    """
    half = shrink(cv2.GaussianBlur(pixels, (3, 3), 0), PAGE_SIDE // 2)
    light = close_dark(half, max(3, round(WIDEST_STROKE * min(half.shape[:2])))).astype(np.float32)
    light *= near_mean(half / np.maximum(light, 1.0), round(0.1 * min(half.shape[:2])) | 1)
    light = cv2.resize(light, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    if light.ndim < pixels.ndim:
        light = light[..., None]
    return (pixels * (EVEN_PAPER / np.maximum(light, 1.0))).clip(0, 255).astype(np.uint8)


def near_mean(quotient: np.ndarray, side: int) -> np.ndarray:
    """Return the mean of what is nearly 1, the paper, in the square of `side` pixels round each pixel."""
    paper = (quotient > 0.8).astype(np.float32)
    total = cv2.boxFilter(quotient * paper, -1, (side, side))
    count = cv2.boxFilter(paper, -1, (side, side))
    return (total / np.maximum(count, 1e-3)).clip(0.8, 1.0)


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
    return np.clip(resized, 0, None), frame, to_picture * np.float64([[1 / scale, 1 / scale, 1]])


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
