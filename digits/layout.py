"""A picture of whole numbers -> lines of digit candidates with their ink, and the choice among them.

    page = lay_out("number.jpg")                       # every piece of ink that could be a digit
    lines = page.choose(*predictor.predict_scores(page.ink))   # [[(candidate index, box, space before), …] a line]

The steps: measure how far each pixel departs from the paper; drop the desk round the page, ruled lines and specks;
turn the page until its lines lie level; group what is left in lines; over-segment each line into pieces, at the seams
that cut least ink; offer every run of neighbouring pieces as a candidate digit; and, once the network has scored them
all, take the cheapest path from left to right. So touching digits are cut and broken ones joined by the same rule.
It does not read letters, columns or anything that stands on its head.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from digits.picture import Picture, open_picture
from digits.preprocess import INK_SIDE, bounding_box, measure_contrast, normalise, shrink

PAGE_SIDE = 1024  # of the working copy: a digit a fortieth of the page high still has 25 pixels
MAX_ANGLE = 14.0  # degrees of slant that are looked for
MAX_PIECES = 6  # pieces that may form one digit
MAX_WIDTH = 1.5  # of a digit, in line heights
LEAST_SIDE = 0.3  # a part lower and narrower than this (in line heights) is no digit by itself

# The cost of a reading is a sum of negative log probabilities; these were chosen on validation digits.
CUT_COST = 1.0  # a pen width of ink cut through
JOIN_COST = 0.7  # two separate parts taken for one digit
DROP_COST = 6.0  # a digit-sized part taken for no digit


@dataclass(frozen=True)
class Piece:
    """A part of the ink that is never cut further: `mask` is boolean, its top left corner at (left, top) of the page."""

    left: int
    top: int
    mask: np.ndarray
    part: int  # number of the connected part it was cut from
    cut: float  # pen widths of ink cut through to separate it from the piece before, if that is of the same part

    @property
    def right(self) -> int:
        return self.left + self.mask.shape[1]

    @property
    def bottom(self) -> int:
        return self.top + self.mask.shape[0]


@dataclass(frozen=True)
class Candidate:
    """A run of pieces of one line, `first` to `last` inclusive, that could be one digit; `cost` is of its shape."""

    line: int
    first: int
    last: int
    box: tuple[int, int, int, int]  # on the levelled page
    cost: float


@dataclass(frozen=True)
class Place:
    """Where a digit was found: candidate number, box in pixels of the upright picture, whether a space goes before."""

    candidate: int
    box: tuple[int, int, int, int]
    space_before: bool


@dataclass(frozen=True)
class Page:
    """Every candidate digit of a picture. `ink` is uint8 (n, 28, 28), one for each of `candidates`."""

    candidates: list[Candidate]
    ink: np.ndarray
    lines: list[list[Piece]]
    heights: list[float]  # of the digits of each line, in working pixels
    to_picture: np.ndarray  # (2, 3): levelled working pixels -> pixels of the upright picture
    size: tuple[int, int]  # width, height of the upright picture

    def choose(self, probabilities: np.ndarray, scores: np.ndarray) -> list[list[Place]]:
        """Return the best reading, line by line: `probabilities` (n, 10) and digit `scores` (n,) of `ink`."""
        costs = digit_cost(probabilities, scores)
        chosen = [self._choose_line(i, costs) for i in range(len(self.lines))]
        base = self._usual_gap(chosen)
        return [self._places(line, base) for line in chosen if line]

    def _choose_line(self, line: int, costs: np.ndarray) -> list[int]:
        """Return the candidates of the cheapest path over the pieces of one line."""
        pieces, height = self.lines[line], self.heights[line]
        n = len(pieces)
        best = np.full(n + 1, np.inf)
        best[0] = 0.0
        step: list[tuple[int, int | None]] = [(0, None)] * (n + 1)
        ending: dict[int, list[int]] = {}
        for number, candidate in enumerate(self.candidates):
            if candidate.line == line:
                ending.setdefault(candidate.last + 1, []).append(number)
        for end in range(1, n + 1):
            options = [
                (best[self.candidates[c].first] + costs[c] + self.candidates[c].cost, self.candidates[c].first, c)
                for c in ending.get(end, [])
            ]
            first = part_start(pieces, end)
            options.append((best[first] + drop_cost(pieces[first:end], height), first, None))
            cost, start, candidate = min(options, key=lambda option: option[0])
            best[end], step[end] = cost, (start, candidate)
        path, end = [], n
        while end > 0:
            end, candidate = step[end]
            if candidate is not None:
                path.append(candidate)
        return path[::-1]

    def _usual_gap(self, chosen: list[list[int]]) -> float:
        gaps = [gap for line in chosen for gap in self._gaps(line)]
        return float(np.clip(np.median(gaps), 0.0, 0.6)) if gaps else 0.0

    def _gaps(self, line: list[int]) -> list[float]:
        """Return the empty width before each digit but the first, in line heights."""
        boxes = [self.candidates[number].box for number in line]
        if not boxes:
            return []
        height = self.heights[self.candidates[line[0]].line]
        return [(after[0] - before[2]) / height for before, after in zip(boxes, boxes[1:], strict=False)]

    def _places(self, line: list[int], base: float) -> list[Place]:
        spaces = [False, *(gap > max(0.72, base + 0.5) for gap in self._gaps(line))]
        return [
            Place(number, self.box_in_picture(self.candidates[number].box), space)
            for number, space in zip(line, spaces, strict=True)
        ]

    def box_in_picture(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Return the upright box (left, top, right, bottom), in the picture's own pixels, round a box of the page."""
        left, top, right, bottom = box
        corners = np.float64([[left, top, 1], [right, top, 1], [left, bottom, 1], [right, bottom, 1]]) @ self.to_picture.T
        width, height = self.size
        low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
        return (
            int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1)),
            int(np.clip(high[0], 1, width)), int(np.clip(high[1], 1, height)),
        )  # fmt: skip


def digit_cost(probabilities: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return (n,) the negative log probability that each candidate is one digit, and the one it is taken for."""
    return -np.log(np.clip(probabilities.max(axis=1), 1e-6, 1.0)) + np.logaddexp(0.0, -np.asarray(scores, np.float64))


def part_start(pieces: list[Piece], end: int) -> int:
    """Return the index of the first of the pieces that belong to the same part as the one before `end`."""
    start = end - 1
    while start > 0 and pieces[start - 1].part == pieces[end - 1].part:
        start -= 1
    return start


def drop_cost(pieces: list[Piece], height: float) -> float:
    """Return the cost of taking a whole part for no digit: the larger, the dearer."""
    left, top, right, bottom = joint_box(pieces)
    size = max(right - left, bottom - top) / height
    return DROP_COST * float(np.clip(size / 0.6, 0.15, 2.0))


def joint_box(pieces: list[Piece]) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) round several pieces."""
    return (
        min(piece.left for piece in pieces), min(piece.top for piece in pieces),
        max(piece.right for piece in pieces), max(piece.bottom for piece in pieces),
    )  # fmt: skip


# ---------------------------------------------------------------- picture -> page


def lay_out(picture: Picture) -> Page:
    """Find every piece of ink in `picture` that could be a digit. Raises `PictureError` if it cannot be read."""
    pixels = open_picture(picture, side=2 * PAGE_SIDE)
    small = shrink(pixels, PAGE_SIDE)
    contrast = find_writing(small)
    angle = find_slant(contrast)
    contrast, level_to_small = turn(contrast, angle)
    contrast = erase_rules(contrast)
    parts, labels = find_parts(contrast)
    lines = group_lines(parts)
    heights = [digit_height(line) for line in lines]
    cut = [cut_line(contrast, labels, line, height) for line, height in zip(lines, heights, strict=True)]
    candidates = [c for i, (line, height) in enumerate(zip(cut, heights, strict=True)) for c in propose(i, line, height)]
    ink = [join_ink(contrast, cut[c.line][c.first : c.last + 1], c.box) for c in candidates]
    to_picture = level_to_small * (pixels.shape[0] / small.shape[0])
    stack = np.stack(ink) if ink else np.zeros((0, INK_SIDE, INK_SIDE), np.uint8)
    return Page(candidates, stack, cut, heights, to_picture, pixels.shape[1::-1])


def find_writing(pixels: np.ndarray) -> np.ndarray:
    """Return the contrast map, float32 (h, w), zero outside the sheet of paper if its edges are in the picture."""
    sheet = find_sheet(pixels)
    if sheet is None:
        return measure_contrast(pixels)[0]
    contrast = measure_contrast(extend(pixels, sheet))[0]
    weak = (contrast > 0.6 * ink_level(contrast)).astype(np.uint8)
    _, labels = cv2.connectedComponents(weak, connectivity=8)
    at_edge = np.unique(labels[~sheet])  # what is left of the desk along the edges
    return np.where(sheet & ~np.isin(labels, at_edge[at_edge > 0]), contrast, 0).astype(np.float32)


def find_sheet(pixels: np.ndarray) -> np.ndarray | None:
    """Return the boolean mask of a light sheet of paper on a darker desk, None if the picture shows only paper.

    A shadow splits a picture in light and dark as well, but not with a sharp edge all round a convex area.
    """
    grey = pixels if pixels.ndim == 2 else pixels.mean(axis=2).astype(np.uint8)
    coarse = shrink(grey, 160)
    light = close_dark(coarse, max(3, round(0.1 * min(coarse.shape))))  # no strokes of dark ink
    level, _ = cv2.threshold(light, 0, 255, cv2.THRESH_OTSU)
    hull = solid_hull((light > level).astype(np.uint8))
    if hull is None or edge_drop(light, hull) < 25:
        return None
    inside = cv2.resize(hull, grey.shape[::-1], interpolation=cv2.INTER_LINEAR) > 127
    margin = 2 * round(0.6 * max(grey.shape) / max(coarse.shape) + 1) + 1
    return cv2.erode(inside.astype(np.uint8), np.ones((margin, margin), np.uint8)) > 0


def edge_drop(light: np.ndarray, hull: np.ndarray) -> float:
    """Return by how many levels the picture darkens within three pixels of the hull's edge."""
    inside, outside = hull > 0, hull == 0
    near = np.ones((7, 7), np.uint8)
    inner = inside & (cv2.dilate(outside.astype(np.uint8), near) > 0) & (cv2.erode(hull, np.ones((3, 3), np.uint8)) > 0)
    outer = outside & (cv2.dilate(hull, near) > 0) & (cv2.dilate(hull, np.ones((3, 3), np.uint8)) == 0)
    if not inner.any() or not outer.any():
        return 0.0
    return float(np.quantile(light[inner], 0.3)) - float(np.quantile(light[outer], 0.7))


def close_dark(grey: np.ndarray, side: int) -> np.ndarray:
    """Return `grey` without dark marks narrower than `side`; what runs out of the picture counts as wide."""
    padded = cv2.copyMakeBorder(grey, side, side, side, side, cv2.BORDER_REPLICATE)
    return cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))[side:-side, side:-side]


def solid_hull(light: np.ndarray) -> np.ndarray | None:
    """Return the filled hull (0 or 255) of the largest light area, None unless it is large and nearly convex."""
    outlines, _ = cv2.findContours(light, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
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


def ink_level(contrast: np.ndarray) -> float:
    """Return Otsu's threshold between faint marks and ink, over what is not plain paper."""
    levels = (np.clip(contrast[contrast > 0.08], 0, 1) * 255).astype(np.uint8)
    if levels.size < 2:
        return 0.5
    threshold, _ = cv2.threshold(levels.reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    return float(np.clip(threshold / 255, 0.2, 0.6))


# ---------------------------------------------------------------- slant and ruled lines


def find_slant(contrast: np.ndarray) -> float:
    """Return by how many degrees the lines fall to the right: the angle at which the rows' profile is sharpest."""
    small = shrink(contrast, 400)
    y, x = np.nonzero(small > ink_level(small))
    if len(y) < 20:
        return 0.0
    weights = small[y, x]

    def sharpness(angle: float) -> float:
        rows = (y - x * np.tan(np.radians(angle))).round().astype(int)
        return float((np.bincount(rows - rows.min(), weights) ** 2).sum()) * float(np.exp(-((angle / 40) ** 2)))

    coarse = max(np.arange(-MAX_ANGLE, MAX_ANGLE + 0.1), key=sharpness)
    return float(max(coarse + np.arange(-0.75, 0.8, 0.25), key=sharpness))


def turn(contrast: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Level lines that fall by `angle` degrees: the turned map, and the (2, 3) matrix from it back to the map given."""
    height, width = contrast.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sine + width * cosine) + 1, int(height * cosine + width * sine) + 1)
    matrix[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    turned = cv2.warpAffine(contrast, matrix, size, flags=cv2.INTER_LINEAR) if abs(angle) > 0.2 else contrast
    if turned is contrast:
        return contrast, np.float64([[1, 0, 0], [0, 1, 0]])
    return turned, cv2.invertAffineTransform(matrix)


def erase_rules(contrast: np.ndarray) -> np.ndarray:
    """Take ruled lines and squares off: thin level or upright marks that run on; what a stroke crosses stays."""
    for flipped in (False, True):
        map_ = contrast.T if flipped else contrast
        erased = erase_level_rules(np.ascontiguousarray(map_))
        contrast = np.ascontiguousarray(erased.T if flipped else erased)
    return contrast


def erase_level_rules(contrast: np.ndarray) -> np.ndarray:
    height, width = contrast.shape
    faint = (contrast > 0.12).astype(np.uint8)
    closed = cv2.morphologyEx(faint, cv2.MORPH_CLOSE, np.ones((1, 9), np.uint8))
    length = max(40, round(0.3 * width))
    runs = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    if not runs.any():
        return contrast
    rows = np.flatnonzero(runs.sum(axis=1) > 0.3 * width)
    thick = max(3, round(0.012 * max(height, width)))
    band = cv2.dilate(runs, np.ones((3, 1), np.uint8))
    upright = cv2.morphologyEx(faint, cv2.MORPH_OPEN, np.ones((thick + 3, 1), np.uint8))  # strokes that cross a rule
    if not len(rows):
        return contrast
    return np.where((band > 0) & (cv2.dilate(upright, np.ones((1, 3), np.uint8)) == 0), 0, contrast).astype(np.float32)


# ---------------------------------------------------------------- parts and lines


@dataclass(frozen=True)
class Part:
    """A connected part of the writing: its label, box on the levelled page, and area."""

    label: int
    left: int
    top: int
    right: int
    bottom: int
    area: int

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def find_parts(contrast: np.ndarray) -> tuple[list[Part], np.ndarray]:
    """Return the connected parts that may be writing, and the label map they are numbered by."""
    level = ink_level(contrast)
    weak = (contrast > 0.6 * level).astype(np.uint8)
    n, labels, stats, _centres = cv2.connectedComponentsWithStats(weak, connectivity=8)
    strong = np.bincount(labels[contrast > level], minlength=n)
    parts = [
        Part(i, int(left), int(top), int(left + width), int(top + height), int(area))
        for i, (left, top, width, height, area) in enumerate(stats)
        if i > 0 and strong[i] > max(2, 0.1 * area)
    ]
    return drop_clutter(parts, contrast.shape), labels


def drop_clutter(parts: list[Part], shape: tuple[int, int]) -> list[Part]:
    """Leave out specks, rules that were not erased and things that come in from the border."""
    if not parts:
        return []
    usual = usual_height(parts)
    kept = []
    for part in parts:
        is_speck = max(part.height, part.width) < 0.12 * usual or part.area < 0.004 * usual**2
        is_rule = part.width > 3 * usual and part.height < 0.3 * usual
        is_post = part.height > 2.5 * usual and part.width < 0.3 * usual
        at_border = part.left <= 1 or part.top <= 1 or part.right >= shape[1] - 1 or part.bottom >= shape[0] - 1
        is_edge = at_border and (max(part.width, part.height) > 2.5 * usual or min(part.width, part.height) < 0.25 * usual)
        if not (is_speck or is_rule or is_post or is_edge):
            kept.append(part)
    return kept


def usual_height(parts: list[Part]) -> float:
    """Return the height of the parts, the median weighted by area: specks hardly count."""
    heights = np.array([part.height for part in parts])
    weights = np.cumsum(np.array([part.area for part in parts])[np.argsort(heights)])
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


# ---------------------------------------------------------------- parts -> pieces -> candidates


def cut_line(contrast: np.ndarray, labels: np.ndarray, line: list[Part], height: float) -> list[Piece]:
    """Return the pieces of a line from left to right."""
    pieces = []
    for part in line:
        mask = labels[part.top : part.bottom, part.left : part.right] == part.label
        strokes = np.clip(contrast[part.top : part.bottom, part.left : part.right], 0, 1) * mask
        seams = find_seams(strokes, height) if part.width > 0.4 * height and part.height > 0.4 * height else []
        pieces += split_part(part, mask, seams)
    return sorted(pieces, key=lambda piece: (piece.left + piece.right) / 2)


@dataclass(frozen=True)
class Seam:
    """A way from top to bottom that cuts little ink: the column it passes in every row, and the ink it cuts."""

    columns: np.ndarray
    ink: float


def find_seams(strokes: np.ndarray, height: float) -> list[Seam]:
    """Return the seams of least ink through a part, one for each valley of their cost along the middle row."""
    price = strokes + 0.004
    down, up = cheapest(price), cheapest(price[::-1])[::-1]
    middle = strokes.shape[0] // 2
    total = down[middle] + up[middle] - price[middle]
    apart = max(2, round(0.1 * height))
    columns = valleys(total, apart)
    pen = max(1.0, pen_width(strokes))
    seams = []
    for column in columns:
        path = trace(down, up, column)
        seams.append(Seam(path, float(strokes[np.arange(len(path)), path].sum()) / pen))
    most = max(2, int(np.ceil(strokes.shape[1] / (0.22 * height))))
    return sorted(sorted(seams, key=lambda seam: seam.ink)[:most], key=lambda seam: seam.columns[middle])


def cheapest(price: np.ndarray, aside: float = 0.02) -> np.ndarray:
    """Return (h, w) the least price of a way from the top row to each pixel, one column aside a row at most."""
    total = np.empty_like(price)
    total[0] = price[0]
    padded = np.full(price.shape[1] + 2, np.inf, price.dtype)
    for row in range(1, len(price)):
        padded[1:-1] = total[row - 1]
        total[row] = price[row] + np.minimum(padded[1:-1], np.minimum(padded[:-2], padded[2:]) + aside)
    return total


def valleys(total: np.ndarray, apart: int) -> list[int]:
    """Return the columns of local minima at least `apart` from each other and from the ends; of a plateau the middle."""
    least = cv2.erode(total.reshape(1, -1), np.ones((1, 2 * apart + 1), np.uint8)).ravel()
    low = np.flatnonzero(total <= least + 1e-4)
    low = low[(low >= apart) & (low < len(total) - apart)]
    runs = np.split(low, np.flatnonzero(np.diff(low) > 1) + 1) if len(low) else []
    return [int(run[len(run) // 2]) for run in runs]


def trace(down: np.ndarray, up: np.ndarray, column: int) -> np.ndarray:
    """Return the column in every row of the cheapest way through (middle row, `column`)."""
    n, middle = len(down), len(down) // 2
    path = np.empty(n, np.int64)
    path[middle] = column
    for row in range(middle - 1, -1, -1):
        path[row] = _nearby(down[row], path[row + 1])
    for row in range(middle + 1, n):
        path[row] = _nearby(up[row], path[row - 1])
    return path


def _nearby(total: np.ndarray, column: int, aside: float = 0.02) -> int:
    first = max(0, column - 1)
    window = total[first : column + 2] + aside * np.abs(np.arange(first, min(len(total), column + 2)) - column)
    return first + int(np.argmin(window))


def pen_width(strokes: np.ndarray) -> float:
    """Return the width of the strokes: twice the area over the outline's length."""
    solid = (strokes > 0.3).astype(np.uint8)
    area = int(solid.sum())
    inner = int(cv2.erode(solid, np.ones((3, 3), np.uint8), borderValue=0).sum())
    return 2.0 * area / max(1, area - inner)


def split_part(part: Part, mask: np.ndarray, seams: list[Seam]) -> list[Piece]:
    """Cut a part along its seams; a piece takes what lies between two of them."""
    columns = np.arange(mask.shape[1])
    side = np.zeros(mask.shape, np.int64)
    for seam in seams:
        side += columns[None, :] >= seam.columns[:, None]
    pieces = []
    for number in range(len(seams) + 1):
        between = mask & (side == number)
        if not between.any():
            continue
        left, top, right, bottom = bounding_box(between)
        cut = seams[number - 1].ink if number else 0.0
        pieces.append(Piece(part.left + left, part.top + top, between[top:bottom, left:right], part.label, cut))
    return pieces


def propose(line: int, pieces: list[Piece], height: float) -> list[Candidate]:
    """Return every run of neighbouring pieces that could be one digit."""
    candidates = []
    for first in range(len(pieces)):
        for last in range(first, min(len(pieces), first + MAX_PIECES)):
            run = pieces[first : last + 1]
            box = joint_box(run)
            if last > first and (box[2] - box[0] > MAX_WIDTH * height or _widest_gap(run) > 0.3 * height):
                break
            if max(box[2] - box[0], box[3] - box[1]) >= LEAST_SIDE * height:
                candidates.append(Candidate(line, first, last, box, shape_cost(pieces, first, last, height)))
    return candidates


def _widest_gap(run: list[Piece]) -> float:
    reach, widest = run[0].right, 0
    for piece in run[1:]:
        widest, reach = max(widest, piece.left - reach), max(reach, piece.right)
    return widest


def shape_cost(pieces: list[Piece], first: int, last: int, height: float) -> float:
    """Return the cost of a candidate before the network sees it: cuts on its left, joins inside, an odd size."""
    run = pieces[first : last + 1]
    left, top, right, bottom = joint_box(run)
    cost = CUT_COST * run[0].cut if first and pieces[first - 1].part == run[0].part else 0.0
    cost += JOIN_COST * (len({piece.part for piece in run}) - 1)
    tall, wide = (bottom - top) / height, (right - left) / height
    if tall < 0.7:
        cost += 8.0 * (0.7 - tall) ** 2 / 0.1
    if wide > 1.0:
        cost += 6.0 * (wide - 1.0)
    return cost


def join_ink(contrast: np.ndarray, pieces: list[Piece], box: tuple[int, int, int, int]) -> np.ndarray:
    """Return the ink of several pieces together, uint8 (28, 28)."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), bool)
    for piece in pieces:
        mask[piece.top - top : piece.bottom - top, piece.left - left : piece.right - left] |= piece.mask
    return normalise(contrast[top:bottom, left:right], mask)
